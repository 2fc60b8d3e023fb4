"""The machine: what a page has to say of it, and that it is measured on by one program only."""

import contextlib
import fcntl
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """What the processor is called."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def processor_seconds(pid: int | None) -> float:
    """Return the processor time of all threads of a process; 0 if it is unknown."""
    statistics = Path(f"/proc/{pid}/stat")
    if not statistics.exists():
        return 0.0
    # The second field is a name in brackets, which may hold anything.
    fields = statistics.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other comparison runs: two would disturb each other, and share environments.

    Args:
        folder: Where all of them find the same lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("waiting for the end of another comparison\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
