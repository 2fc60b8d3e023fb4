"""Mogplex over HTTP: routes, models, errors, retry, budget. Knows nothing of MCP."""
