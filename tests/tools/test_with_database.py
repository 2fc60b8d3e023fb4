"""What a caller is told of the database that replicas share, and what goes on while it is away."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_types
import psycopg
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.diagnosis.finding import Status, Subject
from mogplex_mcp.diagnosis.journal import check_journal
from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.storage.postgres.database import PostgresDatabase
from mogplex_mcp.tenants.services import Services
from tests.postgres_proxy import postgres_proxy
from tests.postgres_server import GUARDED, PostgresServer, server, url
from tests.runs.support import started_runs, without_quota
from tests.tools.people import YES, User, client_with, facts
from tests.tools.support import error
from tests.virtual_time import virtual_now

__all__ = ["server", "url"]

pytestmark = pytest.mark.anyio

PASSWORD = "pw-Z3b1-do-not-show"
NOT_THERE = f"postgresql://mogplex:{PASSWORD}@127.0.0.1:1/state"
TASK = {"repo": "acme/web", "prompt": "Fix it."}
DELETE = "delete_env_var", {"repo": "acme/api", "key": "LOG_LEVEL"}


@pytest.fixture
def anyio_backend() -> str:
    """The clock of the server and of its network."""
    return "asyncio"


@pytest.fixture
async def simulator() -> Simulator:
    simulator = Simulator(now=virtual_now, run_seconds=3_600)
    without_quota(simulator)
    simulator.world.env_vars_available = True
    return simulator


@pytest.fixture
async def address(request: pytest.FixtureRequest, server: PostgresServer, url: str) -> AsyncIterator[str]:
    """The address of a database that is away, refuses the password, or was migrated by a newer release."""
    if request.param == "away":
        yield NOT_THERE
    elif request.param == "guarded":
        server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'")
        yield url.replace("postgres@", f"{GUARDED}:{PASSWORD}@")
        server.execute(f"DROP ROLE {GUARDED}")
    else:
        database = PostgresDatabase(Secret(url))
        await database.check()
        await database.aclose()
        with psycopg.connect(url) as rows:
            rows.execute("UPDATE schema_version SET version = 99, usable_from = 99")
        yield url


async def found_by_doctor(address: str) -> tuple[Status, str]:
    settings = Settings(database_url=Secret(address))
    services = Services(settings)
    (finding,) = await check_journal(Subject(settings, services, FoundToken(None, "nowhere")))
    await services.aclose()
    return finding.status, f"{finding.fact} {finding.advice}"


async def test_database_that_works_is_named_by_check_connection_and_doctor(url: str, simulator: Simulator) -> None:
    async with client_with(None, simulator, MOGPLEX_MCP_DATABASE_URL=url) as client:
        assert (await facts(client, "check_connection"))["journal"] == "in the database that all replicas share"
    status, said = await found_by_doctor(url)
    assert status is Status.OK
    assert "can be written" in said


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("away", "Connection refused"),
        ("guarded", "password authentication failed"),
        ("newer", "it was migrated by a newer mogplex-mcp (schema 99)"),
    ],
    indirect=["address"],
)
async def test_database_that_cannot_be_used_is_explained_without_its_password(
    address: str, reason: str, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_with(None, simulator, MOGPLEX_MCP_DATABASE_URL=address) as client:
        seen = await facts(client, "check_connection")
    assert seen["connected"] is True
    assert "force_new is refused" in seen["journal"]
    assert any(reason in note for note in seen["notes"])
    status, said = await found_by_doctor(address)
    assert status is Status.FAILED
    assert reason in said
    assert "MOGPLEX_MCP_DATABASE_URL" in said
    for text in (str(seen), said, caplog.text):
        assert PASSWORD not in text
        assert "\n" not in text or text is caplog.text
    logged = [record.getMessage() for record in caplog.records if "database" in record.getMessage()]
    assert len(logged) == 2  # once by each of the two processes that this test stands for
    assert not [line for line in logged if "\n" in line]


async def test_forced_start_waits_for_the_database_and_others_do_not(simulator: Simulator) -> None:
    async with client_with(None, simulator, MOGPLEX_MCP_DATABASE_URL=NOT_THERE) as client:
        # Each forced start is another run, unless it repeats one whose response was lost: only the ledger knows.
        refused = await error(client, "start_run", **TASK, force_new=True)
        assert started_runs(simulator) == []
        first = await facts(client, "start_run", **TASK)
        again = await facts(client, "start_run", **TASK)
        other = await facts(client, "start_run", **TASK, idempotency_key="another-one")
    assert "(code: journal_unusable)" in refused
    assert "Try the same again in a minute" in refused
    assert "check its database" in refused
    assert "a new idempotency_key in place of force_new needs no journal" in refused
    assert first["run_id"] == again["run_id"] != other["run_id"]
    assert len(started_runs(simulator)) == 2


async def test_two_tokens_in_one_database_have_journals_of_their_own(url: str, simulator: Simulator) -> None:
    # Also where both are the own tokens of servers over stdio: a database is no person's.
    repos = {DEMO_TOKEN: "acme/web", DEMO_OTHER_TOKEN: "olafsoft/secret"}
    ids: dict[str, str] = {}
    for token, repo in (*repos.items(), *repos.items()):
        async with client_with(None, simulator, token=token, MOGPLEX_MCP_DATABASE_URL=url) as client:
            started = await facts(client, "start_run", **(TASK | {"repo": repo}))
            assert ids.setdefault(token, started["run_id"]) == started["run_id"]
            assert [run["run_id"] for run in (await facts(client, "list_runs"))["runs"]] == [ids[token]]
    assert len(started_runs(simulator)) == 2


async def test_addresses_of_mogplex_that_share_a_database_stay_apart(url: str, simulator: Simulator) -> None:
    other = Simulator(now=virtual_now, run_seconds=3_600)
    for where, mogplex in (("https://one.example", simulator), ("https://other.example", other)):
        async with client_with(None, mogplex, MOGPLEX_URL=where, MOGPLEX_MCP_DATABASE_URL=url) as client:
            assert not (await facts(client, "list_runs"))["runs"]
            await facts(client, "start_run", **TASK)
            assert (await facts(client, "check_connection"))["requests"].startswith("4 of 60")
    assert len(started_runs(simulator)) == len(started_runs(other)) == 1


async def call_with(client: Any, state: str | None = None) -> Any:
    answer = {"input_responses": {"consent": YES}, "request_state": state} if state else {}
    return await client.session.call_tool(*DELETE, allow_input_required=True, **answer)


def deleted(simulator: Simulator) -> int:
    return [one.method for one in simulator.requests].count("DELETE")


async def test_confirmation_counts_once_while_the_database_is_away(simulator: Simulator) -> None:
    repo = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api")
    kept = list(repo.env_vars)
    async with client_with(User(YES), simulator, MOGPLEX_MCP_DATABASE_URL=NOT_THERE) as client:
        question = await call_with(client)
        assert isinstance(question, mcp_types.InputRequiredResult)
        done = await call_with(client, question.request_state)
        assert isinstance(done, mcp_types.CallToolResult)
        assert not done.is_error
        repo.env_vars = kept
        assert isinstance(await call_with(client, question.request_state), mcp_types.InputRequiredResult)
    assert deleted(simulator) == 1


async def test_question_of_before_is_asked_again_when_the_database_has_gone(url: str, simulator: Simulator) -> None:
    # Its answer may have been used on another replica: better asked twice than done twice.
    async with (
        postgres_proxy(url) as proxy,
        client_with(User(YES), simulator, MOGPLEX_MCP_DATABASE_URL=proxy.url) as client,
    ):
        question = await call_with(client)
        assert isinstance(question, mcp_types.InputRequiredResult)
        proxy.close()
        again = await call_with(client, question.request_state)
        assert isinstance(again, mcp_types.InputRequiredResult)
        assert deleted(simulator) == 0
        # The new question is one that this process alone remembers.
        done = await call_with(client, again.request_state)
        assert isinstance(done, mcp_types.CallToolResult)
    assert deleted(simulator) == 1


def test_secret_of_an_address_is_in_no_setting_that_is_shown(tmp_path: Path) -> None:
    settings = Settings.load({"MOGPLEX_MCP_DATABASE_URL": NOT_THERE, "HOME": str(tmp_path)})
    assert not re.search(PASSWORD, repr(settings))
