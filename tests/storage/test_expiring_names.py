"""The names that one process keeps until they expire."""

import pytest

from mogplex_mcp.storage.expiring_names import MOST_NAMES, MemoryExpiringNames

pytestmark = pytest.mark.anyio


async def test_names_are_bounded_and_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    used, now = MemoryExpiringNames(), 1_000.0
    monkeypatch.setattr("time.time", lambda: now)
    assert await used.add("first", valid_seconds=900)
    assert not await used.add("first", valid_seconds=900)
    now += 899
    assert not await used.add("first", valid_seconds=900)
    now += 1
    assert await used.add("second", valid_seconds=900)
    assert list(used._expiry) == ["second"]
    for number in range(MOST_NAMES):
        await used.add(str(number), valid_seconds=900)
    assert len(used._expiry) == MOST_NAMES
    assert not await used.add("1", valid_seconds=900)
    assert await used.has("1")
    assert not await used.has("first")
    now += 901
    assert not await used.has("1")
