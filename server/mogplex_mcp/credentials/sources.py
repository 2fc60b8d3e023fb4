"""Sources of the user's token: environment, file, keyring, stored by `login`, file of Mogplex's own CLI."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.private_file import is_exposed, read_private
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.token_store import (
    KEYRING,
    FileStore,
    NoKeyringError,
    StoreError,
    address_of,
    is_keyring_first,
)

AUTH_FILE: Final = Path(".mogplex", "auth.json")
_NAMES: Final = frozenset(name for option in OPTIONS if option.read is Secret for name in option.environment)


class SourceKind(StrEnum):
    """The kind of a source of tokens, on which it depends how a token is replaced."""

    ENVIRONMENT = "environment"
    FILE = "file"
    LOGIN = "login"
    """The keyring, or the file of `mogplex-mcp login`."""
    MOGPLEX_CLI = "mogplex_cli"
    REQUEST = "request"
    """The Authorization header of an HTTP request."""
    OTHER = "other"


@dataclass(frozen=True)
class FoundToken:
    """The user's token, or why there is no valid one.

    Attributes:
        token: None if there is no valid token.
        source: Display name of its source.
        problem: Why there is none; raised when a token is needed.
        warning: A warning about its source, or about an earlier one that could not be read.
        kind: The kind of its source.
        personal: Whether it is that of the person whose machine this is; otherwise of one of several callers.
    """

    token: Token | None
    source: str
    problem: MogplexError | None = None
    warning: str = ""
    kind: SourceKind = SourceKind.OTHER
    personal: bool = False


@dataclass(frozen=True)
class _Source:
    """A source of tokens.

    Attributes:
        kind: Its kind.
        name: Its display name.
        text: Its content.
        problem: Why it can't be used; later sources are then ignored.
        warning: A warning for the user.
    """

    kind: SourceKind
    name: str
    text: str = ""
    problem: str = ""
    warning: str = ""


def find_token(settings: Settings) -> FoundToken:
    """Return the token of the first source that isn't empty."""
    warnings: list[str] = []
    for source in _sources(settings):
        warnings += [source.warning] if source.warning else []
        if source.problem:
            return FoundToken(None, source.name, MogplexError(ErrorCode.NO_TOKEN, source.problem), kind=source.kind)
        if source.text.strip():
            try:
                token = Token.parse(source.text)
                return FoundToken(token, source.name, warning=" ".join(warnings), kind=source.kind)
            except MogplexError as error:
                problem = MogplexError(error.code, f"The content of {source.name} is not a token. {error.message}")
                return FoundToken(None, source.name, problem, kind=source.kind)
    warnings += [
        f"{name} contains a placeholder that was not filled in." for name in settings.unfilled if name in _NAMES
    ]
    problem = MogplexError(
        ErrorCode.NO_TOKEN,
        "No token was found in MOGPLEX_API_KEY, MOGPLEX_API_KEY_FILE, the keyring, the tokens that `mogplex-mcp login` "
        f"stored for {address_of(settings)}, or ~/.mogplex/auth.json. {' '.join(warnings)}".rstrip(),
    )
    return FoundToken(None, "nowhere", problem)


def file_stamps(settings: Settings) -> Sequence[tuple[int, int]]:
    """Return what changes with the files that hold tokens, without reading them."""
    mogplex_cli = settings.home and settings.home / AUTH_FILE
    files = (settings.api_key_file, settings.token_file, *settings.old_token_files, mogplex_cli)
    return [_stamp(path) for path in files if path]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def sources(settings: Settings) -> list[str]:
    """Return the names of all sources that aren't empty, the effective one first."""
    return [source.name for source in _sources(settings) if source.text.strip() or source.problem]


def _sources(settings: Settings) -> Iterator[_Source]:
    yield _Source(SourceKind.ENVIRONMENT, "the environment", settings.api_key.value)
    if settings.api_key_file:
        yield _file_source(settings.api_key_file, "Correct MOGPLEX_API_KEY_FILE (--api-key-file), or leave it out.")
    if is_keyring_first():
        yield _keyring_source(settings)
    for path in (settings.token_file, *settings.old_token_files):
        yield _stored_source(path, address_of(settings))
    if not is_keyring_first():
        yield _keyring_source(settings)
    if settings.home:
        path = settings.home / AUTH_FILE
        # The file need not exist, but one that can't be read is an error.
        source = _file_source(path, "Make it readable, or delete it.", may_be_missing=True)
        yield replace(source, kind=SourceKind.MOGPLEX_CLI, text=_from_json(source.text))


def _file_source(path: Path, remedy: str, *, may_be_missing: bool = False) -> _Source:
    source = f"the file {path}"
    try:
        return _Source(SourceKind.FILE, source, read_private(path), warning=_exposure(path))
    except OSError as error:
        if may_be_missing and isinstance(error, FileNotFoundError | NotADirectoryError):
            return _Source(SourceKind.FILE, source)
        return _Source(
            SourceKind.FILE, source, problem=f"The token file {path} cannot be used: {error.strerror}. {remedy}"
        )


def _keyring_source(settings: Settings) -> _Source:
    """Read the keyring. A locked or broken one is skipped with a warning."""
    try:
        return _Source(SourceKind.LOGIN, KEYRING.name, KEYRING.get(address_of(settings)))
    except NoKeyringError:
        return _Source(SourceKind.LOGIN, KEYRING.name)
    except StoreError as error:
        return _Source(SourceKind.LOGIN, KEYRING.name, warning=str(error))


def _stored_source(path: Path | None, address: str) -> _Source:
    """Read the token that `mogplex-mcp login` stored for an address; mention those for other addresses."""
    if path is None:
        return _Source(SourceKind.LOGIN, "")
    store = FileStore(path)
    try:
        text = store.get(address)
        others = "" if text else ", ".join(store.addresses())
    except StoreError as error:
        return _Source(SourceKind.LOGIN, store.name, problem=str(error))
    warning = _exposure(path) if text else ""
    if others:
        warning = f"A token is stored for {others}; it is used for no other address."
    return _Source(SourceKind.LOGIN, store.name, text, warning=warning)


def _exposure(path: Path) -> str:
    return f"Other users of this machine may read {path}: run `chmod 600` on it." if is_exposed(path) else ""


def _from_json(text: str) -> str:
    """Return the token in the file of Mogplex's own CLI, found by its prefix under any key."""
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
