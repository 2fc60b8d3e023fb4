"""Mogplex over HTTP: requests, answers, budget. Knows nothing of MCP."""
