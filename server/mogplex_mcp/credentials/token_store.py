"""Where `mogplex-mcp login` keeps tokens: the keyring of the operating system, or a file of the user.

A token belongs to one Mogplex. It is kept under that address and found for no other one, so that an address which is
changed later, or in another project, never gets it.
"""

import importlib
import json
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
# A keyring may ask its user for a password, in a window that nobody sees.
KEYRING_SECONDS: Final = 10.0

_T = TypeVar("_T")
_REASONS: Final = {
    "KeyringLocked": "it is locked",
    "InitError": "it could not be opened",
    "PasswordSetError": "it did not take the token",
    "PasswordDeleteError": "it did not give up the token",
}


class StoreError(Exception):
    """A store cannot be used; the message says which one and why, in one sentence."""


class NoKeyringError(StoreError):
    """There is no keyring, or no package to speak with it, so nothing can be in it."""


class TokenStore(Protocol):
    """One place for tokens, by the address of the Mogplex that they belong to.

    All methods raise `StoreError`.
    """

    @property
    def name(self) -> str:
        """What people call it: "the keyring", "the file …"."""

    def get(self, address: str) -> str:
        """The token of an address; "" for none."""

    def put(self, address: str, token: str) -> None:
        """Keep a token, in place of an earlier one."""

    def remove(self, address: str) -> bool:
        """Forget a token; whether there was one."""


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
        """See `TokenStore.put`. A keyring that only seems to keep things is an error."""
        self._ask(lambda keyring: keyring.set_password(KEYRING_SERVICE, address, token))
        if self.get(address) != token:
            raise StoreError("The keyring cannot be used: it did not keep the token.")

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
                "The keyring cannot be used: install the extra with it (pip install 'mogplex-mcp[keyring]')."
            ) from None
        if self._unanswered is not None and not self._unanswered.done():
            # Another question would only wait behind it.
            raise StoreError("The keyring cannot be used: it has not answered yet, and may wait to be unlocked.")
        answer = in_thread(lambda: question(keyring))
        try:
            return answer.result(self._seconds)
        except Exception as error:  # noqa: BLE001 - whatever a keyring of whatever maker raises; its words are not shown
            kind = type(error).__name__
            if kind == NoKeyringError.__name__:
                raise NoKeyringError("The keyring cannot be used: this machine has none that works.") from None
            if not answer.done():
                self._unanswered = answer
                reason = f"it did not answer within {self._seconds:g} seconds, and may wait to be unlocked"
            else:
                reason = _REASONS.get(kind, f"it failed ({kind})")
        raise StoreError(f"The keyring cannot be used: {reason}.")


class FileStore:
    """A file in the user's folder for configurations, mode 0600: a JSON object of tokens by address."""

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
        """The addresses that it has tokens of.

        Raises:
            StoreError: It cannot be read.
        """
        return sorted(self._read())

    def put(self, address: str, token: str) -> None:
        """See `TokenStore.put`. What cannot be read is of no use to anybody and replaced."""
        try:
            kept = self._read()
        except StoreError:
            kept = {}
        self._write(kept | {address: token})

    def remove(self, address: str) -> bool:
        """See `TokenStore.remove`. A file that cannot be read is removed whole: the token may be in it."""
        try:
            kept = self._read()
        except StoreError:
            kept = {address: ""}
        if kept.pop(address, None) is None:
            return False
        self._write(kept)
        return True

    def _read(self) -> dict[str, str]:
        try:
            text = read_private(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._error(error.strerror) from None
        try:
            kept = json.loads(text)
        except (ValueError, RecursionError):
            kept = None
        if not isinstance(kept, dict) or not all(isinstance(token, str) for token in kept.values()):
            raise self._error("it is damaged; `mogplex-mcp login` writes a new one")
        return kept

    def _write(self, kept: dict[str, str]) -> None:
        try:
            if kept:
                write_private(self.path, json.dumps(kept, indent=2) + "\n")
            else:
                self.path.unlink()
        except OSError as error:
            raise self._error(error.strerror) from None

    def _error(self, reason: str | None) -> StoreError:
        return StoreError(f"The file {self.path} cannot be used: {reason}.")


def address_of(settings: Settings) -> str:
    """The address that a token is kept under, such as "https://mogplex.com"."""
    return web_url(settings.base_url)


# One for the process: a keyring that does not answer is not asked again and again.
KEYRING: Final = KeyringStore()


def file_store(settings: Settings) -> FileStore | None:
    """The user's file of tokens; None where there is no home directory for it."""
    return FileStore(settings.token_file) if settings.token_file else None
