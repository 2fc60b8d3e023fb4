"""Stores for the tokens of `mogplex-mcp login`: the keyring of the operating system, or a file of the user.

A token is stored under the address of its Mogplex and never used for another one, so that a changed address, or one
from a project's configuration, never gets it.
"""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.deadline import in_thread
from mogplex_mcp.core.private_file import is_exposed, read_private, write_private

if TYPE_CHECKING:
    from concurrent.futures import Future

KEYRING_SERVICE: Final = "mogplex-mcp"
# A keyring may open a password dialog that the user does not see.
KEYRING_SECONDS: Final = 10.0

_T = TypeVar("_T")
_REASONS: Final = {
    "KeyringLocked": "it is locked",
    "InitError": "it could not be opened",
    "PasswordSetError": "it did not take the token",
    "PasswordDeleteError": "it did not give up the token",
}


def is_keyring_first() -> bool:
    """Return whether the keyring is preferred to the file.

    It isn't on macOS: the keychain asks again for each new Python binary, in a window behind a server that has none.
    """
    return sys.platform != "darwin"


class StoreError(Exception):
    """A store can't be used; the message says which one and why, in one sentence."""


class NoKeyringError(StoreError):
    """There is no keyring, or the package for it is not installed."""


class TokenStore(Protocol):
    """A store of tokens by the address of their Mogplex.

    All methods raise `StoreError`.
    """

    @property
    def name(self) -> str:
        """Return its display name: "the keyring", "the file …"."""

    def get(self, address: str) -> str:
        """Return the token of an address; "" for none."""

    def put(self, address: str, token: str) -> None:
        """Store a token, replacing an earlier one."""

    def remove(self, address: str) -> bool:
        """Delete a token; return whether there was one."""


class KeyringStore:
    """The operating system's keyring, which is an optional extra and may be locked, absent or waiting for its user."""

    name = "the keyring"

    def __init__(self, *, seconds: float = KEYRING_SECONDS) -> None:
        self._seconds = seconds
        self._unanswered: Future[Any] | None = None

    def get(self, address: str) -> str:
        """See `TokenStore.get`."""
        return str(self._ask(lambda keyring: keyring.get_password(KEYRING_SERVICE, address)) or "")

    def put(self, address: str, token: str) -> None:
        """See `TokenStore.put`. A keyring that does not return the token afterwards is an error."""
        self._ask(lambda keyring: keyring.set_password(KEYRING_SERVICE, address, token))
        if self.get(address) != token:
            raise StoreError("The keyring cannot be used: it did not store the token.")

    def remove(self, address: str) -> bool:
        """See `TokenStore.remove`."""
        if not self.get(address):
            return False
        self._ask(lambda keyring: keyring.delete_password(KEYRING_SERVICE, address))
        return True

    def _ask(self, question: Callable[[Any], _T]) -> _T:
        try:
            keyring = importlib.import_module("keyring")  # slow to import
        except ImportError:
            raise NoKeyringError(
                "The keyring cannot be used: install the extra for it (uv tool install 'mogplex-mcp[keyring]')."
            ) from None
        if self._unanswered is not None and not self._unanswered.done():
            # Another request would only wait for the same dialog.
            raise StoreError("The keyring cannot be used: it has not answered yet, and may wait to be unlocked.")
        answer = in_thread(lambda: question(keyring))
        try:
            return answer.result(self._seconds)
        except Exception as error:  # noqa: BLE001 - backends raise anything; their messages may have secrets
            kind = type(error).__name__
            if kind == NoKeyringError.__name__:
                raise NoKeyringError("The keyring cannot be used: this machine has no usable one.") from None
            if not answer.done():
                self._unanswered = answer
                reason = f"it did not answer within {self._seconds:g} seconds, and may wait to be unlocked"
            else:
                reason = _REASONS.get(kind, f"it failed ({kind})")
        raise StoreError(f"The keyring cannot be used: {reason}.")


class FileStore:
    """A file in the user's configuration folder, mode 0600: a JSON object of tokens by address."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"the file {path}"

    @property
    def is_exposed(self) -> bool:
        """Whether other users of this machine may read it."""
        return is_exposed(self.path)

    def get(self, address: str) -> str:
        """See `TokenStore.get`."""
        return self._read().get(address, "")

    def addresses(self) -> Sequence[str]:
        """Return the addresses of its tokens.

        Raises:
            StoreError: It can't be read.
        """
        return sorted(self._read())

    def put(self, address: str, token: str) -> None:
        """See `TokenStore.put`. A damaged file is replaced."""
        try:
            tokens = self._read()
        except StoreError:
            tokens = {}
        self._write(tokens | {address: token})

    def remove(self, address: str) -> bool:
        """See `TokenStore.remove`. A damaged file is deleted, since the token may be in it."""
        try:
            tokens = self._read()
        except StoreError:
            tokens = {address: ""}
        if tokens.pop(address, None) is None:
            return False
        self._write(tokens)
        return True

    def _read(self) -> dict[str, str]:
        try:
            text = read_private(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._error(error.strerror) from None
        try:
            tokens = json.loads(text)
        except (ValueError, RecursionError):
            tokens = None
        if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
            raise self._error("it is damaged; `mogplex-mcp login` writes a new one")
        return tokens

    def _write(self, tokens: dict[str, str]) -> None:
        try:
            if tokens:
                write_private(self.path, json.dumps(tokens, indent=2) + "\n")
            else:
                self.path.unlink()
        except OSError as error:
            raise self._error(error.strerror) from None

    def _error(self, reason: str | None) -> StoreError:
        return StoreError(f"The file {self.path} cannot be used: {reason}.")


def address_of(settings: Settings) -> str:
    """Return the address under which a token is stored, such as "https://mogplex.com"."""
    return web_url(settings.base_url)


# One per process, so that a keyring that does not respond is not called again and again.
KEYRING: Final = KeyringStore()


def file_store(settings: Settings) -> FileStore | None:
    """Return the user's token file; None without a home directory."""
    return FileStore(settings.token_file) if settings.token_file else None
