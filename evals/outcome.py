"""What a model did in a task: the state of the simulated Mogplex, the requests that reached it, the last words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from tests.virtual_time import virtual_now

from mogplex_mcp.simulator import JobRun, Run, Simulator

_BASE_PATH = "/api/v1/mogplex"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request to Mogplex.

    Attributes:
        path: Below the base path, without its query.
        body: The JSON body; None without one.
        at: When it was sent, seconds since the epoch.
    """

    method: str
    path: str
    body: Any
    at: float

    @property
    def only_reads(self) -> bool:
        """Whether it can change nothing."""
        if self.path.endswith("/mcp"):
            method = self.body.get("method") if isinstance(self.body, dict) else None
            return method != "tools/call"
        return self.method == "GET"


class Recorder(httpx2.AsyncBaseTransport):
    """Records requests on their way to the simulator."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.sent: list[Sent] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Record a request and send it."""
        content = await request.aread()
        path = request.url.path.partition(_BASE_PATH)[2] or request.url.path
        self.sent.append(Sent(request.method, path, json.loads(content) if content else None, virtual_now()))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._inner.aclose()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What checks look at.

    Attributes:
        simulator: The simulated Mogplex, as the model left it.
        sent: Requests to it since the user's prompt.
        earlier: Ids of the runs, also of automations, that were there before the prompt.
        calls: Tool calls of the model, by name.
        questions: What the user was asked to confirm.
        answer: The model's answer to the user.
    """

    simulator: Simulator
    sent: Sequence[Sent]
    earlier: frozenset[str]
    calls: Sequence[str]
    questions: Sequence[str]
    answer: str

    @property
    def runs(self) -> list[Run]:
        """Return the runs that were started since the prompt."""
        return [run for run in self.simulator.world.runs.values() if run.id not in self.earlier]

    @property
    def job_runs(self) -> list[JobRun]:
        """Return the runs of automations that were triggered since the prompt."""
        return [run for run in self.simulator.world.job_runs.values() if run.id not in self.earlier]

    def repo(self, repo_id: str) -> str:
        """Return the name of a repo, with its directory if it has one."""
        repo = next(repo for repo in self.simulator.world.repos if repo.id == repo_id)
        return f"{repo.full_name}/{repo.root_directory}" if repo.root_directory else repo.full_name
