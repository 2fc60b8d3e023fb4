"""What is learnt of the call timeouts of clients reaches the other replicas."""

import pytest

from mogplex_mcp.tenants.call_timeouts import LearntCaps
from tests.tools.support import Mode, answer, connected_client

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: object) -> object:
    return virtual_time


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_each_call_exchanges_the_learnt_timeouts_before_it_waits(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanged = []

    async def share(caps: LearntCaps) -> None:
        exchanged.append(caps)

    monkeypatch.setattr(LearntCaps, "share", share)
    async with connected_client(mode=mode) as client:
        await answer(client, "check_connection")
        await answer(client, "list_repos")
    assert len(exchanged) == 2
