"""The steps of an OAuth client, one function each."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from .conftest import BASE

ORIGIN = "https://mogplex.com"
AUTH = "/api/auth/mcp"
CALLBACK = "http://127.0.0.1:33418/callback"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ALL_SCOPES = "read write offline_access"


async def register(browser: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"client_name": "Tester", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"} | fields
    response = await browser.post(f"{AUTH}/register", json=body)
    assert response.status_code == 201
    registered: dict[str, Any] = response.json()
    return registered


async def authorize(browser: httpx2.AsyncClient, client_id: str, **changed: str | None) -> httpx2.Response:
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": ALL_SCOPES,
        "state": "st1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changed
    given = {name: value for name, value in query.items() if value is not None}
    return await browser.get(f"{AUTH}/authorize", params=given)


def came_back(response: httpx2.Response) -> dict[str, str]:
    """What the redirect to the client says."""
    assert response.status_code == 302
    location = response.headers["location"]
    assert location.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def exchange(browser: httpx2.AsyncClient, client_id: str, code: str, **changed: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "code": code,
        "code_verifier": VERIFIER,
    } | changed
    return await browser.post(f"{AUTH}/token", data=form)


async def sign_in(browser: httpx2.AsyncClient, scope: str = ALL_SCOPES) -> tuple[str, dict[str, Any]]:
    client_id = (await register(browser))["client_id"]
    code = came_back(await authorize(browser, client_id, scope=scope))["code"]
    return client_id, (await exchange(browser, client_id, code)).json()


async def refresh(browser: httpx2.AsyncClient, client_id: str, token: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token}
    return await browser.post(f"{AUTH}/token", data=form)


async def repos(browser: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await browser.get(f"{BASE}/repos", headers={"Authorization": f"Bearer {token}"})
