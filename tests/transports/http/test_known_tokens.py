"""What Mogplex said of a token is said by HTTP: 401 with a challenge, 403 for a missing scope, and not for long."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.known_tokens import MOST_TOKENS, KnownTokens
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Simulator
from tests.transports.http.support import HEADERS, LIST, app_for, served

pytestmark = pytest.mark.anyio

UNKNOWN = "mog_UnknownTokenUnknownTokenUnknown0"
SELF_HOSTED = "https://mogplex.internal/api/v1/mogplex"


class Caller:
    """Sends calls with one token."""

    def __init__(self, http: httpx2.AsyncClient, address: str, token: str) -> None:
        self._http = http
        self._url = f"http://{address}/mcp"
        self._headers = HEADERS | {"Authorization": f"Bearer {token}"}

    async def send(self, message: Any) -> httpx2.Response:
        return await self._http.post(self._url, json=message, headers=self._headers)

    async def call(self, tool: str, **arguments: Any) -> httpx2.Response:
        params = {"name": tool, "arguments": arguments}
        return await self.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})


@contextlib.asynccontextmanager
async def caller(simulator: Simulator, token: str, **settings: Any) -> AsyncIterator[Caller]:
    app = app_for(simulator.transport(), **settings)
    async with served(app) as address, httpx2.AsyncClient(timeout=30) as http:
        yield Caller(http, address, token)


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Minutes that have passed, to add to."""
    passed: list[float] = []
    clock = anyio.current_time
    monkeypatch.setattr(
        "mogplex_mcp.transports.http.serving.KnownTokens",
        lambda: KnownTokens(monotonic=lambda: clock() + 60 * sum(passed)),
    )
    return passed


async def test_token_that_mogplex_refuses_is_answered_401_before_mcp(minutes: list[float]) -> None:
    simulator = Simulator()
    async with caller(simulator, UNKNOWN, base_url=SELF_HOSTED) as unknown:
        assert (await unknown.send(LIST)).status_code == 200
        first = await unknown.call("list_repos")
        assert "the token in your client's Authorization header" in first.text
        assert "login" not in first.text
        asked = len(simulator.requests)
        for message in (LIST, {"jsonrpc": "2.0", "method": "notifications/initialized"}):
            refused = await unknown.send(message)
            assert refused.status_code == 401
            challenge = refused.headers["www-authenticate"]
            assert challenge.startswith("Bearer ")
            assert 'error="invalid_token"' in challenge
            assert 'scope="read write"' in challenge
            said = refused.json()["error"]["message"]
            assert "the token in your client's Authorization header" in said
            assert "https://mogplex.internal/settings/api-keys" in said
            assert "https://mogplex.com" not in refused.text
            assert UNKNOWN not in refused.text
        assert len(simulator.requests) == asked
        minutes.append(1)
        assert (await unknown.send(LIST)).status_code == 200


async def test_another_token_is_not_affected_by_a_refused_one() -> None:
    async with caller(Simulator(), UNKNOWN) as unknown:
        await unknown.call("list_repos")
        assert (await unknown.send(LIST)).status_code == 401
        unknown._headers["Authorization"] = f"bearer   {DEMO_TOKEN}"
        assert "acme/web" in (await unknown.call("list_repos")).text


async def test_outage_locks_honest_callers_out_for_a_minute_at_most(minutes: list[float]) -> None:
    simulator = Simulator()
    async with caller(simulator, DEMO_TOKEN) as honest:
        assert "acme/web" in (await honest.call("list_repos")).text
        simulator.faults.down = True
        await honest.call("list_repos")
        assert (await honest.send(LIST)).status_code == 401
        simulator.faults.down = False
        minutes.append(1)
        assert "acme/web" in (await honest.call("list_repos")).text


def test_token_that_is_accepted_again_is_not_refused_any_more() -> None:
    known = KnownTokens(monotonic=lambda: 0.0)
    known.refuse(Token(UNKNOWN))
    assert known.refused_seconds(Token(UNKNOWN)) == 60
    known.accept(Token(UNKNOWN))
    assert known.refused_seconds(Token(UNKNOWN)) == 0


def test_made_up_tokens_push_out_no_accepted_one() -> None:
    known = KnownTokens(monotonic=lambda: 0.0)
    known.accept(Token(DEMO_TOKEN))
    for number in range(MOST_TOKENS + 1):
        known.refuse(Token(f"mog_{number:032}"))
        known.scopes(Token(f"mog_{number:032}"))
    assert known.is_accepted(Token(DEMO_TOKEN))
    assert known.refused_seconds(Token("mog_" + "0" * 32)) == 0


async def test_operators_refused_token_does_not_refuse_the_client_key() -> None:
    async with caller(Simulator(), "operator", client_key=Secret("operator"), api_key=Secret(UNKNOWN)) as client:
        for _ in range(2):
            answer = await client.call("list_repos")
            assert answer.status_code == 200
            assert "operator of this server" in answer.text


async def test_missing_scope_is_answered_403_with_the_scope_to_get() -> None:
    simulator = Simulator()
    async with caller(simulator, DEMO_READ_ONLY_TOKEN) as reader:
        assert "Missing required scope: write" in (await reader.call("start_run", repo="acme/web", prompt="x")).text
        asked = len(simulator.requests)
        refused = await reader.call("create_sandbox", repo="acme/web")
        assert refused.status_code == 403
        challenge = refused.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="read write"' in challenge
        assert refused.json()["id"] == 7
        assert "scope write" in refused.json()["error"]["message"]
        assert len(simulator.requests) == asked
        assert (await reader.call("list_repos")).status_code == 200
        assert (await reader.send(LIST)).status_code == 200


@pytest.mark.parametrize(
    ("credentials", "error"),
    [("", None), ("Basic bW9n", None), ("Bearer mog_short", "invalid_token"), ("bearer nonsense", "invalid_token")],
)
async def test_challenge_names_an_error_only_for_what_was_sent(credentials: str, error: str | None) -> None:
    async with caller(Simulator(), "") as client:
        client._headers["Authorization"] = credentials
        challenge = (await client.send(LIST)).headers["www-authenticate"]
    assert ('error="' in challenge) is (error is not None)
    assert error is None or f'error="{error}"' in challenge


@pytest.mark.parametrize("credentials", ["bearer {}", "BEARER   {}", "Bearer \t {}", "Bearer '{}'", "Bearer Bearer {}"])
async def test_bearer_is_read_in_any_case_and_with_any_spaces(credentials: str) -> None:
    async with caller(Simulator(), "") as client:
        client._headers["Authorization"] = credentials.format(DEMO_OTHER_TOKEN)
        assert (await client.send(LIST)).status_code == 200


@pytest.mark.parametrize("key", ["clé à", "x\u0085", "κλειδί à"])
async def test_client_key_with_any_last_character_is_accepted(key: str) -> None:
    async with caller(Simulator(), "", client_key=Secret(key), api_key=Secret(DEMO_TOKEN)) as client:
        client._headers = HEADERS  # a text header would be sent in ASCII
        raw = [*HEADERS.items(), (b"Authorization", b"Bearer " + key.encode())]
        answer = await client._http.post(client._url, content=json.dumps(LIST), headers=raw)  # type: ignore[arg-type] # bytes
    assert answer.status_code == 200
