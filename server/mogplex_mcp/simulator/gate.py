"""Who is asking: the redirect to the log-in page, tokens, the rate limit, scopes."""

import re
from urllib.parse import quote

from .calls import State
from .limits import RETRY_AFTER
from .messages import BASE_PATH, Refusal, Request, Response, redirect
from .world import Token

RPC_PATH = f"{BASE_PATH}/mcp"
_BEARER = re.compile(r"Bearer \s*\S")
_STATIC = re.compile(r"\.(png|jpe?g|gif|svg|webp|ico|txt|css|js)\Z", re.IGNORECASE)


def login_redirect(request: Request) -> Response | None:
    """Send whoever brings no `Bearer` to the log-in page: 307, not 401 (observed).

    Paths that look like a static file pass, as do those of the JSON-RPC endpoint, which asks for tokens itself.
    """
    if request.raw_path == RPC_PATH or _STATIC.search(request.raw_path):
        return None
    api = request.raw_path == BASE_PATH or request.raw_path.startswith(f"{BASE_PATH}/")
    if api and _BEARER.match(request.headers.get("authorization", "")):
        return None
    wanted = request.raw_path + (f"?{request.raw_query}" if request.raw_query else "")
    return redirect(307, f"/login?next={quote(wanted, safe='')}")


def token_of(state: State, request: Request) -> Token:
    """Find the token of a request.

    Raises:
        Refusal: 401 for an unknown, expired or revoked token, and for all of them during an outage.
    """
    header = request.headers.get("authorization", "")
    token = state.world.token(header.removeprefix("Bearer ")) if header.startswith("Bearer ") else None
    if token is None or not token.valid or state.faults.down:
        refusal = Refusal(401, "UNAUTHORIZED", "Unauthorized")
        refusal.response.with_header("www-authenticate", challenge(request))
        raise refusal
    return token


def challenge(request: Request) -> str:
    """Say where a client learns how to log in."""
    return f'Bearer resource_metadata="{origin_of(request)}/.well-known/oauth-protected-resource{RPC_PATH}"'


def origin_of(request: Request) -> str:
    """The address under which the client reached the service."""
    host = request.headers.get("host", "mogplex.com")
    local = host.partition(":")[0] in ("localhost", "127.0.0.1")
    return f"{'http' if local else 'https'}://{host}"


def spend(state: State, token: Token, request: Request) -> None:
    """Count a request.

    Raises:
        Refusal: 429, the token's minute is used up.
    """
    if token.limited and not state.rate_limit.spend(token.value):
        raise Refusal(429, "RATE_LIMITED", "Rate limit exceeded. Retry after 60s.", retry_after=RETRY_AFTER)
    request.units += 1


def require(token: Token, scope: str | None) -> None:
    """Check a scope, before anything of the body is read.

    Raises:
        Refusal: 403, the token has not got it.
    """
    if scope is not None and scope not in token.scopes:
        advice = f"Issue a new token with the '{scope}' scope at /settings/api-keys."
        raise Refusal(403, "FORBIDDEN", f"Missing required scope: {scope}. {advice}")
