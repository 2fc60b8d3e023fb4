"""What the tests of runs share: a tenant on a simulated Mogplex, and plain data to reason about."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.start import Started
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.simulator.limits import StartQuotas
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore
from mogplex_mcp.tenants.tenant import Tenant, Tenants
from tests.virtual_time import virtual_now

BASE_URL = "https://mogplex.com/api/v1/mogplex"
RUN_ID = "75ce86aa-b59e-5f62-9d77-426c941e3c32"
OTHER_RUN_ID = "0b8e1a52-93c1-4f7e-8a52-0d4c5f1f5b11"


def simulated(run_seconds: float = 600.0) -> Simulator:
    """A Mogplex on virtual time."""
    return Simulator(now=virtual_now, run_seconds=run_seconds)


@contextlib.asynccontextmanager
async def tenant_of(simulator: Simulator, path: Path | None = None, token: str = DEMO_TOKEN) -> AsyncIterator[Tenant]:
    """Yield a tenant on the simulator."""
    state = StateFile(path)
    async with simulator.transport() as transport:
        tenants = Tenants(BASE_URL, transport, SqliteStore(state, virtual_now), virtual_now)
        yield tenants.of(FoundToken(Token.parse(token), "a test"))
    state.close()


def without_quota(simulator: Simulator) -> None:
    """Let any number of runs be started: quotas are the subject of other tests."""

    class NoQuota(StartQuotas):
        def spend(self, token: str) -> None:
            del token

    simulator.state.quotas = NoQuota(virtual_now)


def repo_id(simulator: Simulator, name: str = "acme/web") -> str:
    return next(repo.id for repo in simulator.world.repos if repo.full_name == name)


def wanted(simulator: Simulator, prompt: str = "fix the flaky test", **more: Any) -> StartRun:
    return StartRun(repo_id=repo_id(simulator), prompt=prompt, harness="codex", create_branch=True, **more)


async def start(tenant: Tenant, simulator: Simulator, prompt: str = "fix the flaky test", **more: Any) -> Started:
    return await tenant.starter.start(wanted(simulator, prompt), repo="acme/web", default_branch="main", **more)


def started_runs(simulator: Simulator) -> list[str]:
    """Return the ids of started runs, without those of the demo data."""
    return [run.id for run in simulator.world.runs.values() if run.idempotency_key]


def count(simulator: Simulator, method: str, ending: str = "") -> int:
    """Return the number of requests with that method and path."""
    return sum(seen.method == method and seen.path.partition("?")[0].endswith(ending) for seen in simulator.requests)


def an_event(number: int, type: str = "log", **fields: Any) -> RunEvent:  # noqa: A002 - the field's own name
    return RunEvent.model_validate({"id": f"event-{number}", "type": type, **fields})


def a_run(status: str = "streaming", **fields: Any) -> Run:
    return Run.model_validate({"runId": RUN_ID, "repoId": OTHER_RUN_ID, "status": status, **fields})
