"""A `MogplexHttp` that learns whether its token is accepted, and takes a new token after a refusal."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.scopes import ScopeCache, ScopeTrackingHttp
from mogplex_mcp.core.redaction import MARK
from mogplex_mcp.credentials.known_tokens import KnownTokens

if TYPE_CHECKING:
    import httpx2

    from mogplex_mcp.api.budget import Budget

Renew = Callable[[Token], Awaitable[Token | None]]
"""Look for the token again after Mogplex refused one, or refresh it; return another one, or None."""

Current = Callable[[Token], Awaitable[Token]]
"""Return the token to send, given the last one: it may have been refreshed, or expire soon."""

# Mogplex decides both before it reads the body of a request (mogplex-api.md, section 2), so nothing was done.
_REFUSALS: Final = (ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN)
_UNAUTHORIZED: Final = 401

_T = TypeVar("_T")


class RenewingHttp(ScopeTrackingHttp):
    """Sends a refused request once more if the token was replaced since; reports what Mogplex says of tokens.

    Args:
        transport: As of `MogplexHttp`, like the following ones.
        base_url: The same.
        token: The same.
        budget: The same.
        scopes: Learns from each write request whether the token has the scope `write`.
        known: What is known of tokens.
        renew: Looks for the token again; None where the caller has sent it.
        current: Keeps the token from expiring; None for one that doesn't, or that can't be refreshed here.
    """

    def __init__(
        self,
        transport: "httpx2.AsyncBaseTransport",
        base_url: str,
        token: Token | None,
        budget: "Budget",
        *,
        scopes: ScopeCache,
        known: KnownTokens,
        renew: Renew | None,
        current: Current | None = None,
    ) -> None:
        super().__init__(transport, base_url, token, budget, scopes=scopes)
        self._known = known
        self._renew = renew
        self._current = current

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Send a request, see `MogplexHttp.request`."""
        send = super().request
        return await self._renewing(lambda: send(method, path, **more))

    async def exchange(self, path: str, body: Any, **more: Any) -> Any:
        """Send a request, see `MogplexHttp.exchange`."""
        send = super().exchange
        return await self._renewing(lambda: send(path, body, **more))

    async def _renewing(self, send: Callable[[], Awaitable[_T]]) -> _T:
        if self._current is not None and self._token is not None:
            self._token = await self._current(self._token)
        token = self._token
        try:
            return await self._learning(send)
        except MogplexError as error:
            if token is None or self._renew is None or error.code not in _REFUSALS:
                raise
            # Another request may have renewed it while this one was under way.
            renewed = self._token if self._token != token else await self._renew(token)
            if renewed is None:
                raise
            self._token = renewed
            refused = error
        try:
            return await self._learning(send)
        except MogplexError as error:
            # An earlier attempt may have taken effect, whatever became of the last one.
            error.may_have_happened |= refused.may_have_happened
            raise

    async def _learning(self, send: Callable[[], Awaitable[_T]]) -> _T:
        token = self._token
        try:
            result = await send()
        except MogplexError as error:
            if token is not None and token.value in error.message:
                # No pattern knows an access token where a response quotes it.
                error.message = error.message.replace(token.value, MARK)
                error.args = (error.message,)
            if token is not None and error.code is ErrorCode.UNAUTHORIZED and error.status == _UNAUTHORIZED:
                self._known.refuse(token)
            raise
        if token is not None:
            self._known.accept(token)
        return result
