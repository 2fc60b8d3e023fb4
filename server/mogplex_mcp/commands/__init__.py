"""The commands of `mogplex-mcp`: `catalog` lists them, each is one module, imported when it runs."""
