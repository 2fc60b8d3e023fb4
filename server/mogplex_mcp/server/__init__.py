"""The MCP server: handlers of tools, tasks, resources, prompts, completions and subscriptions; tracing."""
