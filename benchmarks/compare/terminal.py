"""What a command costs in a terminal: the processor time of one that makes one request, from start to end."""

import asyncio
import os
import time
from typing import Final

from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import Contender
from benchmarks.compare.effort import Effort
from benchmarks.compare.processes import UpstreamProcess, launch
from benchmarks.compare.results import Command

COMMAND: Final = ("repos", "list")
_MS: Final = 1_000


async def measure_command(contender: Contender, upstream: UpstreamProcess, effort: Effort) -> Command:
    """Run the command several times, and once before, which does not count.

    Raises:
        ContenderError: It fails.
    """
    words, environment = launch(contender, upstream)
    took, worked = [], []
    for _ in range(effort.starts + 1):
        began = time.perf_counter()
        worked.append(await asyncio.to_thread(_processor_seconds, [*words, *COMMAND], environment) * _MS)
        took.append((time.perf_counter() - began) * _MS)
    return Command(took[1:], worked[1:])


def _processor_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return the processor time of a process, which must end well."""
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    pid = os.posix_spawn(command[0], command, environment, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise ContenderError(f"{' '.join(COMMAND)} ended with {code}")
    return used.ru_utime + used.ru_stime
