"""The run card: a page that hosts with MCP Apps show next to the result of a tool."""
