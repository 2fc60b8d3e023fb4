"""Call timeouts of MCP clients: how long a tool call may take before the client gives up.

The figures change monthly. For clients that aren't listed, 45 seconds are safe: those that are known give up after a
minute or later. Shorter timeouts are learnt from the calls that a client cancels (`LearntCaps`).
"""

import contextlib
import time
from collections.abc import Callable
from typing import Final

from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.wait_limits import WaitLimit, WaitLimits

DEFAULT_CAP_SECONDS: Final = 45.0
SHORTEST_CAP_SECONDS: Final = 3.0

# By the name in `clientInfo`, in lower case; a final * matches any rest.
CAP_SECONDS: Final = {
    "claude-code": 100.0,
    "codex-mcp-client": 100.0,
    "gemini-cli-mcp-client": 100.0,
    "visual studio code*": 100.0,
    "copilot-intellij*": 20.0,
    "github copilot for jetbrains*": 20.0,
    "google-adk*": 4.0,
    "adk-*": 4.0,
}

# The share of the wait that a client gave up on, so that the next response comes in time.
_KEPT_SHARE: Final = 0.8
# A client that cancels twice after the same time has a timeout. One that cancels once may have a user who changed his
# mind, which must not shorten its waits for ever.
_SUSPECTED_SECONDS: Final = 3_600.0
_KNOWN_SECONDS: Final = 30 * 86_400.0
_SAME_SHARE: Final = 0.1
# Clients choose their names, and these are stored.
_LONGEST_KEY: Final = 200


def listed_cap(client: str) -> float:
    """Return the longest wait that is safe in the client of this name, in seconds, from the list."""
    name = client.strip().lower()
    for listed, seconds in CAP_SECONDS.items():
        if name == listed or (listed.endswith("*") and name.startswith(listed[:-1])):
            return seconds
    return DEFAULT_CAP_SECONDS


def client_key(name: str, version: str) -> str:
    """Return the key under which the timeout of a client is stored."""
    return f"{name}/{version}"[:_LONGEST_KEY]


class LearntCaps:
    """Timeouts learnt from cancelled calls: some frameworks give up after five seconds and share one name with others.

    Errors of the state file are ignored: a learnt timeout improves waits, and is never a reason to fail.
    """

    def __init__(self, limits: WaitLimits, *, now: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._now = now

    def cap(self, client: str) -> float | None:
        """Return the learnt timeout of a client (name and version), in seconds."""
        try:
            return self._limits.limit(client, self._now())
        except StateError:
            return None

    async def share(self) -> None:
        """Exchange what was learnt with other machines."""
        await self._limits.share()

    def all(self) -> dict[str, float]:
        """Return all learnt timeouts that are valid now, in seconds, by client (name and version)."""
        try:
            return self._limits.limits(self._now())
        except StateError:
            return {}

    def gave_up(self, client: str, waited: float) -> None:
        """Store that a client cancelled a call after `waited` seconds: the next waits end a fifth sooner.

        Once counts for an hour, twice after about the same time for a month. Calls that are cancelled before the
        shortest cap are ignored: no cap could help.
        """
        if waited < SHORTEST_CAP_SECONDS:
            return
        seconds, now = max(SHORTEST_CAP_SECONDS, waited * _KEPT_SHARE), self._now()

        def decide(known: WaitLimit | None) -> WaitLimit:
            again = known is not None and abs(seconds - known.seconds) <= _SAME_SHARE * known.seconds
            until = now + (_KNOWN_SECONDS if again else _SUSPECTED_SECONDS)
            if known is not None and known.until > now:
                return WaitLimit(min(seconds, known.seconds), max(until, known.until))
            return WaitLimit(seconds, until)

        with contextlib.suppress(StateError):
            self._limits.learn(client, decide, forget_before=now - _KNOWN_SECONDS)
