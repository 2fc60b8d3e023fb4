"""Requests about a grant, to servers that differ from Mogplex as it was observed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.sign_in.errors import SignInEndedError
from mogplex_mcp.sign_in.token_endpoint import refresh, revoke
from tests.sign_in.support import BASE, ORIGIN, START, Clock

pytestmark = pytest.mark.anyio

GRANT = Grant(
    Token.parse("O" * 32),
    Secret("F" * 32),
    "client",
    f"{ORIGIN}/token",
    f"{ORIGIN}/revoke",
    ("read", "offline_access"),
    START - 3_600,
    START,
)


def server(
    respond: Callable[[httpx2.Request], httpx2.Response], seen: list[httpx2.Request] | None = None
) -> httpx2.MockTransport:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        return respond(request)

    return httpx2.MockTransport(handle)


async def test_what_a_response_leaves_out_stays_as_it_was(clock: Clock) -> None:
    transport = server(lambda _: httpx2.Response(200, json={"access_token": "N" * 32, "token_type": "bearer"}))
    renewed = await refresh(GRANT, transport, clock)
    assert (renewed.refresh_token, renewed.scopes) == (GRANT.refresh_token, GRANT.scopes)
    assert renewed.expires_at > 1e12


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_refresh_is_the_end_of_the_sign_in(status: int, clock: Clock) -> None:
    with pytest.raises(SignInEndedError):
        await refresh(GRANT, server(lambda _: httpx2.Response(status, json={"error": "invalid_grant"})), clock)


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (httpx2.Response(429, headers={"Retry-After": "7"}), ErrorCode.RATE_LIMITED),
        (httpx2.Response(503), ErrorCode.SERVICE_UNAVAILABLE),
        (httpx2.Response(307, headers={"Location": "https://attacker.invalid/"}), ErrorCode.SERVICE_UNAVAILABLE),
        (httpx2.Response(200, text="<html>"), ErrorCode.UNEXPECTED_ANSWER),
        (httpx2.Response(200, json={"access_token": "a b", "token_type": "bearer"}), ErrorCode.UNEXPECTED_ANSWER),
    ],
)
async def test_failed_refresh_is_not_the_end(response: httpx2.Response, code: ErrorCode, clock: Clock) -> None:
    seen: list[httpx2.Request] = []
    with pytest.raises(MogplexError) as failed:
        await refresh(GRANT, server(lambda _: response, seen), clock)
    assert failed.value.code is code
    assert not isinstance(failed.value, SignInEndedError)
    assert [str(one.url) for one in seen] == [f"{ORIGIN}/token"]


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(403, text="<html>Blocked by the firewall</html>"),
        httpx2.Response(400, json={"error": "temporarily_unavailable"}),
        httpx2.Response(400, json=["invalid_grant"]),
        httpx2.Response(401, json={"error": {"code": "UNAUTHORIZED"}}),
    ],
)
async def test_refusal_of_something_else_than_the_grant_is_not_the_end(response: httpx2.Response, clock: Clock) -> None:
    with pytest.raises(MogplexError, match=f"Mogplex responded with {response.status_code}") as failed:
        await refresh(GRANT, server(lambda _: response), clock)
    assert not isinstance(failed.value, SignInEndedError)


@pytest.mark.parametrize(("lifetime", "left"), [(10**400, math.inf), (0, 0), (-5, 0), (3_600, 3_600)])
async def test_lifetime_in_a_response_is_never_impossible(lifetime: int, left: float, clock: Clock) -> None:
    body = json.dumps({"access_token": "N" * 32, "token_type": "bearer", "expires_in": lifetime})
    renewed = await refresh(GRANT, server(lambda _: httpx2.Response(200, text=body)), clock)
    assert renewed.expires_at == START + left


@pytest.mark.parametrize(
    ("endpoint", "is_revoked"), [(f"{ORIGIN}/revoke", True), ("", False), ("https://attacker.invalid/revoke", False)]
)
async def test_grant_is_revoked_where_the_server_can_and_nowhere_else(endpoint: str, is_revoked: bool) -> None:
    seen: list[httpx2.Request] = []
    transport = server(lambda _: httpx2.Response(200), seen)
    assert await revoke(replace(GRANT, revocation_endpoint=endpoint), transport, BASE) is is_revoked
    assert len(seen) == is_revoked
    if seen:
        assert b"token_type_hint=refresh_token" in seen[0].content
