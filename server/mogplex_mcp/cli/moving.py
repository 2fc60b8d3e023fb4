"""Moves the files of earlier releases to the places of this one, once; a failure leaves them where they were."""

import logging
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.private_file import replace
from mogplex_mcp.credentials.token_store import FileStore, StoreError

logger = logging.getLogger(__name__)


def move_old_files(settings: Settings) -> None:
    """Move tokens and the journal that are in an old place, unless the new place has them already."""
    if settings.demo:
        return  # the journal of a demo is another one
    for old in settings.old_token_files:
        if settings.token_file and old.is_file():
            _move_tokens(old, settings.token_file)
    for old in settings.old_state_files:
        if settings.state_file and old.is_file() and not settings.state_file.exists():
            _move_journal(old, settings.state_file)


def _move_tokens(old: Path, new: Path) -> None:
    source, target = FileStore(old), FileStore(new)
    try:
        for address in source.addresses():
            if not target.get(address):
                target.put(address, source.get(address))
        old.unlink()
    except (StoreError, OSError) as error:
        logger.warning("The tokens in %s could not be moved to %s (%s)", old, new, error)
    else:
        logger.warning("The tokens of %s were moved to %s, where every program finds them", old, new)


def _move_journal(old: Path, new: Path) -> None:
    """Copy a database as a whole, also one that another process writes to, and delete the old one."""
    try:
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{new.name}.", dir=new.parent)
        os.close(number)
        copy = Path(name)
        try:
            with (
                closing(sqlite3.connect(old)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            if new.exists():
                return  # another process was faster
            replace(copy, new)
        finally:
            copy.unlink(missing_ok=True)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{old}{suffix}").unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        logger.warning("The journal %s could not be moved to %s (%s)", old, new, error)
    else:
        logger.warning("The journal %s was moved to %s, where every program finds it", old, new)
