import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server import server, url
from tests.transports.processes import PROGRAM, unmeasured

__all__ = ["server", "stdio", "url"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["polling", "threads"])
def stdio(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How the processes of a test read stdin and write stdout: as on POSIX, or as on Windows."""
    usual = list(PROGRAM)
    if request.param == "threads":
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        # Measuring takes two thirds of the time of a short process; nearly all that runs here runs in the other mode.
        for name in os.environ.keys() - unmeasured(os.environ).keys():
            monkeypatch.delenv(name)
        PROGRAM[:] = [sys.executable, "-m", "tests.transports.without_polling"]
    yield request.param
    PROGRAM[:] = usual
