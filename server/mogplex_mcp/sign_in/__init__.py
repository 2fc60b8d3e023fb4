"""Signing in to Mogplex with a browser, and refreshing what came of it, with the OAuth client of the MCP SDK."""
