"""Start a run exactly once, and watch it cheaply: polls, cursors, outcomes. Knows nothing of MCP."""
