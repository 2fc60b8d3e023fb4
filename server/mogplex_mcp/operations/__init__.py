"""Operations on Mogplex, for agents and people alike: typed arguments in, a result or one `OperationError` out.

An operation knows neither MCP nor a terminal. `tools` declares it for models, `cli` for people.
"""
