"""What `mogplex-mcp login` gets from the authorization server, as it is stored: access token, refresh token, expiry.

It is one line of JSON, which fits into a keyring (the one of Windows takes 1 280 characters). People edit files, so
whatever is missing or wrong leads to an error or to a grant that is not refreshed, never to a request elsewhere.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.redaction import NO_SECRET, Secret, remember_secrets

MARGIN_SECONDS: Final = 60.0
"""How long before its expiry an access token is refreshed, or a tenth of its lifetime if that is shorter."""

_LAST: Final = 253_402_300_799.0  # the last second of the year 9999
_LONGEST_LIFETIME: Final = 10_000_000_000
_LONGEST_SCOPE: Final = 40
_OFFLINE: Final = "offline_access"


@dataclass(frozen=True)
class Grant:
    """A grant of the authorization server (RFC 6749, section 5.1).

    Attributes:
        access_token: Sent to the API.
        refresh_token: Sent to the token endpoint only; empty if there is none.
        client_id: The registration that it was granted to. It stays the same as long as the person is signed in.
        token_endpoint: Where it is refreshed.
        revocation_endpoint: Where it is revoked (RFC 7009); empty if the server has no such endpoint.
        scopes: What was granted.
        issued_at: When the access token was issued, seconds since the epoch on the clock of this machine.
        expires_at: When it expires; infinity if the server did not say.
    """

    access_token: Token
    refresh_token: Secret = NO_SECRET
    client_id: str = ""
    token_endpoint: str = ""
    revocation_endpoint: str = ""
    scopes: tuple[str, ...] = ()
    issued_at: float = 0.0
    expires_at: float = math.inf

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a stored grant.

        Raises:
            MogplexError: `MALFORMED_TOKEN`; the message never holds what was given.
        """
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise MogplexError(ErrorCode.MALFORMED_TOKEN, "It is neither a token nor what `mogplex-mcp login` stores.")
        grant = cls(
            access_token=Token.parse(_text(fields, "access_token")),
            refresh_token=Secret(_text(fields, "refresh_token")),
            client_id=_text(fields, "client_id"),
            token_endpoint=_text(fields, "token_endpoint"),
            revocation_endpoint=_text(fields, "revocation_endpoint"),
            scopes=tuple(_text(fields, "scope").split()),
            issued_at=_seconds(fields, "issued_at", 0.0),
            expires_at=_seconds(fields, "expires_at", math.inf),
        )
        remember_secrets(grant.access_token.value, grant.refresh_token.value)
        return grant

    @property
    def text(self) -> str:
        """The grant as it is stored."""
        fields: dict[str, Any] = {
            "access_token": self.access_token.value,
            "refresh_token": self.refresh_token.value,
            "client_id": self.client_id,
            "token_endpoint": self.token_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            "scope": " ".join(self.scopes),
            "issued_at": round(self.issued_at),
        }
        if math.isfinite(self.expires_at):
            fields["expires_at"] = round(self.expires_at)
        return json.dumps({name: value for name, value in fields.items() if value}, separators=(",", ":"))

    @property
    def api_scopes(self) -> tuple[str, ...]:
        """The scopes of the API: "read", "write"."""
        return tuple(scope for scope in self.scopes if scope != _OFFLINE)

    @property
    def shown_scopes(self) -> str:
        """The scopes of the API in words, such as "the scopes read and write"."""
        scopes = [clean_line(scope, _LONGEST_SCOPE) for scope in self.api_scopes]
        return f"the scope{'s'[: len(scopes) != 1]} {' and '.join(scopes)}" if scopes else "no scope"

    def is_refreshable(self, base_url: str) -> bool:
        """Return whether it can be refreshed, at the origin of this address and nowhere else."""
        is_complete = bool(self.refresh_token and self.client_id)
        return is_complete and is_at(self.token_endpoint, base_url)

    def is_due(self, now: float) -> bool:
        """Return whether the access token expires soon, or has expired.

        On a clock that was set back behind the time of issue nothing is known; then Mogplex says it by a 401.
        """
        margin = min(MARGIN_SECONDS, (self.expires_at - self.issued_at) / 10)
        return self.issued_at - MARGIN_SECONDS <= now and now >= self.expires_at - margin


def is_at(url: str, base_url: str) -> bool:
    """Return whether a URL is at the origin of an address."""
    try:
        parts, own = urlsplit(url), urlsplit(web_url(base_url))
        ports = {"https": 443, "http": 80}
        port, own_port = parts.port or ports.get(parts.scheme), own.port or ports.get(own.scheme)
    except ValueError:
        return False
    return (parts.scheme, parts.hostname, port) == (own.scheme, own.hostname, own_port) and "@" not in parts.netloc


def expiry(issued_at: float, lifetime: int | None) -> float:
    """Return when an access token expires, seconds since the epoch; infinity if the server did not say.

    Args:
        issued_at: When it was issued.
        lifetime: `expires_in` of the response (RFC 6749, section 5.1), seconds; any number that a server sends.
    """
    return math.inf if lifetime is None or lifetime > _LONGEST_LIFETIME else issued_at + max(0, lifetime)


def shown_expiry(expires_at: float) -> str:
    """Return a time of expiry to the minute (ISO 8601, UTC); "" if it is not known, or not in a calendar."""
    if not 0 <= expires_at <= _LAST:
        return ""
    return datetime.fromtimestamp(expires_at, UTC).isoformat(timespec="minutes")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""


def _seconds(fields: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = fields.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12  # noqa: PLR2004 - a year far away
    return float(value) if is_number and value is not None else otherwise
