"""How long a tool call may take in which MCP client: figures that change monthly, in one place.

Where a client is not listed, forty-five seconds are safe for all that are known to give up after a minute. What a
client turns out to bear less is learnt from the calls it cancels (`LearntCaps`).
"""

import contextlib
import time
from collections.abc import Callable
from typing import Final

from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.storage.wait_limits import WaitLimit, WaitLimits

DEFAULT_CAP_SECONDS: Final = 45.0
SHORTEST_CAP_SECONDS: Final = 3.0

# By the name in the client's `clientInfo`, lower case; a name that ends in * stands for all that begin so.
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

# What is kept of the wait that a client gave up, so that the answer comes before the next one is.
_KEPT_SHARE: Final = 0.8
# A client that cancels twice after the same time has a limit; one that cancels once may have a user who changed
# his mind, and that must not make its waits short for ever.
_SUSPECTED_SECONDS: Final = 3_600.0
_KNOWN_SECONDS: Final = 30 * 86_400.0
_SAME_SHARE: Final = 0.1
# Names are what clients say, and they are kept.
_LONGEST_KEY: Final = 200


def listed_cap(client: str) -> float:
    """The longest wait that is safe in the client of this name, in seconds, as far as it is known in advance."""
    name = client.strip().lower()
    for listed, seconds in CAP_SECONDS.items():
        if name == listed or (listed.endswith("*") and name.startswith(listed[:-1])):
            return seconds
    return DEFAULT_CAP_SECONDS


def client_key(name: str, version: str) -> str:
    """The name under which something is learnt about a client."""
    return f"{name}/{version}"[:_LONGEST_KEY]


class LearntCaps:
    """Caps learnt from clients that gave up: some frameworks cut at five seconds and share one name with all others.

    What cannot be read or written is not known: a cap is a courtesy, never a reason to fail.
    """

    def __init__(self, limits: WaitLimits, *, now: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._now = now

    def cap(self, client: str) -> float | None:
        """The learnt cap of a client (name and version), in seconds."""
        try:
            return self._limits.limit(client, self._now())
        except StateError:
            return None

    def all(self) -> dict[str, float]:
        """All learnt caps that hold now, in seconds, by client (name and version)."""
        try:
            return self._limits.limits(self._now())
        except StateError:
            return {}

    def gave_up(self, client: str, waited: float) -> None:
        """Remember that a client cancelled a call after `waited` seconds: the next waits end a fifth sooner.

        Once counts for an hour, twice after about the same time for a month. What ends before the shortest cap is
        nothing that a cap could help.
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
