"""Data of the simulated OAuth authorization server: clients, codes, refresh tokens, and switches."""

import secrets
import string
from dataclasses import dataclass, field

CODE_SECONDS = 600.0
REFRESH_TOKEN_SECONDS = 7 * 24 * 3_600.0
_LENGTH = 32


@dataclass(slots=True)
class OAuthClient:
    """A registered client.

    Attributes:
        secret: None for a public client, which has to use PKCE instead.
    """

    id: str
    name: str | None
    redirect_uris: list[str]
    secret: str | None = None


@dataclass(slots=True)
class AuthorizationCode:
    """An authorization code.

    Attributes:
        state: what the client sent along, or None.
        challenge: of PKCE with S256; None if a confidential client sent none.
        approved: False until the user has clicked on the consent page.
    """

    client_id: str
    redirect_uri: str
    user_id: str
    scopes: list[str]
    state: str | None
    challenge: str | None
    expires_at: float
    approved: bool


@dataclass(slots=True)
class RefreshToken:
    """A refresh token."""

    client_id: str
    user_id: str
    scopes: list[str]
    expires_at: float


@dataclass(slots=True)
class OAuthData:
    """What the authorization server knows, and how it behaves.

    Attributes:
        clients: by id.
        codes: by value.
        refresh_tokens: by value.
        signed_in: id of the user as whom a browser without a session counts as signed in; None: it has to sign in.
        consent_page: shows a page to approve or deny; as observed, the real server asked for nothing.
        rotates_refresh_tokens: a refresh token works once; as observed, the old one went on working.
        refuses_refresh: as after signing out elsewhere: no refresh token is valid.
        access_token_seconds: how long an access token is valid.
    """

    clients: dict[str, OAuthClient] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    signed_in: str | None = None
    consent_page: bool = False
    rotates_refresh_tokens: bool = False
    refuses_refresh: bool = False
    access_token_seconds: int = 3_600


def new_secret() -> str:
    """Return a new code, token or client id: 32 letters."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(_LENGTH))
