"""Where the user's token is: the environment, a file, what `login` stored, or the file of the vendor's command line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.private_file import is_exposed, read_private
from mogplex_mcp.credentials.token_store import KEYRING, NoKeyringError, StoreError, address_of, file_store

AUTH_FILE: Final = Path(".mogplex", "auth.json")


@dataclass(frozen=True)
class FoundToken:
    """The user's token, or why there is none that can be used.

    Attributes:
        token: None when there is none.
        source: Where it came from or where it was looked for, for people.
        problem: Why there is none; raised by whoever needs one.
        warning: What the user should know of that place, or of one before it that could not be asked.
    """

    token: Token | None
    source: str
    problem: MogplexError | None = None
    warning: str = ""


@dataclass(frozen=True)
class _Place:
    """A place where users put tokens.

    Attributes:
        source: Its name, for people.
        text: What it holds.
        problem: Why it cannot be used; the places behind it are then not looked at.
        warning: What the user should know of it.
    """

    source: str
    text: str = ""
    problem: str = ""
    warning: str = ""


def find_token(settings: Settings) -> FoundToken:
    """The first token among the places where users put one. The first place that holds something decides."""
    warnings: list[str] = []
    for place in _places(settings):
        warnings += [place.warning] if place.warning else []
        if place.problem:
            return FoundToken(None, place.source, MogplexError(ErrorCode.NO_TOKEN, place.problem))
        if place.text.strip():
            try:
                return FoundToken(Token.parse(place.text), place.source, warning=" ".join(warnings))
            except MogplexError as error:
                problem = MogplexError(error.code, f"What {place.source} holds is no token. {error.message}")
                return FoundToken(None, place.source, problem)
    problem = MogplexError(
        ErrorCode.NO_TOKEN,
        "None was found: not in MOGPLEX_API_KEY, MOGPLEX_API_KEY_FILE, the keyring, what `mogplex-mcp login` stored "
        f"for {address_of(settings)}, or ~/.mogplex/auth.json. {' '.join(warnings)}".rstrip(),
    )
    return FoundToken(None, "nowhere", problem)


def sources(settings: Settings) -> list[str]:
    """The names of all places that hold something, the one that decides first."""
    return [place.source for place in _places(settings) if place.text.strip() or place.problem]


def _places(settings: Settings) -> Iterator[_Place]:
    yield _Place("the environment", settings.api_key.value)
    if settings.api_key_file:
        yield _file_place(settings.api_key_file, "Correct MOGPLEX_API_KEY_FILE (--api-key-file), or leave it out.")
    yield _keyring_place(settings)
    yield _stored_place(settings)
    if settings.home:
        path = settings.home / AUTH_FILE
        # Who never used the vendor's command line has no such file; whoever has one relies on it.
        place = _file_place(path, "Make it readable, or take it away.", may_be_missing=True)
        yield replace(place, text=_from_json(place.text))


def _file_place(path: Path, remedy: str, *, may_be_missing: bool = False) -> _Place:
    source = f"the file {path}"
    try:
        return _Place(source, read_private(path), warning=_exposure(path))
    except OSError as error:
        if may_be_missing and isinstance(error, FileNotFoundError | NotADirectoryError):
            return _Place(source)
        return _Place(source, problem=f"The token file {path} cannot be used: {error.strerror}. {remedy}")


def _keyring_place(settings: Settings) -> _Place:
    """What the keyring has. One that is locked, absent or broken is passed over, and said."""
    try:
        return _Place(KEYRING.name, KEYRING.get(address_of(settings)))
    except NoKeyringError:
        return _Place(KEYRING.name)
    except StoreError as error:
        return _Place(KEYRING.name, warning=str(error))


def _stored_place(settings: Settings) -> _Place:
    """What `mogplex-mcp login` wrote for this address. What is there for another one is only mentioned."""
    store = file_store(settings)
    if store is None:
        return _Place("")
    try:
        text = store.get(address_of(settings))
        others = "" if text else ", ".join(store.addresses())
    except StoreError as error:
        return _Place(store.name, problem=str(error))
    warning = _exposure(store.path) if text else ""
    if others:
        warning = f"A token is stored for {others}; it is used for no other address."
    return _Place(store.name, text, warning=warning)


def _exposure(path: Path) -> str:
    return f"Other users of this machine may read {path}: run `chmod 600` on it." if is_exposed(path) else ""


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
