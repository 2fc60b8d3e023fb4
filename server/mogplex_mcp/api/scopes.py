"""What a token was refused for: a scope that is missing is not asked for again with every call."""

import re
import time
from collections.abc import Callable
from typing import Any, Final

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import MogplexHttp

REMEMBERED_SECONDS: Final = 600.0

_REFUSAL: Final = re.compile(r"missing required scope: write\b", re.IGNORECASE)
# Said after the scopes were looked at (mogplex-api.md, section 2, "Auth and paths"): the token has the right one.
_BEHIND_THE_SCOPES: Final = frozenset(
    {ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.IDEMPOTENCY_CONFLICT}
)


class ScopeMemory:
    """Whether a token was refused for want of the scope `write`; forgotten after ten minutes."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._refused_at: float | None = None

    def check_write(self) -> None:
        """Refuse what needs the scope `write`, if the token is known not to have it.

        Raises:
            MogplexError: `FORBIDDEN`; nothing was sent.
        """
        if self._refused_at is not None and 0 <= self._now() - self._refused_at < REMEMBERED_SECONDS:
            minutes = round((self._now() - self._refused_at) / 60)
            raise MogplexError(
                ErrorCode.FORBIDDEN,
                f"this needs the scope write, which Mogplex said {minutes} minutes ago that the token does not have;"
                " nothing was sent",
            )

    def refused(self, error: MogplexError) -> None:
        """Look at what a request that writes was refused for."""
        if error.code is ErrorCode.FORBIDDEN and _REFUSAL.search(error.message):
            self._refused_at = self._now()
        elif error.code in _BEHIND_THE_SCOPES and error.status is not None:
            self.allowed()

    def allowed(self) -> None:
        """A request that writes was let through."""
        self._refused_at = None


class RememberingHttp(MogplexHttp):
    """A `MogplexHttp` that tells a `ScopeMemory` how requests that write end."""

    def __init__(self, *args: Any, scopes: ScopeMemory, **more: Any) -> None:
        super().__init__(*args, **more)
        self._scopes = scopes

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """See `MogplexHttp.request`."""
        try:
            data = await super().request(method, path, **more)
        except MogplexError as error:
            if method != "GET":
                self._scopes.refused(error)
            raise
        if method != "GET":
            self._scopes.allowed()
        return data
