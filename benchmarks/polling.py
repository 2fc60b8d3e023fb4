"""What following a run costs and how late its news are, beside a program that asks every 1.5 seconds.

The real code at work, against the simulator, on virtual time: half an hour takes no time, and the numbers are the same
on every machine.

    PYTHONPATH=server python -m benchmarks.polling            prints the page
    PYTHONPATH=server python -m benchmarks.polling --write    writes it to docs/polling.md
"""

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import anyio
from tests.virtual_time import VirtualTimeLoop, virtual_now

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.connection import HttpClient
from mogplex_mcp.api.in_process import InProcess
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.cursor import Cursor
from mogplex_mcp.runs.outcome import Outcome, is_terminal
from mogplex_mcp.runs.tail import Reason, Until, tail
from mogplex_mcp.runs.watch import Snapshot, Watches
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.tenants.tenant import Tenant, Tenants

PAGE: Final = Path(__file__).parents[1] / "docs" / "polling.md"

MINUTES: Final = (1, 10, 30)
CAP_SECONDS: Final = 45.0
"""How long one tool call waits."""
THINKING_SECONDS: Final = 2.0
"""How long a model takes from an answer to its next call."""
FIXED_SECONDS: Final = 1.5
RUNS: Final = {1: 40, 10: 30, 30: 4}
"""Of each length. Lengths differ by up to a tenth, so that no schedule fits them by chance."""
RUNS_FIXED: Final = {1: 4, 10: 1, 30: 1}

_INTRODUCTION: Final = f"""\
# What following a run costs

Made by `benchmarks/polling.py`; a test holds this page to what the program prints.

A model starts a run and calls `tail_run` until it ends: {CAP_SECONDS:g} seconds for each call, {THINKING_SECONDS:g}
seconds between two. Beside it, a program that asks every {FIXED_SECONDS:g} seconds. Requests are those to Mogplex, for
one run. Delays are seconds: of an event until the bridge knows it (and tells it as progress), of the pull request and
of the end until the answer to the model is there. The simulated Mogplex answers at once: on a network, the time of one
request is added to each delay.
"""
_HEAD: Final = """\
| Run | | Requests | Event: mean | median | 95 % | worst | Pull request: median | worst | End: median | worst |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""

# Of the simulator's ordinary run: when its pull request and its end can be seen, as shares of its length.
_PULL_REQUEST_AT: Final = 0.95
_END_AT: Final = 1.0


@dataclass
class Measured:
    """Requests for each run; seconds from when something could be seen until it was."""

    requests: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    pull_request: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)


@dataclass
class Story:
    """One run that is followed."""

    tenant: Tenant
    run_id: str
    seconds: float
    began: float
    measured: Measured
    _seen: set[str] = field(default_factory=set)

    def see(self, snapshot: Snapshot) -> None:
        """Note which events are new, and how late."""
        for event in snapshot.events:
            if event.id not in self._seen and event.created_at is not None:
                self._seen.add(event.id)
                self.measured.events.append(virtual_now() - event.created_at.timestamp())

    def late(self, share: float) -> float:
        """Seconds since this share of the run was over."""
        return anyio.current_time() - self.began - share * self.seconds


async def follow_as_a_model(story: Story) -> None:
    """Call tail_run again and again; news count when the answer is there."""

    async def listen(snapshot: Snapshot, _: Outcome) -> None:
        story.see(snapshot)

    cursor, told = Cursor(story.run_id), False
    while True:
        deadline = anyio.current_time() + CAP_SECONDS
        news = await tail(
            story.tenant.watches.of(story.run_id),
            cursor,
            until=Until.DONE,
            deadline=deadline,
            refresh_deadline=deadline,
            max_events=40,
            listener=listen,
            shutdown=Shutdown(),
            now=virtual_now,
        )
        cursor = news.cursor
        if news.outcome.pull_request and not told:
            told = True
            story.measured.pull_request.append(story.late(_PULL_REQUEST_AT))
        if news.reason is Reason.ENDED:
            story.measured.end.append(story.late(_END_AT))
            return
        await anyio.sleep(THINKING_SECONDS)


async def follow_at_a_fixed_pace(story: Story) -> None:
    """Ask every 1.5 seconds."""
    told = False
    for number in range(100_000):
        answer = await story.tenant.mogplex.get_run_events(story.run_id)
        snapshot = Snapshot(answer.run, tuple(answer.events), virtual_now(), number, settled=False)
        story.see(snapshot)
        if not told and any("pull_request_url" in event.payload for event in answer.events):
            told = True
            story.measured.pull_request.append(story.late(_PULL_REQUEST_AT))
        if is_terminal(answer.run):
            story.measured.end.append(story.late(_END_AT))
            return
        await anyio.sleep(FIXED_SECONDS)


async def measure(minutes: float, runs: int, *, fixed: bool) -> Measured:
    """Follow so many runs of about this length, one after the other."""
    chance, measured = random.Random(f"{minutes} {fixed}"), Measured()  # noqa: S311 - the same numbers on every machine
    for _ in range(runs):
        seconds = 60 * minutes * chance.uniform(0.9, 1.1)
        simulator = Simulator(now=virtual_now, run_seconds=seconds)
        async with InProcess(simulator.transport(), "test") as http:
            tenant = _tenant(http, chance.random)
            repo = next(repo.id for repo in simulator.world.repos if repo.full_name == "acme/web")
            order = StartRun(repo_id=repo, prompt="fix the flaky test", create_branch=True)
            started = await tenant.starter.start(order, repo="acme/web", default_branch="main")
            asked_before = len(simulator.requests)
            story = Story(tenant, started.run.run_id, seconds, anyio.current_time(), measured)
            await (follow_at_a_fixed_pace(story) if fixed else follow_as_a_model(story))
        measured.requests.append(len(simulator.requests) - asked_before)
    return measured


def _tenant(http: HttpClient, jitter: Callable[[], float]) -> Tenant:
    tenants = Tenants(DEFAULT_BASE_URL, http, StateFile(None), virtual_now)
    tenant = tenants.of(FoundToken(Token.parse(DEMO_TOKEN), "a benchmark"))
    watches = Watches(tenant.mogplex, reserve=tenant.budget.reserve, now=virtual_now, jitter=jitter)
    return replace(tenant, watches=watches)


async def measure_all() -> list[tuple[float, bool, Measured]]:
    """Everything that the page says."""
    return [
        (minutes, fixed, await measure(minutes, (RUNS_FIXED if fixed else RUNS)[minutes], fixed=fixed))
        for minutes in MINUTES
        for fixed in (False, True)
    ]


def page(rows: Sequence[tuple[float, bool, Measured]]) -> str:
    """The page, as Markdown."""
    lines = [_INTRODUCTION, _HEAD]
    for minutes, fixed, measured in rows:
        events = sorted(measured.events)
        cells = [
            f"{statistics.mean(measured.requests):.0f}",
            f"{statistics.mean(events):.1f}",
            f"{statistics.median(events):.1f}",
            f"{events[round(0.95 * (len(events) - 1))]:.1f}",
            f"{events[-1]:.1f}",
            f"{statistics.median(measured.pull_request):.1f}",
            f"{max(measured.pull_request):.1f}",
            f"{statistics.median(measured.end):.1f}",
            f"{max(measured.end):.1f}",
        ]
        how = f"every {FIXED_SECONDS:g} s" if fixed else "`tail_run`"
        lines.append(f"| {minutes:g} min | {how} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Print the page, or write it."""
    text = page(anyio.run(measure_all, backend_options={"loop_factory": VirtualTimeLoop}))
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
