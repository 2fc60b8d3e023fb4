"""Access tokens and refresh tokens of the simulator: lifetime, rotation, scopes, limits."""

import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, MODES, Simulator

from .conftest import BASE, Clock
from .oauth_support import ORIGIN, refresh, register, repos, sign_in
from .support import error_of, post_run

pytestmark = pytest.mark.anyio


@pytest.mark.usefixtures("signed_in")
async def test_an_access_token_expires_on_the_injected_clock(
    simulator: Simulator, browser: httpx2.AsyncClient, clock: Clock
) -> None:
    MODES["short-tokens"](simulator)
    _, tokens = await sign_in(browser)
    clock.at += 59
    before = await repos(browser, tokens["access_token"])
    clock.at += 2
    after = await repos(browser, tokens["access_token"])

    assert (tokens["expires_in"], before.status_code, after.status_code) == (60, 200, 401)
    metadata = f"{ORIGIN}/.well-known/oauth-protected-resource/api/v1/mogplex/mcp"
    assert after.headers["www-authenticate"] == f'Bearer resource_metadata="{metadata}"'


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(("mode", "statuses"), [(None, [200, 200]), ("rotating-refresh", [200, 401])])
async def test_a_refresh_token_works_again_unless_they_rotate(
    mode: str | None, statuses: list[int], simulator: Simulator, browser: httpx2.AsyncClient
) -> None:
    if mode is not None:
        MODES[mode](simulator)
    client_id, tokens = await sign_in(browser)

    assert [(await refresh(browser, client_id, tokens["refresh_token"])).status_code for _ in range(2)] == statuses


@pytest.mark.usefixtures("signed_in")
async def test_refresh_is_refused_after_signing_out_elsewhere(
    simulator: Simulator, browser: httpx2.AsyncClient
) -> None:
    client_id, tokens = await sign_in(browser)
    MODES["refused-refresh"](simulator)
    refused = await refresh(browser, client_id, tokens["refresh_token"])

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_grant")


@pytest.mark.usefixtures("signed_in")
async def test_refresh_is_refused_for_another_client_and_after_a_week(
    browser: httpx2.AsyncClient, clock: Clock
) -> None:
    client_id, tokens = await sign_in(browser)
    other = await refresh(browser, (await register(browser))["client_id"], tokens["refresh_token"])
    clock.at += 8 * 24 * 3_600
    late = await refresh(browser, client_id, tokens["refresh_token"])

    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")
    assert (late.status_code, late.json()["error"]) == (401, "invalid_grant")


@pytest.mark.usefixtures("signed_in")
async def test_oauth_tokens_have_no_limit_of_requests(browser: httpx2.AsyncClient) -> None:
    _, tokens = await sign_in(browser)
    seventy = [(await repos(browser, tokens["access_token"])).status_code for _ in range(70)]
    limited = [(await repos(browser, DEMO_TOKEN)).status_code for _ in range(70)]

    assert (set(seventy), limited.count(429)) == ({200}, 10)


@pytest.mark.usefixtures("signed_in")
async def test_run_starts_are_counted_per_user_and_client(
    simulator: Simulator, browser: httpx2.AsyncClient, repo_id: str
) -> None:
    client_id, tokens = await sign_in(browser)
    renewed = (await refresh(browser, client_id, tokens["refresh_token"])).json()
    _, of_another = await sign_in(browser)

    async def statuses(token: str, count: int) -> list[int]:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(transport=simulator.transport(), base_url=BASE, headers=headers) as client:
            return [(await post_run(client, repo_id, f"{token}{number}")).status_code for number in range(count)]

    assert await statuses(tokens["access_token"], 6) == [202] * 6
    assert await statuses(renewed["access_token"], 6) == [202] * 4 + [429] * 2
    assert await statuses(of_another["access_token"], 1) == [202]


@pytest.mark.usefixtures("signed_in")
async def test_an_access_token_has_the_scopes_asked_for(browser: httpx2.AsyncClient) -> None:
    _, tokens = await sign_in(browser, scope="read")
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    agents = await browser.get(f"{BASE}/agents", headers=headers)
    refused = await browser.post(f"{BASE}/sandboxes", json={}, headers=headers)

    assert "refresh_token" not in tokens
    assert (agents.status_code, error_of(refused)) == (200, (403, "FORBIDDEN"))
