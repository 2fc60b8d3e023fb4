"""Callers with OAuth tokens: they are served as those with a PAT are, and their token is shown nowhere."""

from pathlib import Path

import httpx2
import pytest
from mcp import Client

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret, redacting, without_keys
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from mogplex_mcp.transports.http.serving import create_app
from tests.sign_in.support import Clock, Person, signed_in_simulator
from tests.tools.support import answer, error, text_of
from tests.transports.http.support import HEADERS, served

pytestmark = pytest.mark.anyio


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return signed_in_simulator(clock)


async def test_oauth_token_from_the_environment_is_used_and_said_to_be_one(simulator: Simulator, clock: Clock) -> None:
    token = (await Person(simulator).sign_in(clock)).access_token.value
    server = create_server(Settings(api_key=Secret(f"Bearer {token}")), transport=simulator.transport(), now=clock)
    async with Client(server) as client:
        checked = await answer(client, "check_connection")
    assert checked.structured_content is not None
    assert checked.structured_content["token"] == "OAuth access token, from the environment"
    assert token not in text_of(checked)


async def test_limit_that_mogplex_reports_is_kept_by_callers_with_oauth_too(simulator: Simulator, clock: Clock) -> None:
    token = (await Person(simulator).sign_in(clock)).access_token.value
    simulator.faults.add(Fault(FaultKind.RATE_LIMITED, "GET", times=None, retry_after=60))
    server = create_server(Settings(api_key=Secret(token), max_wait=2), transport=simulator.transport(), now=clock)
    async with Client(server) as client:
        await error(client, "list_repos")
        before = len(simulator.requests)
        assert "retry_after_seconds" in await error(client, "list_sandboxes")
    assert len(simulator.requests) == before


async def test_token_that_mogplex_says_back_is_not_shown(simulator: Simulator, clock: Clock) -> None:
    token = (await Person(simulator).sign_in(clock)).access_token.value
    simulator.faults.add(Fault(FaultKind.JSON_500, "GET", times=None, message=f"You said {token}."))
    server = create_server(Settings(api_key=Secret(token)), transport=simulator.transport(), now=clock)
    async with Client(server) as client:
        text = await error(client, "list_repos")
        argument = await error(client, "start_run", repo="acme/web", prompt=f"Use {token}.")
    assert "You said [secret removed]." in text
    assert "this server's own Mogplex token" in argument
    assert token not in text + argument


async def test_caller_over_http_may_send_an_oauth_token(simulator: Simulator, clock: Clock, tmp_path: Path) -> None:
    token = (await Person(simulator).sign_in(clock)).access_token.value
    settings = Settings(state_file=tmp_path / "state.sqlite3")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_repos", "arguments": {}}}
    app = create_app(settings, transport=simulator.transport())
    async with served(app) as address, httpx2.AsyncClient(base_url=f"http://{address}", headers=HEADERS) as client:
        response = await client.post("/mcp", json=call, headers={"Authorization": f"Bearer {token}"})
        refused = await client.post("/mcp", json=call, headers={"Authorization": "Bearer two words"})
    assert "acme/web" in response.text
    assert token not in response.text
    assert refused.status_code == 401


def test_token_of_a_caller_is_redacted_for_that_caller_only() -> None:
    with redacting("application/json"):
        assert "application/json" not in without_keys("It is application/json.")
    assert "application/json" in without_keys("It is application/json.")
