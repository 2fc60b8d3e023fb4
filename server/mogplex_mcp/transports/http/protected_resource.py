"""How clients get a token: the challenge of a 401 or 403, and where the sign-in is, if the operator has switched it on.

Mogplex is the authorization server. This server says so, in the metadata of its protected resource (RFC 9728), and
has no endpoint of its own for signing in.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.types import Scope

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.transports.http.refusals import MCP_PATH

_METADATA_PATH: Final = f"/.well-known/oauth-protected-resource{MCP_PATH}"
METADATA_PATHS: Final = (_METADATA_PATH, _METADATA_PATH.removesuffix(MCP_PATH))
"""Clients without a challenge try both (MCP 2025-11-25, "Protected Resource Metadata Discovery Requirements")."""


class ProtectedResource:
    """Says which tokens are taken, and where to get them.

    Args:
        settings: The settings.

    Attributes:
        has_sign_in: Whether clients are sent to Mogplex to sign in.
        issuer: The authorization server.
        keys: The web page for personal access tokens.
    """

    def __init__(self, settings: Settings) -> None:
        self.issuer = web_url(settings.base_url)
        self.keys = f"{self.issuer}/settings/api-keys"
        self.has_sign_in = settings.oauth and not settings.demo
        self._scopes = ("read",) if settings.read_only else ("read", "write")

    @property
    def advice(self) -> str:
        """Return what a caller without a valid token can do."""
        header = f"'Authorization: Bearer mog_…' with your own Mogplex token ({self.keys}) in each request."
        return f"Sign in to Mogplex with your client, or send {header}" if self.has_sign_in else f"Send {header}"

    def challenge(self, scope: Scope, error: str = "", description: str = "") -> dict[str, str]:
        """Return the header that says how to authenticate (RFC 6750, section 3; RFC 9728, section 5.1).

        Args:
            scope: The request.
            error: Its code; none if the request had no credentials.
            description: Its description: ASCII without quotes.
        """
        values = {
            "realm": "mogplex-mcp",
            "error": error,
            "error_description": description,
            "scope": " ".join(self._scopes),
            "resource_metadata": f"{address_of(scope)}{_METADATA_PATH}" if self.has_sign_in else "",
        }
        shown = ", ".join(f'{name}="{value}"' for name, value in values.items() if value)
        return {"www-authenticate": f"Bearer {shown}"}

    def metadata(self, scope: Scope) -> Mapping[str, Any]:
        """Return the metadata of the protected resource (RFC 9728, section 2), whose id is the address that was asked.

        `offline_access` is not in it: whether to keep a sign-in is up to the client and the authorization server.
        """
        return {
            "resource": f"{address_of(scope)}{MCP_PATH}",
            "authorization_servers": [self.issuer],
            "scopes_supported": self._scopes,
            "bearer_methods_supported": ["header"],
            "resource_name": "mogplex-mcp",
        }


def address_of(scope: Scope) -> str:
    """Return the address that a client asked, such as "https://mcp.example.com".

    `AddressCheck` has validated the host. The scheme may be that of a proxy that ends TLS; a forged one only changes
    what its sender reads.
    """
    headers = {name: value.decode("latin-1").strip().lower() for name, value in scope["headers"]}
    forwarded = headers.get(b"x-forwarded-proto", "").split(",")[0].strip()
    scheme = forwarded if forwarded in ("http", "https") else scope["scheme"]
    return f"{scheme}://{headers.get(b'host', '')}"
