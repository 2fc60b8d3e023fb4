"""Storing what `login` got: in the keyring or the file, and in one of them only."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import anyio.to_thread

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.file_lock import locked
from mogplex_mcp.credentials.token_store import (
    KEYRING,
    FileStore,
    NoKeyringError,
    StoreError,
    TokenStore,
    address_of,
    file_store,
    is_keyring_first,
)

LOCK_SECONDS: Final = 30.0
"""How long another process is waited for, which refreshes a token within this time or fails."""

Note = Callable[[str], None]
"""Tell the user something, in a sentence."""


@contextlib.asynccontextmanager
async def locked_stores(settings: Settings, seconds: float = LOCK_SECONDS) -> AsyncIterator[None]:
    """Keep other processes of this user from changing stored tokens while the block runs.

    Where there can be no lock (no home directory, or one that can't be written), the block runs without.
    """
    async with contextlib.AsyncExitStack() as held:
        if path := lock_file(settings):
            with contextlib.suppress(OSError, TimeoutError):
                await held.enter_async_context(locked(path, seconds))
        yield


def lock_file(settings: Settings) -> Path | None:
    """Return the file whose lock guards all stores of this user; None without a home directory."""
    return settings.token_file and settings.token_file.with_suffix(".lock")


async def store_token(
    settings: Settings, text: str, note: Note, *, file: bool = False, keyring: bool = False
) -> TokenStore | None:
    """Store a token or a grant, and remove older ones of the same address from other stores.

    Args:
        settings: The settings.
        text: What to store.
        note: Called with what the user should know.
        file: Whether to use the file only.
        keyring: Whether to use the keyring only.

    Returns:
        The store; None if none could be used.
    """
    avoids_keyring = file or not (keyring or is_keyring_first())
    its_file = file_store(settings)
    stores: list[TokenStore] = [] if avoids_keyring else [KEYRING]
    stores += [its_file] if its_file and not keyring else []
    address = address_of(settings)
    async with locked_stores(settings):
        used = await anyio.to_thread.run_sync(_store_in_first, stores, address, text, note)
        for store in all_stores(settings) if used else ():
            # Where the file is the fallback, the keyring has failed already.
            if used and store.name != used.name and (store is not KEYRING or avoids_keyring):
                await anyio.to_thread.run_sync(_remove, store, address, note)
    return used


def all_stores(settings: Settings) -> list[TokenStore]:
    """Return every store that may hold a token."""
    file = file_store(settings)
    return [KEYRING, *([file] if file else []), *map(FileStore, settings.old_token_files)]


def _store_in_first(stores: Sequence[TokenStore], address: str, text: str, note: Note) -> TokenStore | None:
    """Store a text in the first store that works, and return that store; None if none does."""
    for store in stores:
        try:
            store.put(address, text)
        except NoKeyringError as error:
            if stores[1:]:
                continue  # the keyring is optional unless it is asked for
            note(str(error))
        except StoreError as error:
            has_fallback = store is not stores[-1]
            note(
                f"{error} If it holds an older token, that one is used first once it works again."
                if has_fallback
                else str(error)
            )
        else:
            return store
    return None


def _remove(store: TokenStore, address: str, note: Note) -> None:
    try:
        store.remove(address)
    except NoKeyringError:
        return
    except StoreError as error:
        note(f"{error} If it holds an older token, that one may be used first.")
