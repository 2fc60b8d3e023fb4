"""`python -m mogplex_mcp` is `mogplex-mcp`."""

from mogplex_mcp.cli import main

if __name__ == "__main__":
    main()
