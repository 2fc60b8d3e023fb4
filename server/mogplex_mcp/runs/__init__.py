"""What makes a run safe to start and cheap to watch. Knows nothing of MCP."""
