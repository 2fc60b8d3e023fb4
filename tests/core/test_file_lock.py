"""The lock between processes: held by one at a time, and an error at once where there are none."""

import errno
import sys
from pathlib import Path

import pytest

from mogplex_mcp.core.file_lock import locked

pytestmark = pytest.mark.anyio


async def test_lock_is_held_by_one_and_released_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    async with locked(path, 5):
        with pytest.raises(TimeoutError):
            async with locked(path, 0.1):
                pass
    async with locked(path, 5):
        assert path.read_bytes() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="flock is of POSIX")
async def test_file_system_without_locks_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh would wait for half a minute each time, and then go on without a lock."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError, match="No locks available"):
        async with locked(tmp_path / "lock", 30):
            pass
