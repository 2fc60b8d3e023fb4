"""`mogplex-mcp` on a system where pipes can't be polled, as on Windows: stdin and stdout are left to threads.

With NO_SIGNAL_HANDLERS as the first argument, asyncio has no signal handlers there either.
"""

import asyncio
import sys
from unittest.mock import patch

from mogplex_mcp.cli.main import main
from mogplex_mcp.transports.stdio import serving

NO_SIGNAL_HANDLERS = "--no-signal-handlers"

if __name__ == "__main__":
    patch.object(serving, "can_be_polled", return_value=False).start()
    arguments = sys.argv[1:]
    if arguments[:1] == [NO_SIGNAL_HANDLERS]:
        patch.object(asyncio.SelectorEventLoop, "add_signal_handler", side_effect=NotImplementedError).start()
        arguments = arguments[1:]
    main(arguments)
