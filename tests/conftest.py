import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, settings

from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.render import render
from tests.answers import problems
from tests.state_files import closed_afterwards
from tests.virtual_time import VirtualTimeLoop

# A busy machine is no bug. What is checked before a change lands is the same each time; elsewhere the search goes on.
settings.register_profile(
    "patient", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


# Shells ignore SIGINT in background jobs and `nohup` ignores SIGHUP; the programs under test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Measuring coverage doubles the time of a test. These run code that others run, too, many times over.
UNMEASURED = {"acceptance", "evals", "faults", "load", "trust"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in UNMEASURED:
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def closed_state_files() -> Iterator[None]:
    """Close the state files that a test opens."""
    with closed_afterwards():
        yield


@pytest.fixture(autouse=True)
def valid_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check each answer of a tool in this process against the schema of the tool."""
    found: list[str] = []

    def checked(reply: Reply, **others: Any) -> tuple[dict[str, Any], str]:
        structured, text = render(reply, **others)
        found.extend(problems(type(reply), structured))
        return structured, text

    monkeypatch.setattr("mogplex_mcp.toolkit.dispatch.render", checked)
    monkeypatch.setattr("mogplex_mcp.server.resources.render", checked)
    yield
    assert not found, "\n".join(found)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, object]]:
    """For modules that set `anyio_backend` to it: tests in which waiting takes no time.

    What is handed to a thread is done at once: virtual time would pass by while a real thread works.
    """

    async def run_at_once(function: Callable[..., object], *arguments: object, **_: object) -> object:
        await anyio.lowlevel.checkpoint()
        return function(*arguments)

    monkeypatch.setattr("anyio.to_thread.run_sync", run_at_once)
    return "asyncio", {"loop_factory": VirtualTimeLoop}
