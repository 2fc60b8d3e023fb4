from pathlib import Path

import pytest

from mogplex_mcp.simulator import Simulator
from tests.cli.support import RUN_SECONDS, Terminal, terminal_on
from tests.runs.support import without_quota
from tests.virtual_time import virtual_now


@pytest.fixture
def anyio_backend(
    request: pytest.FixtureRequest, virtual_time: tuple[str, dict[str, object]]
) -> str | tuple[str, dict[str, object]]:
    """Waiting takes no time in a terminal; real processes and connections need real time."""
    return virtual_time if "terminal" in request.fixturenames else "asyncio"


@pytest.fixture
async def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """Runs commands on a simulator of its own."""
    simulator = Simulator(now=virtual_now, run_seconds=RUN_SECONDS)
    without_quota(simulator)
    return terminal_on(simulator, capsys, monkeypatch, tmp_path)
