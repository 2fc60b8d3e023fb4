"""The simulator as an OAuth 2.1 authorization server, beyond what the recordings show."""

import re
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, TokenStorage
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from mogplex_mcp.simulator import MODES, Simulator

from .conftest import BASE, Clock
from .oauth_support import ALL_SCOPES, AUTH, CALLBACK, ORIGIN, VERIFIER, authorize, came_back, exchange, register

pytestmark = pytest.mark.anyio


class Memory(TokenStorage):
    """Keeps tokens and the registration of a client in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("mode", [None, "rotating-refresh"])
async def test_the_oauth_provider_of_the_sdk_signs_in_and_refreshes(
    mode: str | None, simulator: Simulator, browser: httpx2.AsyncClient, clock: Clock
) -> None:
    if mode is not None:
        MODES[mode](simulator)
    answers: list[dict[str, str]] = []

    async def redirect(url: str) -> None:
        answers.append(came_back(await browser.get(url)))

    async def callback() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=answers[-1]["code"], state=answers[-1]["state"])

    metadata = OAuthClientMetadata(
        client_name="Tester",
        redirect_uris=[AnyUrl(CALLBACK)],
        token_endpoint_auth_method="none",
        scope=ALL_SCOPES,
    )
    storage = Memory()
    provider = OAuthClientProvider(f"{BASE}/mcp", metadata, storage, redirect, callback)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    async with httpx2.AsyncClient(transport=simulator.transport(), auth=provider) as client:
        first = await client.post(f"{BASE}/mcp", json=ping)
        before = storage.tokens
        clock.at += 3_601
        provider.context.token_expiry_time = 1
        later = await client.get(f"{BASE}/repos")

    assert (first.status_code, later.status_code, len(answers)) == (200, 200, 1)
    assert before is not None
    assert storage.tokens is not None
    assert before.access_token != storage.tokens.access_token


async def test_authorize_shows_the_sign_in_form_and_goes_on_after_it(browser: httpx2.AsyncClient) -> None:
    client_id = (await register(browser))["client_id"]
    away = await authorize(browser, client_id)
    form = await browser.get(away.headers["location"])
    action = re.search(r'action="([^"]+)"', form.text)
    assert action is not None
    signed_in = await browser.post(action[1].replace("&amp;", "&"), data={"user": "dora"})
    back = came_back(await browser.get(signed_in.headers["location"]))

    assert (away.status_code, form.status_code, signed_in.status_code) == (302, 200, 302)
    assert urlsplit(away.headers["location"]).path == "/login"
    assert back["state"] == "st1"
    assert (await exchange(browser, client_id, back["code"])).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/api/v1/mogplex/repos", "/api/v1/mogplex/repos"),
        ("https://elsewhere.invalid/", "/"),
        ("//elsewhere.invalid/", "/"),
        ("/\\elsewhere.invalid/", "/"),
    ],
)
async def test_signing_in_never_leads_to_another_host(wanted: str, location: str, browser: httpx2.AsyncClient) -> None:
    response = await browser.post("/login", params={"next": wanted}, data={"user": "dora"})

    assert response.headers["location"] == location


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_consent_page_approves_or_denies(
    decision: str, simulator: Simulator, browser: httpx2.AsyncClient
) -> None:
    MODES["consent-page"](simulator)
    client_id = (await register(browser, client_name="<b>Tester</b>"))["client_id"]
    page = await authorize(browser, client_id)
    code = re.search(r'name="code" value="(\w+)"', page.text)
    assert code is not None
    early = await exchange(browser, client_id, code[1])
    back = came_back(await browser.post(f"{AUTH}/consent", data={"code": code[1], "decision": decision}))
    again = await browser.post(f"{AUTH}/consent", data={"code": code[1], "decision": decision})

    assert "&lt;b&gt;Tester&lt;/b&gt; asks for access" in page.text
    assert early.json()["error"] == "invalid_grant"
    assert back["state"] == "st1"
    assert ("code" in back, back.get("error")) == ((True, None) if decision == "approve" else (False, "access_denied"))
    assert again.headers["location"] == f"{ORIGIN}/api/auth/error?error=invalid_code"


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("changed", "location"),
    [
        ({"client_id": "unknown"}, f"{ORIGIN}/api/auth/error?error=invalid_client"),
        ({"client_id": None}, f"{ORIGIN}/api/auth/error?error=invalid_client"),
        (
            {"response_type": None},
            f"{ORIGIN}/api/auth/error?error=invalid_request&error_description=response_type is required",
        ),
        (
            {"scope": "read admin"},
            f"{CALLBACK}?error=invalid_scope&error_description=The following scopes are invalid: admin",
        ),
        ({"code_challenge_method": None}, f"{CALLBACK}?error=invalid_request&error_description=pkce is required"),
    ],
)
async def test_authorize_refuses_as_the_real_server_does(
    changed: dict[str, str | None], location: str, browser: httpx2.AsyncClient
) -> None:
    client_id = (await register(browser))["client_id"]
    response = await authorize(browser, **({"client_id": client_id} | changed))

    assert (response.status_code, response.headers["location"]) == (302, location)


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "http://127.0.0.1:1/callback"}, (401, "invalid_client")),
        ({"client_id": "unknown"}, (401, "invalid_client")),
        ({"client_id": ""}, (401, "invalid_client")),
        ({"code_verifier": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    ],
)
async def test_token_tries_a_code_once(
    changed: dict[str, str], error: tuple[int, str], browser: httpx2.AsyncClient
) -> None:
    client_id = (await register(browser))["client_id"]
    code = came_back(await authorize(browser, client_id))["code"]
    refused = await exchange(browser, client_id, code, **changed) if "client_id" not in changed else None
    refused = refused or await exchange(browser, changed["client_id"], code)
    again = await exchange(browser, client_id, code)

    assert (refused.status_code, refused.json()["error"]) == error
    assert (again.status_code, again.json()["error"]) == (401, "invalid_grant")


@pytest.mark.usefixtures("signed_in")
async def test_a_code_expires_after_ten_minutes(browser: httpx2.AsyncClient, clock: Clock) -> None:
    client_id = (await register(browser))["client_id"]
    code = came_back(await authorize(browser, client_id))["code"]
    clock.at += 601

    assert (await exchange(browser, client_id, code)).json() == {
        "error_description": "code expired",
        "error": "invalid_grant",
    }


@pytest.mark.usefixtures("signed_in")
async def test_a_confidential_client_needs_its_secret(browser: httpx2.AsyncClient) -> None:
    client = await register(browser, token_endpoint_auth_method="client_secret_basic")
    codes = [came_back(await authorize(browser, client["client_id"]))["code"] for _ in range(2)]
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    refused = await exchange(browser, client["client_id"], codes[0])
    auth = (client["client_id"], client["client_secret"])
    accepted = await browser.post(f"{AUTH}/token", data=form | {"code": codes[1]}, auth=auth)

    assert refused.json()["error"] == "invalid_client"
    assert accepted.status_code == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787", ORIGIN])
async def test_metadata_names_the_address_that_was_asked(origin: str, simulator: Simulator) -> None:
    async with httpx2.AsyncClient(transport=simulator.transport(), base_url=origin) as client:
        server = (await client.get("/.well-known/oauth-authorization-server")).json()
        resource = (await client.get("/.well-known/oauth-protected-resource/api/v1/mogplex/mcp")).json()

    assert (server["issuer"], resource["authorization_servers"]) == (origin, [origin])
    assert server["token_endpoint"] == f"{origin}{AUTH}/token"


async def test_sign_in_fails_while_the_database_is_down(simulator: Simulator, browser: httpx2.AsyncClient) -> None:
    MODES["outage"](simulator)

    assert (await browser.post(f"{AUTH}/register", json={"redirect_uris": [CALLBACK]})).status_code == 500


@pytest.mark.parametrize(
    ("body", "received"), [(b"{", "undefined"), (b"[]", "undefined"), (b'{"redirect_uris":"x"}', "string")]
)
async def test_register_validates_the_redirect_uris(body: bytes, received: str, browser: httpx2.AsyncClient) -> None:
    response = await browser.post(f"{AUTH}/register", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert response.json() == {
        "message": f"[body.redirect_uris] Invalid input: expected array, received {received}",
        "code": "VALIDATION_ERROR",
    }
