"""Requests about a grant: refresh it (RFC 6749, section 6), revoke it (RFC 7009)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

import httpx2
from mcp.shared.auth import OAuthToken
from pydantic import ValidationError

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.exchange import build_request, send
from mogplex_mcp.api.responses import ApiResponse
from mogplex_mcp.core.redaction import Secret, remember_secrets
from mogplex_mcp.credentials.grant import Grant, expiry, is_at
from mogplex_mcp.sign_in.errors import SignInEndedError

_OK: Final = 200
# Of the grant, or of the client that it belongs to (RFC 6749, section 5.2). Other refusals may be of a proxy's or a
# firewall's, and end nothing.
_REFUSALS: Final = ("invalid_grant", "invalid_client", "unauthorized_client")
_TOO_MANY: Final = 429


async def refresh(grant: Grant, transport: httpx2.AsyncBaseTransport, now: Callable[[], float]) -> Grant:
    """Return the grant with a new access token, and the refresh token to use from now on.

    A server may replace the refresh token, or keep it. Once the response is here, the old one may be void.

    Args:
        grant: A refreshable one.
        transport: Sends requests to Mogplex.
        now: Seconds since the epoch.

    Raises:
        SignInEndedError: The refresh token is not accepted.
        MogplexError: Mogplex can't be reached, or fails; the grant may work later.
    """
    form = {
        "grant_type": "refresh_token",
        "refresh_token": grant.refresh_token.value,
        "client_id": grant.client_id,
    }
    response = await _post(grant.token_endpoint, form, transport)
    if response.status != _OK and _error(response.body) in _REFUSALS:
        raise SignInEndedError
    if response.status != _OK:
        raise MogplexError(
            ErrorCode.RATE_LIMITED if response.status == _TOO_MANY else ErrorCode.SERVICE_UNAVAILABLE,
            f"The sign-in could not be refreshed: Mogplex responded with {response.status}.",
            status=response.status,
            retry_after=response.retry_after,
        )
    try:
        tokens = OAuthToken.model_validate_json(response.body)
        access_token = Token.parse(tokens.access_token)
    except (ValidationError, MogplexError):
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER, "The sign-in could not be refreshed: the response has no access token."
        ) from None
    remember_secrets(access_token.value, tokens.refresh_token or "")
    at = now()
    return replace(
        grant,
        access_token=access_token,
        refresh_token=Secret(tokens.refresh_token) if tokens.refresh_token else grant.refresh_token,
        scopes=tuple(tokens.scope.split()) if tokens.scope else grant.scopes,
        issued_at=at,
        expires_at=expiry(at, tokens.expires_in),
    )


async def revoke(grant: Grant, transport: httpx2.AsyncBaseTransport, base_url: str) -> bool:
    """Revoke a grant; return whether Mogplex has done it.

    Args:
        grant: The grant.
        transport: Sends requests to Mogplex.
        base_url: The address of Mogplex, outside of which nothing is sent.
    """
    if not is_at(grant.revocation_endpoint, base_url):
        return False
    value, hint = grant.refresh_token.value, "refresh_token"
    if not value:
        value, hint = grant.access_token.value, "access_token"
    form = {"token": value, "token_type_hint": hint, "client_id": grant.client_id}
    try:
        return (await _post(grant.revocation_endpoint, form, transport)).status == _OK
    except MogplexError:
        return False


def _error(body: bytes) -> str:
    """Return the code of an error of the authorization server; "" if the body is of another form."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    code = content.get("error") if isinstance(content, dict) else None
    return code if isinstance(code, str) else ""


async def _post(url: str, form: Mapping[str, str], transport: httpx2.AsyncBaseTransport) -> ApiResponse:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    }
    return await send(transport, build_request("POST", url, content=urlencode(form).encode(), headers=headers))
