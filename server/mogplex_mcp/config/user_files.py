"""Where a user's token and journal are: one place for each person, whatever variables a program was started with.

Desktop programs start servers without the variables of a shell, so places that XDG_CONFIG_HOME or XDG_STATE_HOME move
would differ from those of a terminal. On Windows, packaged programs (MSIX: Claude Desktop, Codex) and what they start
see an AppData of their own, so nothing is kept there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME: Final = "mogplex-mcp"
_TOKENS: Final = "tokens.json"
_STATE: Final = "state.sqlite3"


@dataclass(frozen=True)
class UserFiles:
    """The files of a user.

    Attributes:
        token_file: Where `mogplex-mcp login` stores tokens without a keyring.
        state_file: The journal of runs.
        old_token_files: Where releases before this one stored tokens.
        old_state_files: Where they had the journal.
    """

    token_file: Path
    state_file: Path
    old_token_files: tuple[Path, ...] = ()
    old_state_files: tuple[Path, ...] = ()


def user_files_of(home: Path, platform: str, environment: Mapping[str, str]) -> UserFiles:
    """Return the files of a user.

    Args:
        home: The user's home directory.
        platform: As in `sys.platform`.
        environment: Variables that moved the files in earlier releases.
    """
    if platform == "win32":
        folder, old = home / f".{_NAME}", _moved(environment, "LOCALAPPDATA") or home / "AppData" / "Local"
        return UserFiles(folder / _TOKENS, folder / _STATE, (old / _NAME / _TOKENS,), (old / _NAME / _STATE,))
    if platform == "darwin":
        configuration = state = home / "Library" / "Application Support"
    else:
        configuration, state = home / ".config", home / ".local" / "state"
    old_configuration, old_state = _moved(environment, "XDG_CONFIG_HOME"), _moved(environment, "XDG_STATE_HOME")
    return UserFiles(
        configuration / _NAME / _TOKENS,
        state / _NAME / _STATE,
        (old_configuration / _NAME / _TOKENS,) if old_configuration not in (None, configuration) else (),
        (old_state / _NAME / _STATE,) if old_state not in (None, state) else (),
    )


def _moved(environment: Mapping[str, str], variable: str) -> Path | None:
    folder = Path(environment.get(variable, "").strip())
    return folder if folder.is_absolute() else None
