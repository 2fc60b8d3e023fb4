"""What Mogplex' responses have shown of tokens: accepted, refused, or without the scope `write`.

The HTTP server asks this before it lets a request reach MCP. Tokens are held as keyed digests, in memory only.
"""

import hashlib
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

import anyio

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.scopes import ScopeCache

REFUSED_SECONDS: Final = 60.0
"""How long a 401 is remembered. While its database is down, Mogplex refuses every token (mogplex-api.md, section 2)."""

MOST_TOKENS: Final = 10_000
"""Of each kind: made-up tokens, which are never accepted, push out no accepted one."""

_T = TypeVar("_T")


class KnownTokens:
    """What was learnt of the tokens of all callers.

    Args:
        now: Seconds since the epoch, for scopes.
        monotonic: Seconds on the clock of the event loop, which is never set.
    """

    def __init__(
        self, *, now: Callable[[], float] = time.time, monotonic: Callable[[], float] = anyio.current_time
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._accepted: OrderedDict[bytes, float] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._scopes: OrderedDict[bytes, ScopeCache] = OrderedDict()

    def accept(self, token: Token) -> None:
        """Remember that Mogplex has accepted a token."""
        name = self._name(token)
        self._refused.pop(name, None)
        _put(self._accepted, name, self._monotonic())

    def refuse(self, token: Token) -> None:
        """Remember that Mogplex has responded with 401 to a token."""
        _put(self._refused, self._name(token), self._monotonic())

    def is_accepted(self, token: Token, *, within_seconds: float = math.inf) -> bool:
        """Return whether Mogplex has ever accepted a token, or lately; a later 401 may be of an outage."""
        at = self._accepted.get(self._name(token))
        return at is not None and self._monotonic() - at < within_seconds

    def refused_seconds(self, token: Token) -> float:
        """Return for how many more seconds a token counts as refused; 0 if Mogplex has accepted it since."""
        at = self._refused.get(self._name(token), -math.inf)
        return max(0.0, at + REFUSED_SECONDS - self._monotonic())

    def lacks_write(self, token: Token) -> bool:
        """Return whether a token is known to lack the scope `write`."""
        scopes = self._scopes.get(self._name(token))
        try:
            if scopes is not None:
                scopes.check_write()
        except MogplexError:
            return True
        return False

    def scopes(self, token: Token) -> ScopeCache:
        """Return what is known of the scopes of a token."""
        name = self._name(token)
        return _put(self._scopes, name, self._scopes.get(name) or ScopeCache(now=self._now))

    def _name(self, token: Token) -> bytes:
        return hashlib.blake2b(token.value.encode(), key=self._key, digest_size=16).digest()


def _put(values: OrderedDict[bytes, _T], name: bytes, value: _T) -> _T:
    """Set a value as the newest one; drop the oldest one if there are too many."""
    values[name] = value
    values.move_to_end(name)
    if len(values) > MOST_TOKENS:
        values.popitem(last=False)
    return value
