"""Where the user's token is: the environment, a file, the keyring, or the file of the vendor's command line."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.api.credentials import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.settings import Settings

KEYRING_SERVICE: Final = "mogplex-mcp"
KEYRING_USER: Final = "token"
LARGEST_FILE: Final = 65_536
AUTH_FILE: Final = Path(".mogplex", "auth.json")


@dataclass(frozen=True)
class FoundToken:
    """The user's token, or why there is none that can be used.

    Attributes:
        token: None when there is none.
        source: Where it came from or where it was looked for, for people.
        problem: Why there is none; raised by whoever needs one.
    """

    token: Token | None
    source: str
    problem: MogplexError | None = None


def find_token(settings: Settings) -> FoundToken:
    """The first token among the places where users put one. The first place that holds something decides."""
    for source, text in _places(settings):
        if isinstance(text, MogplexError):
            return FoundToken(None, source, text)
        if text.strip():
            try:
                return FoundToken(Token.parse(text), source)
            except MogplexError as error:
                problem = MogplexError(error.code, f"What {source} holds is no token. {error.message}")
                return FoundToken(None, source, problem)
    problem = MogplexError(
        ErrorCode.NO_TOKEN,
        "None was found: not in MOGPLEX_API_KEY, MOGPLEX_API_KEY_FILE, the keyring or ~/.mogplex/auth.json.",
    )
    return FoundToken(None, "nowhere", problem)


def _places(settings: Settings) -> Iterator[tuple[str, str | MogplexError]]:
    yield "the environment", settings.api_key.value
    if settings.api_key_file:
        yield f"the file {settings.api_key_file}", _read(settings.api_key_file)
    yield "the keyring", _from_keyring()
    if settings.home:
        path = settings.home / AUTH_FILE
        # Who never used the vendor's command line has no such file; whoever has one relies on it.
        text = _read(path, missing="")
        yield f"the file {path}", text if isinstance(text, MogplexError) else _from_json(text)


def _read(path: Path, missing: str | None = None) -> str | MogplexError:
    """The text of a file, or why it cannot be had; `missing` if there is no such file and that is all right."""
    try:
        if not path.is_file() and path.exists():
            return _unreadable(path, "it is no regular file")  # reading from a pipe could wait for ever
        if path.stat().st_size > LARGEST_FILE:
            return _unreadable(path, "it is too large to hold a token")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return _unreadable(path, "it is no text in UTF-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        return _unreadable(path, error.strerror) if missing is None else missing
    except (OSError, ValueError) as error:
        return _unreadable(path, getattr(error, "strerror", "its name is unusable"))


def _unreadable(path: Path, reason: str | None) -> MogplexError:
    return MogplexError(ErrorCode.NO_TOKEN, f"The token file {path} cannot be used: {reason}.")


def _from_keyring() -> str:
    try:
        keyring = importlib.import_module("keyring")  # an optional extra, and slow to import
    except ImportError:
        return ""
    try:
        return str(keyring.get_password(KEYRING_SERVICE, KEYRING_USER) or "")
    except Exception:  # noqa: BLE001 - a locked, absent or broken keyring, whatever it raises, is no token
        return ""


def _from_json(text: str) -> str:
    """The token in the vendor's file, under whatever name: it is known by its shape."""
    try:
        return next((one for one in _texts(json.loads(text)) if one.startswith("mog_")), "")
    except (ValueError, RecursionError):
        return ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
