"""Input of a command: values and files, stdin, secrets typed without echo, and yes-or-no prompts."""

import contextlib
import getpass
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import anyio

from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.core.deadline import within
from mogplex_mcp.core.decoding import decode_text
from mogplex_mcp.core.private_file import LARGEST
from mogplex_mcp.core.shutdown import AT_ONCE, Shutdown
from mogplex_mcp.core.standard_streams import STDIN, read_available, say
from mogplex_mcp.operations.confirmation import Action

TERMINAL_SECONDS: Final = 600.0
PIPE_SECONDS: Final = 60.0
MAX_BYTES: Final = 4_000_000
_CHUNK_BYTES: Final = 65_536
_STDIN_MARK: Final = "-"
_FILE_MARK: Final = "@"


class InputError(Exception):
    """A secret could not be read; the message says why and what to do, in one line."""


class Interrupted(Exception):  # noqa: N818 - not an error: the process is shutting down
    """A signal arrived during a read."""


def is_interactive() -> bool:
    """Return whether stdin is a terminal."""
    return sys.stdin.isatty()


async def read_value(text: str, shutdown: Shutdown) -> str:
    """Return the value of an argument: the text itself, the content of `@FILE`, or stdin for `-`.

    `@@` at the beginning stands for one `@`.

    Raises:
        Interrupted: The process is shutting down.
        CommandError: The file cannot be read.
    """
    if text == _STDIN_MARK:
        return await read_stdin(shutdown)
    if text.startswith(_FILE_MARK * 2):
        return text.removeprefix(_FILE_MARK)
    return _read_file(Path(text.removeprefix(_FILE_MARK))) if text.startswith(_FILE_MARK) else text


async def read_stdin(shutdown: Shutdown) -> str:
    """Return all of stdin as text.

    Raises:
        Interrupted: The process is shutting down.
        CommandError: It is longer than `MAX_BYTES`, or not UTF-8.
    """
    if is_interactive():
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        say(f"Reading from the terminal; {end} on an empty line ends.")
    content = bytearray()
    while chunk := await _read_chunk(shutdown):
        content += chunk
        if len(content) > MAX_BYTES:
            raise CommandError.usage("Stdin holds more than 4 MB.", "Shorten it.")
    try:
        return decode_text(content)
    except UnicodeDecodeError:
        raise CommandError.usage("Stdin isn't UTF-8 text.", "Convert it first.") from None


async def ask_consent(question: str, shutdown: Shutdown) -> Action | None:
    """Ask the user to agree to a change; return None where stdin or stderr isn't a terminal.

    Raises:
        Interrupted: The process is shutting down.
    """
    if not (is_interactive() and sys.stderr.isatty()):
        return None
    sys.stderr.write(f"{question}\nDo this? [y/N] ")
    sys.stderr.flush()
    return "accept" if _is_yes(await _read_chunk(shutdown)) else "decline"


async def confirm(question: str) -> bool:
    """Ask a yes-or-no question at the terminal; a timeout or the end of input is a no."""
    say(f"{question} [y/N]")
    try:
        # Not with `input`: a thread waiting inside sys.stdin would keep the process from exiting.
        line = await within(TERMINAL_SECONDS, lambda: read_available(1_000))
    except (TimeoutError, OSError):
        return False
    return _is_yes(line)


async def read_secret(prompt: str) -> str:
    """Read a secret: typed without echo at a terminal, otherwise all of stdin.

    Args:
        prompt: The prompt at a terminal.

    Raises:
        InputError: Nothing was entered in time, or the terminal cannot hide what is typed.
    """
    try:
        if not is_interactive():
            return decode_text(await within(PIPE_SECONDS, _read_secret_from_pipe), "replace")
        with _restored_echo(), warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return await within(TERMINAL_SECONDS, lambda: getpass.getpass(prompt))
    except getpass.GetPassWarning:
        raise InputError(
            "This terminal cannot hide what you type: pass the token on stdin instead, with --yes."
        ) from None
    except EOFError:
        return ""
    except TimeoutError:
        raise InputError("Nothing was entered in time. Start again when you have the token.") from None


def _is_yes(line: bytes) -> bool:
    return line.strip().lower() in (b"y", b"yes")


def _read_file(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError.usage(f"The file {path} holds more than 4 MB.", "Shorten it.")
        return decode_text(path.read_bytes())
    except OSError as error:
        raise CommandError.usage(
            f"The file {path} cannot be read: {error.strerror}.", "Correct its name; @@ begins a text with an @."
        ) from None
    except UnicodeDecodeError:
        raise CommandError.usage(f"The file {path} isn't UTF-8 text.", "Convert it first.") from None


async def _read_chunk(shutdown: Shutdown) -> bytes:
    """Read the next bytes of stdin; empty at its end."""
    with shutdown.within(AT_ONCE):
        if sys.platform == "win32":
            return await anyio.to_thread.run_sync(read_available, _CHUNK_BYTES, abandon_on_cancel=True)
        # Not in a thread: a blocked read would keep the process from exiting.
        with contextlib.suppress(PermissionError):  # epoll refuses regular files, which are always readable
            await anyio.wait_readable(STDIN)
        return read_available(_CHUNK_BYTES)
    raise Interrupted


def _read_secret_from_pipe() -> bytes:
    """Read stdin to its end, or until it is too long for a secret."""
    content = b""
    while len(content) <= LARGEST and (chunk := read_available(LARGEST)):
        content += chunk
    return content


@contextlib.contextmanager
def _restored_echo() -> Iterator[None]:
    """Restore the terminal's attributes afterwards, also when the read is abandoned."""
    if sys.platform == "win32":
        yield  # getpass changes nothing there
        return
    import termios  # noqa: PLC0415 - not on Windows

    attributes = termios.tcgetattr(STDIN)
    try:
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSADRAIN, attributes)
