"""Sources of the user's token: environment, file, keyring, stored by `login`, file of Mogplex's own CLI."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.private_file import is_exposed, read_private
from mogplex_mcp.core.redaction import Secret, remember_secrets
from mogplex_mcp.credentials.grant import Grant, shown_expiry
from mogplex_mcp.credentials.mogplex_cli_file import read_mogplex_cli_file
from mogplex_mcp.credentials.token_store import (
    KEYRING,
    FileStore,
    NoKeyringError,
    StoreError,
    TokenStore,
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
        grant: What the token is part of, if it can be refreshed or its expiry is known.
        store: Where the grant is stored, and a refreshed one has to be.
    """

    token: Token | None
    source: str
    problem: MogplexError | None = None
    warning: str = ""
    kind: SourceKind = SourceKind.OTHER
    personal: bool = False
    grant: Grant | None = field(default=None, repr=False)
    store: TokenStore | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        """What this caller is known by, in this process and in its state: a refreshed token is the same caller."""
        if self.grant is not None and self.grant.client_id:
            return f"oauth client {self.grant.client_id}"
        return self.token.value if self.token else ""

    @property
    def kind_of_token(self) -> str:
        """What the token is, and until when it is valid as far as is known; "" without one."""
        if self.token is None:
            return ""
        if not self.token.is_oauth:
            return "mog_…"
        if self.grant is None or not (until := shown_expiry(self.grant.expires_at)):
            return "OAuth access token"
        is_refreshed = bool(self.grant.refresh_token)
        return f"OAuth access token, valid until {until}, {'then' if is_refreshed else 'not'} refreshed"


@dataclass(frozen=True)
class _Source:
    """A source of tokens.

    Attributes:
        kind: Its kind.
        name: Its display name.
        text: Its content.
        problem: Why it can't be used; later sources are then ignored.
        warning: A warning for the user.
        store: Where it can be replaced.
    """

    kind: SourceKind
    name: str
    text: str = ""
    problem: str = ""
    warning: str = ""
    store: TokenStore | None = None


def find_token(settings: Settings) -> FoundToken:
    """Return the token of the first source that isn't empty."""
    warnings: list[str] = []
    for source in _sources(settings):
        warnings += [source.warning] if source.warning else []
        if source.problem:
            return FoundToken(None, source.name, MogplexError(ErrorCode.NO_TOKEN, source.problem), kind=source.kind)
        if source.text.strip():
            try:
                grant = Grant.parse(source.text) if _is_grant(source) else None
                token = grant.access_token if grant else Token.parse(source.text)
                if token.is_oauth:
                    remember_secrets(token.value)
                found = FoundToken(token, source.name, warning=" ".join(warnings), kind=source.kind)
                return replace(found, grant=grant, store=source.store)
            except MogplexError as error:
                problem = MogplexError(error.code, f"The value from {source.name} is not a token. {error.message}")
                if _is_grant(source):
                    problem = MogplexError(ErrorCode.NO_TOKEN, f"The sign-in in {source.name} is damaged.")
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
        yield _mogplex_cli_source(settings.home / AUTH_FILE, settings.base_url)


def _is_grant(source: _Source) -> bool:
    """Return whether `login` stored a grant, as opposed to a bare token."""
    return source.kind is SourceKind.LOGIN and source.text.lstrip().startswith("{")


def _mogplex_cli_source(path: Path, base_url: str) -> _Source:
    # The file need not exist, but one that can't be read is an error.
    source = _file_source(path, "Make it readable, or delete it.", may_be_missing=True)
    found = read_mogplex_cli_file(source.text, base_url)
    warnings = [source.warning] if found.token else []
    if found.problem:
        warnings.append(f"The file {path} of Mogplex's own command line was not used: {found.problem}.")
    if found.token and found.token.is_oauth:
        at = "" if found.expires_at is None else shown_expiry(found.expires_at)
        until = f", valid until {at}" if at else ""
        warnings.append(
            f"It is the sign-in of Mogplex's own command line{until}, and only that program refreshes it; "
            "`mogplex-mcp login` makes one that is refreshed here."
        )
    text = found.token.value if found.token else ""
    return replace(source, kind=SourceKind.MOGPLEX_CLI, text=text, warning=" ".join(filter(None, warnings)))


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
        return _Source(SourceKind.LOGIN, KEYRING.name, KEYRING.get(address_of(settings)), store=KEYRING)
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
    return _Source(SourceKind.LOGIN, store.name, text, warning=warning, store=store)


def _exposure(path: Path) -> str:
    return f"Other users of this machine may read {path}: run `chmod 600` on it." if is_exposed(path) else ""
