"""What replicas that share a database cost: a start on PostgreSQL and on SQLite, and 10,000 tenants.

    PYTHONPATH=server python -m benchmarks.replicas            prints the tables
    PYTHONPATH=server python -m benchmarks.replicas --write    writes them to docs/deploying.md

Both stores flush each start to the disk. The PostgreSQL server is that of the tests, on this machine.
"""

import contextlib
import gc
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import httpx2
import psycopg
from tests.postgres_server import PostgresServer, postgres_server
from tests.runs.support import without_quota

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.api.client import StartRun
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import FoundToken, SourceKind
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.storage.postgres.store import PostgresStore
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore, Store
from mogplex_mcp.tenants.tenant import MOST_TENANTS, Tenant, Tenants

PAGE: Final = Path(__file__).parents[1] / "docs" / "deploying.md"
HEADING: Final = "### Measured\n"
STARTS: Final = 40
"""Starts on each store, in turns, after as many that are not counted."""
MOGPLEX_SECONDS: Final = 0.15
"""How long Mogplex takes to respond; starts at the real one took longer."""
TENANTS: Final = (100, 1_000, 10_000)
THROUGH: Final = MOST_TENANTS + 200
"""Tenants that go through the process. Of more, the others have copies of their rows: memory holds fewer."""
TIMED: Final = 100
"""The last tenants, whose calls are timed."""
_COPIED: Final = (("tenants", 1), ("starts", 1), ("requests", 2), ("looks", 1))
"""Tables, and how many rows of one a tenant has."""
GOAL: Final = 1.3


class Growth(NamedTuple):
    """The costs of a number of tenants, each of which starts one run and looks at it."""

    tenants: int
    megabytes: float
    rows: int
    database_megabytes: float
    milliseconds: float
    requests: float


class Mogplex(httpx2.AsyncBaseTransport):
    """A simulated Mogplex that takes its time."""

    def __init__(self, simulator: Simulator, seconds: float) -> None:
        self._transport = simulator.transport()
        self._seconds = seconds
        self.requests = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Respond after a while."""
        self.requests += 1
        await anyio.sleep(self._seconds)
        return await self._transport.handle_async_request(request)


def _simulator() -> Simulator:
    simulator = Simulator(run_seconds=3_600)
    without_quota(simulator)
    simulator.world.tokens[0].limited = False
    return simulator


def _wanted(prompt: str) -> StartRun:
    repo = next(repo for repo in _simulator().world.repos if repo.full_name == "acme/web")
    return StartRun(repo_id=repo.id, prompt=prompt, harness="codex", create_branch=True)


async def _start(tenant: Tenant, wanted: StartRun) -> str:
    started = await tenant.starter.start(wanted, repo="acme/web", default_branch="main")
    return started.run.run_id


def _found(value: str) -> FoundToken:
    return FoundToken(Token.parse(value), "the request", kind=SourceKind.REQUEST)


@contextlib.asynccontextmanager
async def _tenants(store: Store, transport: httpx2.AsyncBaseTransport) -> AsyncIterator[Tenants]:
    try:
        yield Tenants(DEFAULT_BASE_URL, transport, store)
    finally:
        await store.aclose()


async def compare_starts(url: str, folder: Path, seconds: float) -> tuple[float, float]:
    """Return the median milliseconds of a start on SQLite and on PostgreSQL, measured in turns."""
    taken: dict[str, list[float]] = {"sqlite": [], "postgres": []}
    sqlite, postgres = SqliteStore(StateFile(folder / "state.sqlite3")), PostgresStore(Secret(url), DEFAULT_BASE_URL)
    async with (
        _tenants(sqlite, Mogplex(_simulator(), seconds)) as one,
        _tenants(postgres, Mogplex(_simulator(), seconds)) as other,
    ):
        for number in range(2 * STARTS):
            for name, tenants in (("sqlite", one), ("postgres", other)):
                tenant = tenants.of(_found(DEMO_TOKEN))
                tenant.budget._own.clear()  # noqa: SLF001 - the budget of a minute is less than that
                wanted = _wanted(f"task {number} {seconds}")
                began = time.perf_counter()
                await _start(tenant, wanted)
                if number >= STARTS:
                    taken[name].append(time.perf_counter() - began)
            await anyio.to_thread.run_sync(_forget_requests, url)
            sqlite.state.change("DELETE FROM requests", {})
    return 1_000 * statistics.median(taken["sqlite"]), 1_000 * statistics.median(taken["postgres"])


def _forget_requests(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as rows:
        rows.execute("DELETE FROM requests")


async def grow(url: str, most: int) -> Growth:
    """Let as many tenants as `most` start one run and look at it, the latest ones through one process."""
    simulator = _simulator()
    mogplex = Mogplex(simulator, 0)
    owner = simulator.world.tokens[0]
    wanted = _wanted("task")
    gc.collect()
    tracemalloc.start()
    taken = []
    async with _tenants(PostgresStore(Secret(url), DEFAULT_BASE_URL), mogplex) as tenants:
        for number in range(through := min(most, THROUGH)):
            if most > through and number == through - TIMED:
                await anyio.to_thread.run_sync(_copy_rows, url, most - through)
            owner.value = f"mog_{number:032x}"
            tenant = tenants.of(_found(owner.value))
            began = time.perf_counter()
            run_id = await _start(tenant, wanted)
            await tenant.watches.of(run_id).refresh()
            taken.append(time.perf_counter() - began)
            simulator.requests.clear()
            simulator.world.runs.clear()
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return _grown(url, most, used / 1e6, taken, mogplex.requests / through)


def _copy_rows(url: str, tenants: int) -> None:
    """Give that many more tenants copies of the rows of one."""
    with psycopg.connect(url, autocommit=True) as rows:
        for table, number in _COPIED:
            values = "to_jsonb(one) || jsonb_build_object('tenant', 'copy ' || n)"
            renamed = f"(jsonb_populate_record(NULL::{table}, {values})).*"
            latest = f"(SELECT * FROM {table} ORDER BY tenant LIMIT {number})"  # noqa: S608 - named above
            copy = f"INSERT INTO {table} SELECT {renamed} FROM generate_series(1, {tenants}) n, {latest} one"  # noqa: S608 - the same
            rows.execute(copy.encode())
        rows.execute("ANALYZE")


def _grown(url: str, most: int, megabytes: float, taken: list[float], requests: float) -> Growth:
    with psycopg.connect(url) as rows:
        tables = ("tenants", "starts", "requests", "looks")
        counted = sum(_number(rows, f"SELECT count(*) FROM {table}") for table in tables)  # noqa: S608 - named above
        size = _number(rows, "SELECT pg_database_size(current_database())")
    return Growth(most, megabytes, counted, size / 1e6, 1_000 * statistics.median(taken[-TIMED:]), requests)


def _number(rows: "psycopg.Connection[tuple[int, ...]]", question: str) -> int:
    row = rows.execute(question.encode()).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row[0]


def page(starts: tuple[float, float], at_once: tuple[float, float], growth: list[Growth]) -> str:
    """Return the section with the measured figures."""
    rows = [
        f"| {one.tenants:,} | {one.milliseconds:.0f} ms | {one.requests:.1f} | {one.megabytes:.0f} MB | {one.rows:,} |"
        f" {one.database_megabytes:.0f} MB |".replace(",", " ")
        for one in growth
    ]
    sqlite, postgres = starts
    table = "\n".join(rows)
    latest = f"{MOST_TENANTS:,}".replace(",", " ")
    through = f"{THROUGH:,}".replace(",", " ")
    ratio, wait = postgres / sqlite, 1_000 * MOGPLEX_SECONDS
    return f"""\
{HEADING}
By `benchmarks/replicas.py`, with PostgreSQL on the same machine and each start flushed to the disk.

