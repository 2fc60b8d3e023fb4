"""Agreement of the user to a command that changes files: by a question at a terminal, elsewhere by --yes."""

import sys
from typing import Final

import anyio

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.core.standard_streams import say

NEEDS_YES: Final = "Without a terminal there is no one to ask: add --yes to agree to it."


def is_at_terminal() -> bool:
    """Return whether the user can be asked: stdin and stdout are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


async def may_write(*, files: int, assume_yes: bool) -> ExitCode:
    """Ask whether to write files.

    Args:
        files: Their number.
        assume_yes: Whether the user has agreed already, by --yes.

    Returns:
        OK if the user agrees, FAILURE if not, USAGE where only --yes could say so.
    """
    if assume_yes:
        return ExitCode.OK
    if not is_at_terminal():
        say(NEEDS_YES)
        return ExitCode.USAGE
    sys.stdout.write(f"Write {'this file' if files == 1 else f'these {files} files'}? [y/N] ")
    sys.stdout.flush()
    if sys.platform != "win32":
        await anyio.wait_readable(sys.stdin)  # so that Ctrl-C interrupts it
    agreed = sys.stdin.readline().strip().lower() in ("y", "yes")
    return ExitCode.OK if agreed else ExitCode.FAILURE
