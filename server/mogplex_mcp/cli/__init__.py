"""The command line of `mogplex-mcp`: `catalog` lists the commands, each is one module, imported when it runs."""
