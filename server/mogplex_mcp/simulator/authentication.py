"""Authentication: the redirect to the login page, tokens, the rate limit, scopes."""

import re
from urllib.parse import quote

from .context import State
from .limits import RETRY_AFTER
from .messages import BASE_PATH, ApiError, Request, Response, redirect
from .world import ApiToken

RPC_PATH = f"{BASE_PATH}/mcp"
_BEARER = re.compile(r"Bearer \s*\S")
_STATIC = re.compile(r"\.(png|jpe?g|gif|svg|webp|ico|txt|css|js)\Z", re.IGNORECASE)


def login_redirect(request: Request) -> Response | None:
    """Redirect a request without `Bearer` to the login page: 307, not 401 (observed).

    Paths that look like a static file pass, as does the JSON-RPC endpoint, which authenticates by itself.
    """
    if request.raw_path == RPC_PATH or _STATIC.search(request.raw_path):
        return None
    api = request.raw_path == BASE_PATH or request.raw_path.startswith(f"{BASE_PATH}/")
    if api and _BEARER.match(request.headers.get("authorization", "")):
        return None
    wanted = request.raw_path + (f"?{request.raw_query}" if request.raw_query else "")
    return redirect(307, f"/login?next={quote(wanted, safe='')}")


def authenticate(state: State, request: Request) -> ApiToken:
    """Return the token of a request.

    Raises:
        ApiError: 401 for an unknown, expired or revoked token, and for all of them during an outage.
    """
    header = request.headers.get("authorization", "")
    token = state.world.token(header.removeprefix("Bearer ")) if header.startswith("Bearer ") else None
    expired = token is not None and token.expires_at is not None and token.expires_at <= state.now()
    if token is None or expired or not token.valid or state.faults.down:
        error = ApiError(401, "UNAUTHORIZED", "Unauthorized")
        error.response.with_header("www-authenticate", challenge(request))
        raise error
    return token


def challenge(request: Request) -> str:
    """Return the `WWW-Authenticate` value that points to the resource metadata (RFC 9728)."""
    return f'Bearer resource_metadata="{origin_of(request)}/.well-known/oauth-protected-resource{RPC_PATH}"'


def origin_of(request: Request) -> str:
    """Return the origin under which the client reached the service."""
    host = request.headers.get("host", "mogplex.com")
    local = re.sub(r":\d+\Z", "", host) in ("localhost", "127.0.0.1", "[::1]")
    return f"{'http' if local else 'https'}://{host}"


def spend(state: State, token: ApiToken, request: Request) -> None:
    """Count a request against the rate limit.

    Raises:
        ApiError: 429, the token has used up its minute.
    """
    if token.limited and not state.rate_limit.spend(token.value):
        raise ApiError(429, "RATE_LIMITED", "Rate limit exceeded. Retry after 60s.", retry_after=RETRY_AFTER)
    request.units += 1


def require_scope(token: ApiToken, scope: str | None) -> None:
    """Check a scope, before the body is read.

    Raises:
        ApiError: 403, the token lacks the scope.
    """
    if scope is not None and scope not in token.scopes:
        advice = f"Issue a new token with the '{scope}' scope at /settings/api-keys."
        raise ApiError(403, "FORBIDDEN", f"Missing required scope: {scope}. {advice}")
