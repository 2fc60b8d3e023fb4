"""What a person types or pipes in."""

import contextlib
import os
import sys
from typing import Final

import anyio

from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.core.standard_streams import STDIN, say
from mogplex_mcp.operations.confirmation import Action

MOST_BYTES: Final = 4_000_000
_READ_BYTES: Final = 65_536


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The process was told to end while it read."""


async def read_all(shutdown: Shutdown) -> str:
    """All of stdin, as text.

    Raises:
        Interrupted: The process ends.
        CommandError: It is too long, or no text.
    """
    if sys.stdin.isatty():
        say("Reading from the terminal; Ctrl-D on an empty line ends.")
    pieces = bytearray()
    while piece := await _read(shutdown):
        pieces += piece
        if len(pieces) > MOST_BYTES:
            raise CommandError.usage("Stdin holds more than 4 MB.", "Give less.")
    try:
        return pieces.decode()
    except UnicodeDecodeError:
        raise CommandError.usage("What stdin holds is no UTF-8 text.", "Convert it first.") from None


async def ask(question: str, shutdown: Shutdown) -> Action | None:
    """Ask a person to agree; None where there is nobody to ask.

    Raises:
        Interrupted: The process ends.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    sys.stderr.write(f"{question}\nDo this? [y/N] ")
    sys.stderr.flush()
    said = (await _read(shutdown)).decode(errors="replace").strip().lower()
    return "accept" if said in ("y", "yes") else "decline"


async def _read(shutdown: Shutdown) -> bytes:
    """What comes next; empty at the end."""
    with shutdown.within(AT_ONCE):
        if sys.platform == "win32":
            return await anyio.to_thread.run_sync(os.read, STDIN, _READ_BYTES, abandon_on_cancel=True)
        # No thread: one that reads would keep the process from exiting.
        with contextlib.suppress(PermissionError):  # a file, which can always be read
            await anyio.wait_readable(STDIN)
        return os.read(STDIN, _READ_BYTES)
    raise Interrupted
