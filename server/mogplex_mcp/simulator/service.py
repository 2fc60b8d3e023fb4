"""The service without faults: from a request to its response."""

from . import authentication, rpc
from .context import State
from .dispatch import dispatch
from .messages import Request, Response, json_response, login_page, not_found_page
from .routing import early_response

_DOCUMENTATION = "https://github.com/mogplex/mogplex/blob/main/docs/mogplex-api-mcp/local-agent-automation.md"


async def handle(state: State, request: Request) -> Response:
    """Handle a request.

    Args:
        state: the simulator's data and everything that changes over time.
        request: the HTTP request.
    """
    early = early_response(request, state.world)
    if early is not None:
        return early
    if request.raw_path == "/login":
        return login_page()
    if request.raw_path.startswith("/.well-known/"):
        return _well_known(request)
    away = authentication.login_redirect(request)
    if away is not None:
        return away
    if request.raw_path == authentication.RPC_PATH:
        return await rpc.handle(state, request)
    return await dispatch(state, request)


def _well_known(request: Request) -> Response:
    origin = authentication.origin_of(request)
    if request.raw_path.startswith("/.well-known/oauth-protected-resource"):
        return json_response(
            200,
            {
                "resource": f"{origin}{authentication.RPC_PATH}",
                "authorization_servers": [origin],
                "scopes_supported": ["read", "write"],
                "resource_documentation": _DOCUMENTATION,
            },
        )
    if request.raw_path != "/.well-known/oauth-authorization-server":
        return not_found_page(request.raw_path)
    endpoints = f"{origin}/api/auth/mcp"
    metadata = {
        "issuer": origin,
        "authorization_endpoint": f"{endpoints}/authorize",
        "token_endpoint": f"{endpoints}/token",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "jwks_uri": f"{endpoints}/jwks",
        "registration_endpoint": f"{endpoints}/register",
        "scopes_supported": ["openid", "profile", "email", "offline_access", "read", "write"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": ["urn:mace:incommon:iap:silver", "urn:mace:incommon:iap:bronze"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "nbf", "iat", "jti", "email", "email_verified", "name"],
    }
    return json_response(200, metadata).with_header("access-control-allow-origin", "*")
