"""`mogplex-mcp` and `python -m mogplex_mcp`: clients are answered, where that can be, while the rest is loaded."""

import gc
import os

from mogplex_mcp.startup import early


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    early.listen()
    # To look for plugins of pydantic is to read about every installed package; there is no use for one here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Looking for garbage in what is loaded is a fifth of the time that loading takes. `cli` goes back to it.
    gc.disable()
    from mogplex_mcp.cli.main import main as run  # noqa: PLC0415 - slow to import

    run()


if __name__ == "__main__":
    main()
