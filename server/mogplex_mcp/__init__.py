"""MCP server for Mogplex: agents start, follow and manage coding-agent runs."""

__version__ = "0.1.0"
