"""Values of arguments as a person writes them: text, `@FILE` for what a file holds, `-` for stdin."""

from pathlib import Path
from typing import Final

from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.stdin import MOST_BYTES, read_all
from mogplex_mcp.core.shutdown import Shutdown

_STDIN: Final = "-"
_FILE: Final = "@"


async def read_value(text: str, shutdown: Shutdown) -> str:
    """What a value stands for; `@@` at its beginning stands for one `@`.

    Raises:
        Interrupted: The process ends.
        CommandError: A file cannot be read.
    """
    if text == _STDIN:
        return await read_all(shutdown)
    if text.startswith(_FILE * 2):
        return text.removeprefix(_FILE)
    return _read(Path(text.removeprefix(_FILE))) if text.startswith(_FILE) else text


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError.usage(f"The file {path} holds more than 4 MB.", "Give less.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError.usage(
            f"The file {path} cannot be read: {error.strerror}.", "Correct its name; @@ begins a text with an @."
        ) from None
    except UnicodeDecodeError:
        raise CommandError.usage(f"What the file {path} holds is no UTF-8 text.", "Convert it first.") from None
