"""The metadata documents below `/.well-known/` (RFC 8414, RFC 9728)."""

from . import authentication
from .messages import Request, Response, json_response, not_found_page

AUTH_PATH = "/api/auth/mcp"
SCOPES = ("openid", "profile", "email", "offline_access", "read", "write")
_RESOURCE = "/.well-known/oauth-protected-resource"
_DOCUMENTATION = "https://github.com/mogplex/mogplex/blob/main/docs/mogplex-api-mcp/local-agent-automation.md"


def well_known(request: Request) -> Response:
    """Return a metadata document, or the page for an unknown path."""
    origin = authentication.origin_of(request)
    if request.raw_path in (_RESOURCE, f"{_RESOURCE}{authentication.RPC_PATH}"):
        metadata = {
            "resource": f"{origin}{authentication.RPC_PATH}",
            "authorization_servers": [origin],
            "scopes_supported": ["read", "write"],
            "resource_documentation": _DOCUMENTATION,
        }
        return json_response(200, metadata).with_header("cache-control", "public, max-age=300")
    if request.raw_path != "/.well-known/oauth-authorization-server":
        return not_found_page(request.raw_path)
    endpoints = f"{origin}{AUTH_PATH}"
    metadata = {
        "issuer": origin,
        "authorization_endpoint": f"{endpoints}/authorize",
        "token_endpoint": f"{endpoints}/token",
        "userinfo_endpoint": f"{endpoints}/userinfo",
        "jwks_uri": f"{endpoints}/jwks",
        "registration_endpoint": f"{endpoints}/register",
        "scopes_supported": list(SCOPES),
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
