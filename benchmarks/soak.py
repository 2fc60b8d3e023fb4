"""Load test of the server: many concurrent waits over HTTP, many sequential calls over stdio.

    python -m benchmarks.soak            the full form, about four minutes
    python -m benchmarks.soak --short    the same, small
    python -m benchmarks.soak --write    the full form, which also writes figures, plot and docs/soak.md

Real processes on this machine only: a simulated Mogplex, `mogplex-mcp http` in front of it, `mogplex-mcp` on pipes.
It stops by itself, and exits with status 1 if a response was lost, a token exceeded its budget, or memory grew after
the warm-up.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.soak_mogplex import run_of, token_of
from benchmarks.soak_page import Load, Sample, SoakFigures, table
from benchmarks.soak_parts import (
    LostError,
    Memory,
    StdioCaller,
    call_over_http,
    facts_of,
    last_object,
    read_object,
    running,
)
from mogplex_mcp import __version__
from mogplex_mcp.simulator import SCRIPTS

_WARM: Final = 0.4
"""The fraction of the load after which memory has to be flat."""

_HELD: Final = 0.95
"""The fraction of calls in flight at any time: a caller with a response needs a moment to call again."""

_SAMPLE_SECONDS: Final = 1.0
_STARTING_SECONDS: Final = 20.0
# One in this many seconds stays within the 60 requests a minute that one token may make.
_REQUEST_SECONDS: Final = 1.3
_PROGRAM: Final = ("-m", "mogplex_mcp")
# An event or several of one kind, such as "10:42:07 log install x2: done".
_FOLDED: Final = re.compile(r"[\d:]+ [^:]+ x(\d+)(:|$)")
_EVENTS: Final = sum(step.type is not None for step in SCRIPTS["success"].steps)
"""What a run reports from its start to its end."""


@dataclass(frozen=True)
class Size:
    """The size of the load.

    Attributes:
        tenants: Tokens over HTTP.
        runs_each: Runs of each tenant.
        calls_each: Concurrent waits for one run.
        run_seconds: Duration of the runs, and so of the waits.
        wait_seconds: Longest wait of one call.
        ramp_seconds: Seconds within which the callers start.
        stdio_calls: Sequential calls over stdio.
        most_growth: Limit of memory growth after the warm-up, as a fraction.
    """

    tenants: int
    runs_each: int
    calls_each: int
    run_seconds: float
    wait_seconds: int
    ramp_seconds: float
    stdio_calls: int
    most_growth: float

    @property
    def callers(self) -> int:
        """Return the number of concurrent calls."""
        return self.tenants * self.runs_each * self.calls_each


FULL: Final = Size(50, 4, 5, 170, 25, 10, 10_000, 0.05)
# In its first seconds a process still loads modules.
SHORT: Final = Size(5, 2, 10, 6, 4, 0.5, 400, 0.25)


@dataclass
class Report:
    """The result of one kind of load.

    Attributes:
        name: Its name.
        memory: Memory of the server.
        calls: Number of calls with a response.
        lost: Reasons for lost responses.
        least_waiting: The least number of calls in flight after the ramp-up.
        seconds: Its duration.
        mogplex: Requests to Mogplex.
    """

    name: str
    memory: Memory
    calls: int = 0
    lost: list[str] = field(default_factory=list)
    least_waiting: int | None = None
    seconds: float = 0.0
    mogplex: dict[str, int] = field(default_factory=dict)

    def kept(self, size: Size) -> bool:
        """Whether all limits were kept."""
        held = self.least_waiting is None or self.least_waiting >= size.callers * _HELD
        return not self.lost and not self.mogplex["over_budget"] and held and self.memory.growth <= size.most_growth


class Crowd:
    """Callers over HTTP, each of which follows one run to its end."""

    def __init__(self, address: str, size: Size, report: Report) -> None:
        self._address = address
        self._size = size
        self._report = report
        self._waiting = 0
        self._began = time.monotonic()

    async def follow_all(self) -> None:
        """Start all callers, and wait until each has received its run's end."""
        size = self._size
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            callers = []
            for number in range(size.callers):
                tenant, run = divmod(number // size.calls_each, size.runs_each)
                callers.append(tasks.create_task(self._follow(token_of(tenant), run_of(tenant, run))))
                await asyncio.sleep(size.ramp_seconds / size.callers)
            await asyncio.wait(callers)
            watching.cancel()
        self._report.memory.sample()
        self._report.seconds = time.monotonic() - self._began

    async def _follow(self, token: str, run_id: str) -> None:
        """Call tail_run until the run ends; each event has to arrive exactly once."""
        try:
            reported, news = await self._follow_to_end(token, run_id)
        except LostError as error:
            self._report.lost.append(str(error))
            return
        end = news["run_id"], news["status"], reported, "pull_request" in news
        if end != (run_id, "success", _EVENTS, True):
            self._report.lost.append(f"of run {run_id} a caller received {end}")

    async def _follow_to_end(self, token: str, run_id: str) -> tuple[int, dict[str, Any]]:
        """Return the number of events, and the last result."""
        reported, cursor = 0, ""
        while True:
            news = await self._call(token, {"run_id": run_id, "cursor": cursor})
            reported += sum(_count(line) for line in news.get("untrusted", {}).get("events", ()))
            cursor = news.get("cursor", "")
            if not cursor:
                return reported, news

    async def _call(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._waiting += 1
        try:
            async with asyncio.timeout(self._size.wait_seconds + 60):
                news = await call_over_http(self._address, token, "tail_run", arguments)
        except TimeoutError as error:
            raise LostError("a call was not answered a minute after its wait") from error
        finally:
            self._waiting -= 1
        self._report.calls += 1
        return news

    async def _watch(self) -> None:
        """Sample memory and calls in flight, from the warm-up until the first runs end."""
        size, report = self._size, self._report
        warm, last = size.run_seconds * _WARM, size.run_seconds * 0.9
        await asyncio.sleep(self._began + warm - time.monotonic())
        while True:
            report.memory.sample()
            if time.monotonic() - self._began < last:
                least = size.callers if report.least_waiting is None else report.least_waiting
                report.least_waiting = min(self._waiting, least)
            await asyncio.sleep(_SAMPLE_SECONDS)


def soak_http(size: Size, home: Path, said: IO[bytes]) -> Report:
    """Run many concurrent waits over HTTP."""
    world = (str(size.tenants), str(size.runs_each), str(size.run_seconds))
    with running(home, "-m", "benchmarks.soak_mogplex", *world, said=said) as mogplex:
        address = read_object(mogplex)["address"]
        serve = (*_PROGRAM, "http", "--port", "0", "--url", address)
        more = {"MOGPLEX_MCP_MAX_WAIT": str(size.wait_seconds)}
        with open(home / "http.log", "wb") as log, running(home, *serve, said=log, more=more) as server:  # noqa: PTH123 - for a process
            address = _address(home / "http.log")
            report = Report("HTTP", Memory(server.pid))
            asyncio.run(Crowd(address, size, report).follow_all())
        report.mogplex = last_object(mogplex)
    return report


def soak_stdio(size: Size, home: Path, said: IO[bytes]) -> Report:
    """Make many sequential calls over stdio; of those with a request, as many as the budget of one token allows."""
    with running(home, "-m", "benchmarks.soak_mogplex", "1", "1", "0.01", said=said) as mogplex:
        more = {"MOGPLEX_API_KEY": token_of(0)}
        serve = (*_PROGRAM, "--url", read_object(mogplex)["address"])
        with running(home, *serve, said=said, more=more) as server:
            caller, report = StdioCaller(server), Report("stdio", Memory(server.pid))
            _call_in_a_row(caller, size, report)
        report.mogplex = last_object(mogplex)
    return report


def _call_in_a_row(caller: StdioCaller, size: Size, report: Report) -> None:
    run_id = run_of(0, 0)
    asking: list[tuple[str, dict[str, Any]]] = [
        ("tail_run", {"run_id": run_id, "wait_seconds": 0}),
        ("list_repos", {}),
        ("get_run", {"run_id": run_id}),
    ]
    began, asked = time.monotonic(), 0
    for number in range(size.stdio_calls):
        tool, arguments = "list_runs", dict[str, Any]()
        if time.monotonic() - began >= asked * _REQUEST_SECONDS:
            tool, arguments = asking[asked % len(asking)]
            asked += 1
        try:
            facts_of(caller.ask("tools/call", {"name": tool, "arguments": arguments}))
        except LostError as error:
            report.lost.append(str(error))
        report.calls += 1
        if number >= size.stdio_calls * _WARM and number % (size.stdio_calls // 50) == 0:
            report.memory.sample()
    report.seconds = time.monotonic() - began


def _count(line: str) -> int:
    """Return the number of events in one line of a result."""
    folded = _FOLDED.match(line)
    return int(folded[1]) if folded else 1


def _address(log: Path) -> str:
    """Return the address that a server prints."""
    given_up = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < given_up:
        if found := re.search(r"http://\S+/mcp", log.read_text()):
            return found.group()
        time.sleep(0.05)
    raise LostError(f"the server did not start: {log.read_text()}")


def soak(size: Size) -> list[Report]:
    """Put both kinds of load on the server, one after the other."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        home = Path(folder)
        try:
            return [soak_http(size, home, said), soak_stdio(size, home, said)]
        except LostError as error:
            said.seek(0)
            raise LostError(f"{error}\n{said.read().decode(errors='replace')}") from error


def load_of(report: Report, size: Size) -> Load:
    """Return the figures of a report, as they are stored."""
    memory = report.memory
    return Load(
        name=report.name,
        calls=report.calls,
        lost=len(report.lost),
        least_waiting=report.least_waiting,
        seconds=round(report.seconds, 1),
        requests=report.mogplex["requests"],
        over_budget=report.mogplex["over_budget"],
        busiest_minute=report.mogplex["busiest_minute"],
        start=memory.start,
        samples=[Sample(round(at, 1), held) for at, held in zip(memory.times, memory.samples, strict=True)],
        kept=report.kept(size),
    )


def main() -> int:
    """Run the load test, print the table, and exit with status 1 if a limit was not kept."""
    arguments = argparse.ArgumentParser(prog="benchmarks.soak", description="Load test of the server.")
    arguments.add_argument("--short", action="store_true", help="a small form, about 15 seconds")
    arguments.add_argument("--write", action="store_true", help="write figures, plot and page; not with --short")
    arguments.add_argument("--redraw", action="store_true", help="measure nothing; write plot and page again")
    given = arguments.parse_args()
    if given.redraw:
        SoakFigures.read().write()
        return 0
    if given.short and given.write:
        arguments.error("the page is about the full form")
    size = SHORT if given.short else FULL
    _allow_open_files(2 * size.callers + 200)
    reports = soak(size)
    loads = [load_of(report, size) for report in reports]
    sys.stdout.write(table(loads) + "\n")
    if given.write:
        SoakFigures(__version__, time.strftime("%Y-%m-%d", time.gmtime()), loads).write()
    for report in reports:
        for reason in dict.fromkeys(report.lost):
            sys.stdout.write(f"{report.name}: {reason}\n")
    return 0 if all(report.kept(size) for report in reports) else 1


def _allow_open_files(wanted: int) -> None:
    """Raise the limit of open files of this process and its children to the number of connections."""
    try:
        import resource  # noqa: PLC0415 - not on Windows, which has no such limit
    except ImportError:
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most)
        )


if __name__ == "__main__":
    raise SystemExit(main())
