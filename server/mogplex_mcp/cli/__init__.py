"""The command line of `mogplex-mcp`: `catalog` declares the commands; each is a module, imported when it runs."""
