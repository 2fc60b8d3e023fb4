"""How many instructions a start and a call take: unlike times, the same on a busy machine.

The process runs under valgrind's callgrind, which is asked for its count between two answers.
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.processes import UpstreamProcess, running
from benchmarks.compare.results import Instructions

# Everything takes fifty times as long.
_SECONDS: Final = 300.0
_COUNTED: Final = re.compile(r"^summary: (\d+)", re.MULTILINE)
# What is loaded and opened with the first calls is not what a call costs.
_WARM_CALLS: Final = 3


def can_count() -> bool:
    """Whether valgrind is there."""
    return shutil.which("valgrind") is not None and shutil.which("vgdb") is not None


async def measure_instructions(contender: Contender, upstream: UpstreamProcess, calls: int) -> Instructions:
    """Count a start with tools/list and a first call, and so many further ones.

    Raises:
        ContenderError: It does not answer, or valgrind does not count.
    """
    # Once before, which does not count, as where times are measured.
    async with running(contender, upstream) as server:
        await server.client.open()
        await server.client.request("tools/list", {})
        await server.call()
    with tempfile.TemporaryDirectory() as folder:
        counter = _Counter(Path(folder))
        async with running(contender, upstream, under=counter.command(), answer_seconds=_SECONDS) as server:
            await server.client.open()
            await server.client.request("tools/list", {})
            listed = await counter.take(server.pid)
            await server.call()
            first_call = await counter.take(server.pid)
            for _ in range(_WARM_CALLS):
                await server.call()
            await counter.take(server.pid)
            for _ in range(calls):
                await server.call()
            further = await counter.take(server.pid)
        return Instructions(listed, called=listed + first_call, call=further // calls)


class _Counter:
    """Callgrind's counts of one process; each begins where the last one ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken = 0

    def command(self) -> list[str]:
        """What the process has to run under."""
        return [
            "valgrind",
            "--tool=callgrind",
            "--trace-children=no",
            f"--callgrind-out-file={self._folder}/count",
            f"--vgdb-prefix={self._folder}/vgdb",
        ]

    async def take(self, pid: int | None) -> int:
        """Instructions since the last count."""
        command = ["vgdb", f"--vgdb-prefix={self._folder}/vgdb", f"--pid={pid}", "dump"]
        asking = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(_SECONDS):
                await asking.wait()
        finally:
            if asking.returncode is None:
                asking.kill()
        self._taken += 1
        return self._read(f"count.{self._taken}")

    def _read(self, name: str) -> int:
        path = self._folder / name
        found = _COUNTED.search(path.read_text()) if path.exists() else None
        if found is None:
            raise ContenderError("valgrind did not count")
        return int(found[1])
