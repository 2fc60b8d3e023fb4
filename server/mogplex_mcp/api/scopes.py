"""The scopes of a token: detect them, and cache that `write` is missing so that no request is spent on a refusal."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import MogplexHttp

if TYPE_CHECKING:
    import httpx2

    from mogplex_mcp.api.budget import Budget

CACHE_SECONDS: Final = 600.0

NONEXISTENT_RUN_ID: Final = "00000000-0000-4000-8000-000000000000"
"""No run has this id: to cancel it changes nothing, and the error says whether the token has the scope `write`."""

_REFUSAL: Final = re.compile(r"missing required scope: write\b", re.IGNORECASE)
# Mogplex checks scopes first (mogplex-api.md, section 2, "Auth and paths"): with these errors the token has the scope.
_ERRORS_AFTER_SCOPES: Final = frozenset(
    {
        ErrorCode.BAD_REQUEST,
        ErrorCode.NOT_FOUND,
        ErrorCode.CONFLICT,
        ErrorCode.IDEMPOTENCY_CONFLICT,
        ErrorCode.BILLING,
    }
)


class ScopeCache:
    """Caches for ten minutes that a token lacks the scope `write`."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._refused_at: float | None = None

    def check_write(self) -> None:
        """Raise if the token is known to lack the scope `write`.

        Raises:
            MogplexError: `FORBIDDEN`; nothing was sent.
        """
        if self._refused_at is not None and 0 <= self._now() - self._refused_at < CACHE_SECONDS:
            minutes = round((self._now() - self._refused_at) / 60)
            raise MogplexError(
                ErrorCode.FORBIDDEN,
                f"this needs the scope write, which Mogplex said {minutes} minutes ago that the token does not have;"
                " nothing was sent",
            )

    def refused(self, error: MogplexError) -> None:
        """Learn from the error of a write request whether the token has the scope `write`."""
        if error.code is ErrorCode.FORBIDDEN and _REFUSAL.search(error.message):
            self._refused_at = self._now()
        elif error.code in _ERRORS_AFTER_SCOPES and error.status is not None:
            self.allowed()

    def allowed(self) -> None:
        """Learn from a write request that succeeded that the token has the scope `write`."""
        self._refused_at = None


class ScopeTrackingHttp(MogplexHttp):
    """A `MogplexHttp` that reports the result of each write request to a `ScopeCache`."""

    def __init__(
        self,
        transport: "httpx2.AsyncBaseTransport",
        base_url: str,
        token: Token | None,
        budget: "Budget",
        *,
        scopes: ScopeCache,
    ) -> None:
        super().__init__(transport, base_url, token, budget)
        self._scopes = scopes

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Send a request, see `MogplexHttp.request`."""
        try:
            data = await super().request(method, path, **more)
        except MogplexError as error:
            if method != "GET":
                self._scopes.refused(error)
            raise
        if method != "GET":
            self._scopes.allowed()
        return data


async def detect_scopes(mogplex: Mogplex) -> list[str]:
    """Return the scopes of a token; takes two requests, which change nothing.

    Raises:
        MogplexError: The scopes can't be detected; `UNAUTHORIZED` if the token is invalid.
    """
    return [
        *(["read"] if await _is_allowed(mogplex.list_agents()) else []),
        *(["write"] if await _is_allowed(mogplex.cancel_run(NONEXISTENT_RUN_ID)) else []),
    ]


async def _is_allowed(request: Awaitable[object]) -> bool:
    try:
        await request
    except MogplexError as error:
        if error.code is ErrorCode.FORBIDDEN:
            return False
        # Without a status it isn't the refusal of Mogplex, but of a proxy in between.
        if error.code not in _ERRORS_AFTER_SCOPES or error.status is None:
            raise
    return True
