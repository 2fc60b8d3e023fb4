"""How MCP messages get in and out: stdio and Streamable HTTP, authentication, limits, request tracking."""
