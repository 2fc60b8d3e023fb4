"""Distribution: built-in responses, the MCP bundle, plugins, the entry in the MCP registry, install links.

All of it is generated from the code and `pyproject.toml`: files in the repository by `python -m docs.generate`, the
input of `mcpb pack` by `python -m distribution.bundle FOLDER`.
"""
