"""How this server gets to people: the MCP bundle, the entry of the MCP registry, links that install it.

All of it is made from the code and `pyproject.toml`. `python -m docs.generate` writes what is kept in the repository;
`python -m distribution.bundle FOLDER` writes what `mcpb pack` packs.
"""
