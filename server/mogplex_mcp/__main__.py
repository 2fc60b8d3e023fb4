"""Entry point of `mogplex-mcp` and `python -m mogplex_mcp`."""

import gc
import os
import signal


def main() -> None:
    """Run the command line and exit with its exit status."""
    # Until a command runs (`cli.main`), Ctrl-C ends the process at once: nothing has to be shut down, and Python would
    # print the traceback of an import. Where SIGINT is ignored, as in a background job, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Looking for pydantic plugins reads the metadata of every installed package; none is used here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Garbage collection takes a fifth of the import time; `cli.main` enables it again.
    gc.disable()
    from mogplex_mcp.cli.main import main as run  # noqa: PLC0415 - the collector would run while it is imported

    run()


if __name__ == "__main__":
    main()
