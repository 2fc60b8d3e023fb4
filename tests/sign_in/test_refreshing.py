"""An access token is refreshed before it expires and after a 401, once, and nothing of the person is lost by it."""

import json
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Redactor, Secret, find_key, without_keys
from mogplex_mcp.credentials.grant import Grant, shown_expiry
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.credentials.token_store import FileStore
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import MODES, Fault, FaultKind, Simulator
from mogplex_mcp.tenants.services import Services
from tests.sign_in.support import BASE, ORIGIN, Clock, Person, signed_in_simulator

pytestmark = pytest.mark.anyio
TOKEN_PATH = "/api/auth/mcp/token"


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return signed_in_simulator(clock)


@pytest.fixture
async def grant(simulator: Simulator, clock: Clock) -> Grant:
    return await Person(simulator).sign_in(clock)


@pytest.fixture
def settings(tmp_path: Path, grant: Grant) -> Settings:
    file = tmp_path / "tokens.json"
    FileStore(file).put(ORIGIN, grant.text)
    return Settings(token_file=file, state_file=tmp_path / "state.sqlite3")


@pytest.fixture
async def services(settings: Settings, simulator: Simulator, clock: Clock) -> AsyncIterator[Services]:
    opened = Services(settings, transport=simulator.transport(), now=clock)
    yield opened
    await opened.aclose()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which hours pass on the clock alone."""
    monkeypatch.setattr("mogplex_mcp.sign_in.refreshing.PAUSE_SECONDS", 0.0)


def stored(settings: Settings) -> Grant:
    assert settings.token_file is not None
    return Grant.parse(FileStore(settings.token_file).get(ORIGIN))


def asked(simulator: Simulator) -> list[tuple[str, int | None]]:
    """The path and the status of each request since the sign-in."""
    paths = [(one.path.partition("?")[0].removeprefix("/api/v1/mogplex"), one.status) for one in simulator.requests]
    last = max(at for at, one in enumerate(paths) if one[0] == "/mcp")
    return paths[last + 1 :]


async def repos(services: Services) -> None:
    if problem := services.own_token().problem:
        raise problem
    await services.tenants.of(services.own_token()).mogplex.list_repos()


async def test_valid_access_token_is_sent_without_a_refresh(services: Services, simulator: Simulator) -> None:
    await repos(services)
    assert asked(simulator) == [("/repos", 200)]


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("mode", ["rotating-refresh", ""])
async def test_access_token_is_refreshed_before_it_expires_and_stored_first(
    mode: str, services: Services, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    grant = stored(settings)
    if mode:
        MODES[mode](simulator)
    tenant = services.tenants.of(services.own_token())
    await repos(services)
    for _ in range(2):
        clock.at += 3_590
        await repos(services)
    assert asked(simulator) == [("/repos", 200), *[(TOKEN_PATH, 200), ("/repos", 200)] * 2]
    assert stored(settings).access_token.value == simulator.requests[-1].token != grant.access_token.value
    # It is the same caller: budget, journal and looks go on.
    assert services.own_token().identity == f"oauth client {grant.client_id}"
    after = services.tenants.of(services.own_token())
    assert (after.budget, after.ledger, after.watches) == (tenant.budget, tenant.ledger, tenant.watches)
    assert (await after.budget.usage()).units == 1  # that of the last hour


async def test_refused_access_token_is_refreshed_and_the_request_sent_again(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    # The clock of this machine is behind: it does not know that the token has expired.
    simulator.world.tokens[-1].expires_at = clock.at - 1
    await repos(services)
    assert asked(simulator) == [("/repos", 401), (TOKEN_PATH, 200), ("/repos", 200)]


async def test_many_requests_and_processes_refresh_once(
    services: Services, settings: Settings, simulator: Simulator, clock: Clock
) -> None:
    MODES["rotating-refresh"](simulator)
    clock.at += 3_590
    other = Services(settings, transport=simulator.transport(), now=clock)
    async with anyio.create_task_group() as tasks:
        for each in (services, services, other, other):
            tasks.start_soon(repos, each)
    await other.aclose()
    assert [status for path, status in asked(simulator) if path == TOKEN_PATH] == [200]
    assert [status for path, status in asked(simulator) if path == "/repos"] == [200] * 4


async def test_refresh_that_is_refused_asks_to_sign_in_and_does_not_ask_mogplex_again(
    services: Services, simulator: Simulator, clock: Clock
) -> None:
    MODES["refused-refresh"](simulator)
    clock.at += 3_590
    await repos(services)  # the access token has ten seconds left
    clock.at += 20
    with pytest.raises(MogplexError, match="Mogplex has ended the sign-in") as ended:
        await repos(services)
    assert ended.value.code is ErrorCode.NO_TOKEN
    with pytest.raises(MogplexError):
        await repos(services)
    assert services.own_token().problem is not None
    assert [path for path, _ in asked(simulator)].count(TOKEN_PATH) == 1


async def test_signing_in_again_counts_at_once_after_the_sign_in_was_ended(
    services: Services, simulator: Simulator, settings: Settings, clock: Clock
) -> None:
    MODES["refused-refresh"](simulator)
    clock.at += 3_700
    with pytest.raises(MogplexError):
        await repos(services)
    simulator.world.oauth.refuses_refresh = False
    assert settings.token_file is not None
    FileStore(settings.token_file).put(ORIGIN, (await Person(simulator).sign_in(clock)).text)
    await repos(services)


@pytest.mark.usefixtures("no_pause")
async def test_outage_of_the_token_endpoint_is_not_an_end_of_the_sign_in(
    services: Services, simulator: Simulator, settings: Settings, grant: Grant, clock: Clock
) -> None:
    clock.at += 3_700
    simulator.faults.outage(active=True)
    with pytest.raises(MogplexError, match="could not be refreshed: Mogplex responded with 500"):
        await repos(services)
    assert stored(settings) == grant
    simulator.faults.outage(active=False)
    await repos(services)


async def test_check_connection_shows_the_expiry_of_the_token_that_it_used(
    settings: Settings, simulator: Simulator, clock: Clock
) -> None:
    clock.at += 7_200
    async with Client(create_server(settings, transport=simulator.transport(), now=clock)) as client:
        result = await client.call_tool("check_connection", {})
    refreshed = stored(settings)
    assert refreshed.issued_at == clock.at
    assert result.structured_content is not None
    assert f"valid until {shown_expiry(refreshed.expires_at)}" in result.structured_content["token"]


async def test_token_that_is_to_be_checked_is_not_replaced_by_the_stored_one(services: Services) -> None:
    """`login --token` would say that a mistyped token is accepted, and store it."""
    mistyped = FoundToken(Token.parse("mog_" + "9" * 32), "the user")
    with pytest.raises(MogplexError) as refused:
        await services.tenants.of(mistyped).mogplex.list_repos()
    assert refused.value.code is ErrorCode.UNAUTHORIZED


async def test_cancelled_call_does_not_lose_the_refreshed_token(
    services: Services, simulator: Simulator, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = stored(settings)
    MODES["rotating-refresh"](simulator)
    simulator.faults.add(Fault(FaultKind.SLOW, "POST", seconds=0.1))
    monkeypatch.setattr("mogplex_mcp.sign_in.refreshing.CLOSE_SECONDS", 60.0)
    clock.at += 3_590
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(repos, services)
            while simulator.requests[-1].path != TOKEN_PATH:  # noqa: ASYNC110 - the simulator tells nobody
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        await services.aclose()
    assert stored(settings).access_token != grant.access_token


@pytest.mark.usefixtures("no_pause")
async def test_store_that_cannot_be_written_keeps_the_new_token_in_this_process(
    services: Services, simulator: Simulator, settings: Settings, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    MODES["rotating-refresh"](simulator)
    clock.at += 3_590
    with monkeypatch.context() as full:
        full.setattr("mogplex_mcp.credentials.token_store.write_private", refuse)
        await repos(services)
    first = services.own_token().token
    clock.at += 3_590
    await repos(services)
    assert stored(settings).access_token == services.own_token().token != first


@pytest.mark.parametrize(
    "changed",
    [
        {"token_endpoint": "https://attacker.invalid/token"},
        {"token_endpoint": ""},
        {"token_endpoint": 7, "issued_at": "yesterday"},
        {"refresh_token": None},
        {"client_id": []},
    ],
)
async def test_grant_edited_by_hand_is_used_but_never_refreshed_elsewhere(
    changed: dict[str, Any], settings: Settings, simulator: Simulator, grant: Grant, clock: Clock
) -> None:
    assert settings.token_file is not None
    FileStore(settings.token_file).put(ORIGIN, json.dumps(json.loads(grant.text) | changed))
    services = Services(settings, transport=simulator.transport(), now=clock)
    await repos(services)
    clock.at += 3_700
    with pytest.raises(MogplexError) as refused:
        await repos(services)
    await services.aclose()
    assert refused.value.code is ErrorCode.UNAUTHORIZED
    assert TOKEN_PATH not in [path for path, _ in asked(simulator)]


async def test_damaged_grant_is_named_and_not_sent(settings: Settings, simulator: Simulator, grant: Grant) -> None:
    assert settings.token_file is not None
    FileStore(settings.token_file).put(ORIGIN, grant.text[:-20])
    services = Services(settings, transport=simulator.transport())
    found = services.own_token()
    assert found.problem is not None
    # To sign in again is what helps: there is no token that could be copied again.
    assert found.problem.code is ErrorCode.NO_TOKEN
    assert "is damaged" in found.problem.message
    assert grant.access_token.value not in found.problem.message
    await services.aclose()


async def test_access_and_refresh_token_are_redacted_wherever_they_turn_up(grant: Grant) -> None:
    for secret in (grant.access_token.value, grant.refresh_token.value):
        assert secret not in without_keys(f"It said {secret}.")
        assert secret not in Redactor().redact(f"token={secret}")
        assert secret not in repr(grant)


async def test_text_that_is_too_short_for_a_secret_is_not_redacted(grant: Grant) -> None:
    """A file edited by hand, or a server that sends such a refresh token, would make every text unreadable."""
    Grant.parse(replace(grant, refresh_token=Secret("e")).text)
    assert without_keys("acme/web, the default branch") == "acme/web, the default branch"
    assert find_key("acme/web") == ""


@pytest.mark.parametrize("expires_at", [-9e11, 0, 1, 9e11, math.nan, math.inf, True, "soon", None, [1]])
async def test_expiry_edited_by_hand_is_shown_or_left_out(expires_at: object, grant: Grant) -> None:
    edited = Grant.parse(json.dumps(json.loads(grant.text) | {"expires_at": expires_at}))
    assert "OAuth access token" in FoundToken(edited.access_token, "the file", grant=edited).kind_of_token


async def test_grant_survives_being_stored(grant: Grant) -> None:
    assert Grant.parse(grant.text) == grant
    forever = replace(grant, expires_at=math.inf)
    assert Grant.parse(forever.text) == forever
    assert not forever.is_due(1e12)
    assert len(grant.text) < 1_280
    assert grant.is_refreshable(BASE)
    assert not grant.is_refreshable("https://other.example/api/v1/mogplex")


async def test_nothing_is_due_on_a_clock_that_was_set_back(grant: Grant) -> None:
    assert grant.is_due(grant.expires_at - 30)
    assert not grant.is_due(grant.issued_at - 7 * 86_400)
