"""The MCP server: its assembly, and the handlers of each kind of request."""
