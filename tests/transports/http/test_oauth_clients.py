"""Clients that sign in: from the bare address of this server to a run, and over the renewal of their tokens."""

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.shared.auth import OAuthToken

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.credentials.known_tokens import KnownTokens
from mogplex_mcp.credentials.verification import ASK_SECONDS
from mogplex_mcp.simulator import Fault, FaultKind
from tests.server.support import ERAS, start
from tests.tools.people import ids
from tests.transports.http.signing_in import Storage, app_with_sign_in, connector, issue, simulator
from tests.transports.http.support import HEADERS, LIST, app_for, served
from tests.trust.canaries import files

pytestmark = pytest.mark.anyio


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Minutes that have passed, to add to."""
    passed: list[float] = []
    clock = anyio.current_time
    known = KnownTokens(monotonic=lambda: clock() + 60 * sum(passed))
    monkeypatch.setattr("mogplex_mcp.transports.http.serving.KnownTokens", lambda: known)
    return passed


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


async def send(address: str, token: str, message: Any = LIST) -> httpx2.Response:
    async with httpx2.AsyncClient(headers=HEADERS | {"Authorization": f"Bearer {token}"}, timeout=30) as http:
        return await http.post(f"http://{address}/mcp", json=message)


@ERAS
async def test_client_that_knows_the_address_only_signs_in_and_starts_a_run(mode: str) -> None:
    mogplex, storage = simulator(), Storage()
    async with served(app_with_sign_in(mogplex)) as address, connector(mogplex, address, storage, mode) as client:
        run_id = await start(client)
        assert run_id in str(await client.call_tool("list_runs", {}))
    (query,) = storage.authorized
    assert query["scope"][0].split()[:2] == ["read", "write"]
    assert query["resource"] == [f"http://{address}/mcp"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(storage.issued) == 1


async def test_client_of_a_read_only_server_is_not_given_the_right_to_write() -> None:
    mogplex, storage = simulator(), Storage()
    app = app_with_sign_in(mogplex, read_only=True)
    async with served(app) as address, connector(mogplex, address, storage) as client:
        assert not (await client.call_tool("list_repos", {})).is_error
    assert "write" not in storage.authorized[0]["scope"][0].split()


async def test_start_that_is_repeated_with_a_renewed_token_is_one_run() -> None:
    mogplex, storage = simulator(), Storage()
    trigger = {"automation_id": ids(mogplex)["Review on mention"], "repo": "acme/web"}
    async with served(app_with_sign_in(mogplex)) as address, connector(mogplex, address, storage) as client:
        run_id = await start(client)
        triggered = await client.call_tool("trigger_automation", trigger)
        storage.expire()
        assert await start(client) == run_id
        again = await client.call_tool("trigger_automation", trigger)
        listed = await client.call_tool("list_runs", {})
    assert len(set(storage.issued)) == 2
    assert len(storage.authorized) == 1
    assert triggered.structured_content
    assert again.structured_content
    assert again.structured_content["run_id"] == triggered.structured_content["run_id"]
    assert len(mogplex.world.job_runs) == 1
    assert "renewed its sign-in" in str(listed)


async def test_token_that_expired_is_answered_401_and_the_client_signs_in_again(minutes: list[float]) -> None:
    mogplex, storage = simulator(), Storage()
    async with served(app_with_sign_in(mogplex)) as address, connector(mogplex, address, storage) as client:
        await client.call_tool("list_repos", {})
        for token in mogplex.world.tokens:
            token.valid = token.valid and token.client_id is None
        minutes.append(1)
        assert not (await client.call_tool("list_repos", {})).is_error
    assert len(set(storage.issued)) == 2


async def test_made_up_token_is_refused_at_its_first_request_and_asked_about_once(minutes: list[float]) -> None:
    mogplex = simulator()
    async with served(app_with_sign_in(mogplex)) as address:
        for _ in range(2):
            refused = await send(address, "b" * 32)
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused.headers["www-authenticate"]
            assert "resource_metadata=" in refused.headers["www-authenticate"]
            assert "b" * 32 not in refused.text + str(refused.headers)
        assert len(mogplex.requests) == 1
        minutes.append(1)
        issue(mogplex, "b" * 32)
        assert (await send(address, "b" * 32)).status_code == 200


async def test_requests_at_the_same_time_ask_once_about_a_token(minutes: list[float]) -> None:
    mogplex = simulator()
    token = issue(mogplex)
    async with served(app_with_sign_in(mogplex)) as address:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(send, address, token)
        assert len(mogplex.requests) == 1
        await send(address, token)
        assert len(mogplex.requests) == 1
        minutes.append(0.9)
        assert "acme/web" in (await send(address, token, call("list_repos"))).text
        minutes.append(0.9)
        await send(address, token)
    assert len(mogplex.requests) == 2


async def test_lists_are_served_while_mogplex_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mogplex_mcp.credentials.verification.ASK_SECONDS", ASK_SECONDS / 50)
    mogplex = simulator()
    token = issue(mogplex)
    mogplex.faults.add(Fault(FaultKind.REFUSED, times=None))
    async with served(app_with_sign_in(mogplex)) as address:
        assert "list_repos" in (await send(address, token)).text


async def test_missing_scope_is_answered_403_with_where_to_get_it() -> None:
    mogplex = simulator()
    token = issue(mogplex, scopes=("read",))
    async with served(app_with_sign_in(mogplex)) as address:
        first = await send(address, token, call("create_sandbox", repo="acme/web"))
        assert "connect this server anew" in first.text
        refused = await send(address, token, call("create_sandbox", repo="acme/web"))
    assert refused.status_code == 403
    for part in ('error="insufficient_scope"', 'scope="read write"', "/.well-known/oauth-protected-resource/mcp"):
        assert part in refused.headers["www-authenticate"]


async def test_client_gets_a_missing_scope_by_itself_when_mogplex_has_asked_for_it() -> None:
    mogplex = simulator()
    storage = Storage(OAuthToken(access_token=issue(mogplex, scopes=("read",)), expires_in=3_600, scope="read"))
    async with served(app_with_sign_in(mogplex)) as address, connector(mogplex, address, storage) as client:
        assert (await client.call_tool("start_run", {"repo": "acme/web", "prompt": "Fix it."})).is_error
        assert storage.authorized == []
        await start(client)
    (query,) = storage.authorized
    assert {"read", "write"} <= set(query["scope"][0].split())


async def test_access_token_is_in_no_log_state_or_answer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = "CanaryOfAnAccessTokenOfASignIn01"
    mogplex = simulator()
    issue(mogplex, token)
    asked: list[httpx2.Request] = []

    async def mirror(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        if request.url.path.endswith("/sandboxes"):
            error = {"code": "BAD_REQUEST", "message": f"odd: {request.headers['authorization']}"}
            return httpx2.Response(400, json={"ok": False, "error": error})
        return await mogplex.transport().handle_async_request(request)

    state = tmp_path / "state.sqlite3"
    app = app_for(httpx2.MockTransport(mirror), oauth=True, access_log=True, log_level="debug", state_file=state)
    said = ""
    async with served(app) as address:
        for tool, arguments in (
            ("check_connection", {}),
            ("start_run", {"repo": "acme/web", "prompt": "Fix it."}),
            ("start_run", {"repo": "acme/web", "prompt": f"Use {token}."}),
            ("list_sandboxes", {}),
            ("no_such_tool", {}),
        ):
            said += (await send(address, token, call(tool, **arguments))).text
        said += (await send(address, f"x{token}")).text
    assert "odd" in said
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {token}", f"Bearer x{token}"}
    output = capfd.readouterr()
    stored = b"".join(files(tmp_path))
    assert token not in said + output.out + output.err + caplog.text + stored.decode("latin-1")


async def test_access_token_is_taken_without_oauth_too_and_not_asked_about() -> None:
    mogplex = simulator()
    token = issue(mogplex)
    async with served(app_for(mogplex.transport())) as address:
        assert (await send(address, token)).status_code == 200
        assert mogplex.requests == []
        assert "acme/web" in (await send(address, token, call("list_repos"))).text


async def test_client_that_signed_in_has_the_budget_of_others_and_learns_from_429() -> None:
    mogplex = simulator()
    token = issue(mogplex)
    async with served(app_for(mogplex.transport())) as address:
        assert " of 60 " in (await send(address, token, call("check_connection"))).text
        mogplex.faults.add(Fault(FaultKind.RATE_LIMITED, times=1))
        assert "limit is reached" in (await send(address, token, call("list_sandboxes"))).text
        asked = len(mogplex.requests)
        refused = (await send(address, token, call("list_repos", query="web"))).text
    assert "budget_exhausted" in refused
    assert "retry_after_seconds: 60" in refused
    assert len(mogplex.requests) == asked


def test_acceptance_of_a_token_is_remembered_for_as_long_as_asked() -> None:
    now = [0.0]
    known = KnownTokens(monotonic=lambda: now[0])
    known.accept(Token("a" * 32))
    now[0] = 60.0
    assert known.is_accepted(Token("a" * 32))
    assert not known.is_accepted(Token("a" * 32), within_seconds=60)
