"""A process that starts runs and triggers automations until each has succeeded, and may be killed at any time.

It notes each result in a file of its own, and goes on from there when it is started again.
"""

from pathlib import Path

import anyio

import mogplex_mcp.api.exchange  # noqa: F401 - imported late otherwise: each process would take longer to start
from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.client import Mogplex, StartRun
from mogplex_mcp.api.dated_transport import DatedTransport
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.http import MogplexHttp
from mogplex_mcp.api.server_clock import ServerClock
from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.runs.start import Starter
from mogplex_mcp.runs.triggers import Triggerer
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.sqlite_ledger import SqliteLedger
from mogplex_mcp.storage.state_file import StateFile
from tests.runs.killed_start import REPO, address


class NoBudget:
    """A budget without a limit, which is the subject of other tests."""

    async def spend(self, units: int, *, watching: bool) -> None:
        del units, watching

    async def pause(self, seconds: float) -> None:
        del seconds


async def _briefly(seconds: float) -> None:
    await anyio.sleep(min(seconds, 0.01))


class Attacker:
    """One process.

    Args:
        port: Where Mogplex is.
        journal: The state file; None for none.
        automation_id: What is triggered.
        results: The file with its results, one a line.
    """

    def __init__(self, port: int, journal: Path | None, automation_id: str, results: Path) -> None:
        self._port = port
        self._state = StateFile(journal)
        self._automation_id = automation_id
        self._results = results

    async def run(self, starts: int) -> None:
        done = len(self._results.read_text().splitlines()) if self._results.exists() else 0
        clock = ServerClock()
        async with create_transport(address(self._port)) as transport:
            http = MogplexHttp(
                DatedTransport(transport, clock),
                address(self._port),
                Token.parse(DEMO_TOKEN),
                NoBudget(),
                sleep=_briefly,
            )
            mogplex, ledger = Mogplex(http), SqliteLedger(self._state, "a person")
            starter, triggerer = Starter(mogplex, ledger, clock), Triggerer(mogplex, ledger, clock)
            for number in range(done, 2 * starts):
                run_id = await self._insist(starter, triggerer, number)
                with self._results.open("a") as results:
                    results.write(f"{number} {run_id}\n")

    async def _insist(self, starter: Starter, triggerer: Triggerer, number: int) -> str:
        """Call until there is a run, as an agent does that follows the advice to call again."""
        while True:
            try:
                if number % 2:
                    triggered = await triggerer.trigger(self._automation_id, REPO, {"number": number})
                    return triggered.run_id
                wanted = StartRun(repo_id=REPO, prompt=f"task {number}", harness="codex", create_branch=True)
                return (await starter.start(wanted, repo="acme/web", default_branch="main")).run.run_id
            except (MogplexError, StateError):
                await anyio.sleep(0.005)


def attack(port: int, journal: Path | None, automation_id: str, results: Path, starts: int) -> None:
    anyio.run(Attacker(port, journal, automation_id, results).run, starts)
