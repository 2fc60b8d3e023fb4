"""The choice of the store."""

import time
from collections.abc import Callable
from pathlib import Path

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore, Store


def state_path(settings: Settings) -> Path | None:
    """Return the state file; None where everything is kept in memory."""
    return None if settings.without_journal else settings.state_file


def check_store(settings: Settings) -> None:
    """Return if there can be a store: a server that cannot have one says so before it serves.

    Raises:
        SettingsError: As `open_store`.
    """
    if settings.database_url:
        open_store(settings, time.time)


def open_store(settings: Settings, now: Callable[[], float]) -> Store:
    """Return the store that the settings ask for; nothing is opened yet.

    Raises:
        SettingsError: A database was asked for, and its driver is missing or its address isn't one.
    """
    if not settings.database_url:
        return SqliteStore(StateFile(state_path(settings)), now)
    try:
        # An extra, and slow to import.
        from mogplex_mcp.storage.postgres.store import PostgresStore  # noqa: PLC0415 - as above
    except ImportError:
        raise SettingsError(
            "--database-url needs the PostgreSQL driver: install it with uv tool install 'mogplex-mcp[postgres]'"
        ) from None
    try:
        return PostgresStore(settings.database_url, settings.base_url, now)
    except ValueError as error:
        # Without the address, which may have a password in it.
        raise SettingsError(f"MOGPLEX_MCP_DATABASE_URL: {error}; write it as postgresql://user@host/database") from None
