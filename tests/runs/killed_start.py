"""A process that starts a run and is killed, without any warning, at one step of it.

python -m tests.runs.killed_start PORT STATE_FILE STEP PROMPT
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Collection
from pathlib import Path

import anyio
import httpx2

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.client import StartRun
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.runs.start import Starter
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.storage.ledger import Entry, StartState
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from mogplex_mcp.storage.store import SqliteStore
from mogplex_mcp.tenants.tenant import Tenant, Tenants

REPO = "4fc47468-0f0d-5a62-b2f1-34868131c9b8"

STEPS = (
    "before the ledger",
    "in the ledger's transaction",
    "after the ledger",
    "before the request",
    "while Mogplex works",
    "after the answer",
    "before the answer is noted",
    "while the answer is noted",
    "after the answer is noted",
    "never",
)


def address(port: int) -> str:
    """The base URL of a simulator that listens on a port."""
    return f"http://127.0.0.1:{port}/api/v1/mogplex"


def tenant_on(port: int, path: Path, transport: httpx2.AsyncBaseTransport) -> Tenant:
    """What a server in one process has, on such a simulator."""
    tenants = Tenants(address(port), transport, SqliteStore(StateFile(path)))
    return tenants.of(FoundToken(Token.parse(DEMO_TOKEN), "a test"))


def order(prompt: str) -> StartRun:
    return StartRun(repo_id=REPO, prompt=prompt, harness="codex", create_branch=True)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingTransport(httpx2.AsyncHTTPTransport):
    """The real network, up to the step."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.step == "before the request":
            die()
        if self.step == "while Mogplex works":
            # The fault on the other side keeps the answer back for longer than this.
            with anyio.move_on_after(0.2):
                await super().handle_async_request(request)
            die()
        response = await super().handle_async_request(request)
        if self.step == "after the answer":
            await response.aread()
            die()
        return response


class DyingLedger(SqliteLedger):
    """The real ledger, up to the step."""

    step = "never"

    async def begin(
        self, wanted: Entry, *, chain: str = "", after: int = -1, known_runs: Collection[str] | None = None
    ) -> tuple[Entry, bool]:
        self._die_at("before the ledger")
        result = await super().begin(wanted, chain=chain, after=after, known_runs=known_runs)
        self._die_at("after the ledger")
        return result

    async def settle(
        self,
        entry: Entry,
        *,
        run_id: str,
        status: str,
        state: StartState = StartState.STARTED,
        created_at: float | None = None,
    ) -> None:
        self._die_at("before the answer is noted")
        if self.step == "while the answer is noted":
            with self._state.transaction(durable=True) as rows:
                rows.execute("UPDATE starts SET state = 'started'")
                die()
        await super().settle(entry, run_id=run_id, status=status, state=state, created_at=created_at)
        self._die_at("after the answer is noted")

    def _write(self, rows: sqlite3.Connection, tenant: str, entry: Entry) -> None:
        super()._write(rows, tenant, entry)
        self._die_at("in the ledger's transaction")

    def _die_at(self, step: str) -> None:
        if step == self.step:
            die()


async def main(port: str, path: str, step: str, prompt: str) -> None:
    async with DyingTransport(step) as transport:
        mogplex = tenant_on(int(port), Path(path), transport).mogplex
        ledger = DyingLedger(StateFile(Path(path)), DEMO_TOKEN)
        ledger.step = step
        started = await Starter(mogplex, ledger, ServerClock()).start(
            order(prompt), repo="acme/web", default_branch="main"
        )
    sys.stdout.write(started.run.run_id)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4])
