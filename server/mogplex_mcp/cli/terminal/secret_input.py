"""What a person types without it being seen, or a program hands over on stdin; a signal ends the wait at once."""

import contextlib
import getpass
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Final

from mogplex_mcp.core.deadline import within
from mogplex_mcp.core.private_file import LARGEST
from mogplex_mcp.core.standard_streams import STDIN, say

PERSON_SECONDS: Final = 600.0
PIPE_SECONDS: Final = 60.0


class InputError(Exception):
    """Nothing could be read; the message says why and what to do, in one line."""


def has_person() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


async def read_secret(prompt: str) -> str:
    """A secret: typed unseen where there is a terminal, else all of stdin.

    Args:
        prompt: What a person is asked.

    Raises:
        InputError: Nothing came in time, or the terminal would show it.
    """
    try:
        if not has_person():
            return (await within(PIPE_SECONDS, _read_all)).decode("utf-8-sig", "replace")
        with _echo_as_before(), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return await within(PERSON_SECONDS, lambda: getpass.getpass(prompt))
    except getpass.GetPassWarning:
        raise InputError("This terminal cannot hide what you type: hand the token over on stdin instead.") from None
    except EOFError:
        return ""
    except TimeoutError:
        raise InputError("Nothing was entered in time. Start again when you have the token.") from None


async def confirm(question: str) -> bool:
    """Ask a person at the terminal; no answer is no."""
    say(f"{question} [y/N]")
    try:
        # Not by `input`: a thread that waits inside sys.stdin would keep the process from ending.
        line = await within(PERSON_SECONDS, lambda: os.read(STDIN, 1_000))
    except (TimeoutError, OSError):
        return False
    return line.strip().lower() in (b"y", b"yes")


def _read_all() -> bytes:
    """Stdin to its end, or to where it is too much for a secret."""
    read = b""
    while len(read) <= LARGEST and (more := os.read(STDIN, LARGEST)):
        read += more
    return read


@contextlib.contextmanager
def _echo_as_before() -> Iterator[None]:
    """Leave the terminal as it was, also where the reading itself is given up in the middle."""
    if sys.platform == "win32":
        yield  # nothing is switched off there
        return
    import termios  # noqa: PLC0415 - not on Windows

    before = termios.tcgetattr(STDIN)
    try:
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSADRAIN, before)
