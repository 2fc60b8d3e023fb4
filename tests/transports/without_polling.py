"""`mogplex-mcp` on a system where pipes can't be polled, as on Windows: stdin and stdout are left to threads.

With NO_SIGNAL_HANDLERS as the first argument, asyncio has no signal handlers there either.
"""

import asyncio
import sys

from mogplex_mcp.cli.main import main
from mogplex_mcp.transports.stdio import serving

NO_SIGNAL_HANDLERS = "--no-signal-handlers"


def refuse(*_: object) -> None:
    raise NotImplementedError


if __name__ == "__main__":
    serving.can_be_polled = lambda *_: False
    arguments = sys.argv[1:]
    if arguments[:1] == [NO_SIGNAL_HANDLERS]:
        asyncio.SelectorEventLoop.add_signal_handler = refuse  # type: ignore[assignment] - stands in for Windows
        arguments = arguments[1:]
    main(arguments)
