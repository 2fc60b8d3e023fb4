"""Call timeouts of MCP clients: how long a tool call may take before the client gives up.

The figures change monthly. For clients that aren't listed, 45 seconds are safe: those that are known give up after a
minute or later. Shorter and longer timeouts are learnt from what becomes of the calls of a client (`LearntCaps`).
"""

import contextlib
import time
from collections import OrderedDict
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
# Many programs share the name of their framework and have timeouts of their own: what one of them taught holds for some
# minutes, then longer waits are tried, and in the end it is forgotten.
_HELD_SECONDS: Final = 600.0
_REMEMBERED_SECONDS: Final = 3_600.0
_GROWTH: Final = 2.0
# A wait that lasted this much longer than what was known to be safe proves a longer timeout.
_LONGER: Final = 1.2
# A response takes a moment to be made after its wait.
_SLACK_SECONDS: Final = 1.0
_MOST_UNCONFIRMED: Final = 256
# Clients choose their names, and these are stored.
_LONGEST_KEY: Final = 200


def listed_cap(client: str) -> float:
    """Return the longest wait that is safe in the client of this name, in seconds, from the list."""
    name = client.strip().lower()
    for listed, seconds in CAP_SECONDS.items():
        if name == listed or (listed.endswith("*") and name.startswith(listed[:-1])):
            return seconds
    return DEFAULT_CAP_SECONDS


def highest_cap(listed: float) -> float:
    """Return the longest wait that is tried in a client whose cap in the list is `listed` seconds.

    A cap below the default is that of a framework's own default, which programs can change.
    """
    return max(listed, DEFAULT_CAP_SECONDS)


def client_key(name: str, version: str) -> str:
    """Return the key under which the timeout of a client is stored."""
    return f"{name}/{version}"[:_LONGEST_KEY]


class LearntCaps:
    """Timeouts learnt from calls: some frameworks give up after five seconds and share one name with others.

    A call that a client cancels shows how long it waits at most. A client that gives up without a word shows it by the
    cursor that it sends next: that of an earlier response. The cursor of a response to a longer wait than was known to
    be safe proves that the client waits longer.

    Errors of the state file are ignored: a learnt timeout improves waits, and is never a reason to fail.
    """

    def __init__(self, limits: WaitLimits, *, now: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._now = now
        # The length of the last long wait of each client and run, whose response may not have arrived.
        self._unconfirmed: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    def cap(self, client: str) -> float | None:
        """Return the longest wait that may be tried in a client (name and version), in seconds; None if not learnt."""
        now = self._now()
        try:
            limit = self._limits.limit(client, now)
        except StateError:
            return None
        return None if limit is None else _cap_now(limit, now)

    async def share(self) -> None:
        """Exchange what was learnt with other machines."""
        await self._limits.share()

    def all(self) -> dict[str, float]:
        """Return all learnt timeouts that are valid now, in seconds, by client (name and version)."""
        now = self._now()
        try:
            caps = {client: _cap_now(limit, now) for client, limit in self._limits.limits(now).items()}
        except StateError:
            return {}
        return {client: seconds for client, seconds in caps.items() if seconds is not None}

    def gave_up(self, client: str, waited: float) -> None:
        """Store that a client gave up on a call after `waited` seconds: the next waits end a fifth sooner.

        Calls that end before the shortest cap are ignored: no cap could help.
        """
        if waited >= SHORTEST_CAP_SECONDS:
            self._shorten(client, waited * _KEPT_SHARE)

    def responded(self, client: str, run: bytes, waited: float) -> None:
        """Note that a client was sent the response to a call about a run that took `waited` seconds."""
        if waited >= SHORTEST_CAP_SECONDS:
            self._unconfirmed[client, run] = waited
            self._unconfirmed.move_to_end((client, run))
            if len(self._unconfirmed) > _MOST_UNCONFIRMED:
                self._unconfirmed.popitem(last=False)

    def confirmed(self, client: str, run: bytes, waited: float, *, listed: float) -> None:
        """Learn from the cursor that a client sends which of the responses about a run have reached it.

        Args:
            client: The client.
            run: The run that the cursor belongs to.
            waited: How long the call took whose response had the cursor.
            listed: The cap of the client in the list, in seconds.
        """
        last = self._unconfirmed.pop((client, run), None)
        if last is None or waited > last + _SLACK_SECONDS:
            # The cursor of another client or process proves nothing of this one.
            return
        if waited < last - _SLACK_SECONDS:
            # It may wait for anything between the two; half of what failed is the step before.
            self._shorten(client, max(waited, last / _GROWTH))
            return
        now = self._now()
        with contextlib.suppress(StateError):
            known = self._limits.limit(client, now)
            if known is None and listed >= DEFAULT_CAP_SECONDS:
                return
            safe = known.seconds if known else listed / _LONGER
            if waited >= max(SHORTEST_CAP_SECONDS, safe * _LONGER - _SLACK_SECONDS / 10):
                # As if it had been held already: the next wait tries more.
                self._learn(client, lambda _: WaitLimit(waited, now + _REMEMBERED_SECONDS - _HELD_SECONDS), now)

    def _shorten(self, client: str, seconds: float) -> None:
        now = self._now()
        seconds = max(SHORTEST_CAP_SECONDS, seconds)

        def decide(known: WaitLimit | None) -> WaitLimit:
            is_held = known is not None and 0 <= now - _learnt_at(known) < _HELD_SECONDS
            least = min(seconds, known.seconds) if known is not None and is_held else seconds
            return WaitLimit(least, now + _REMEMBERED_SECONDS)

        with contextlib.suppress(StateError):
            self._learn(client, decide, now)

    def _learn(self, client: str, decide: Callable[[WaitLimit | None], WaitLimit], now: float) -> None:
        self._limits.learn(client, decide, forget_before=now - _REMEMBERED_SECONDS)


def _learnt_at(limit: WaitLimit) -> float:
    return limit.until - _REMEMBERED_SECONDS


def _cap_now(limit: WaitLimit, now: float) -> float | None:
    """Return the wait that may be tried now: the longer ago a limit was learnt, the longer.

    A limit that is said to count for longer was learnt by 0.1.0, which kept them for a month, and is ignored.
    """
    age = now - _learnt_at(limit)
    return None if age < 0 else limit.seconds * _GROWTH ** (age // _HELD_SECONDS)