A start takes {postgres:.0f} ms with PostgreSQL and {sqlite:.0f} ms with the state file, **{ratio:.2f} times** as long
(goal: {GOAL}), where Mogplex takes {wait:.0f} ms for its part; {at_once[1]:.0f} ms and {at_once[0]:.0f} ms where it
responds at once.

Each tenant starts a run and looks at it. At most {through} tenants do so, through one replica; the rows of any others
are copies:

| Tenants | Start and look | Requests to Mogplex for each | Memory of the replica | Rows | Database |
|---|---|---|---|---|---|
{table}

Memory holds the {latest} latest tenants. Rows of tenants that do not come any more are dropped: requests and looks
after an hour, starts after 90 days.
"""


def write(section: str, text: str) -> str:
    """Return the page with the section in place of the one that it has, at the end of "What grows with what"."""
    begin, end = "## What grows with what\n", "\n## "
    before, found, rest = text.partition(begin)
    if not found:
        return f"{text.rstrip()}\n\n{begin}\n{section}"
    own, separator, after = rest.partition(end)
    kept = own.partition(HEADING)[0].rstrip()
    return f"{before}{begin}{kept}\n\n{section.rstrip()}\n{separator}{after}"


async def measure(server: PostgresServer, report: Callable[[str], None]) -> str:
    """Return the section with the figures of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        starts = await compare_starts(server.create_database("starts"), Path(folder), MOGPLEX_SECONDS)
    report(f"start: {starts[0]:.1f} ms on SQLite, {starts[1]:.1f} ms on PostgreSQL")
    with tempfile.TemporaryDirectory() as folder:
        at_once = await compare_starts(server.create_database("at_once"), Path(folder), 0)
    report(f"at once: {at_once[0]:.1f} ms on SQLite, {at_once[1]:.1f} ms on PostgreSQL")
    growth = []
    for most in TENANTS:
        growth.append(await grow(server.create_database(f"grow{most}"), most))
        report(str(growth[-1]))
    return page(starts, at_once, growth)


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> None:
    """Measure and print, or write."""
    with postgres_server() as server:
        server.stop(mode="fast")
        server.start(fsync="on", synchronous_commit="on", full_page_writes="on")
        section = anyio.run(measure, server, _report)
    if "--write" in sys.argv:
        PAGE.write_text(write(section, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(section)


if __name__ == "__main__":
    main()
