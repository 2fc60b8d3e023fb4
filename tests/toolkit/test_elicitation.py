"""Elicitation: the user confirms exactly what is done, once, in both protocol eras, and the model cannot."""

from types import SimpleNamespace
from typing import Any

import anyio
import httpx2
import mcp_types
import pytest
from mcp import MCPError
from mcp_types import ElicitResult

from mogplex_mcp.operations.confirmation import Consent, ConsentNeeded
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.toolkit import elicitation
from tests.tools.people import YES, User, client_with, facts
from tests.tools.support import error, settings, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

BOTH_ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
DELETE = {"repo": "acme/api", "key": "LOG_LEVEL"}
NO = ElicitResult(action="decline")
CLOSED = ElicitResult(action="cancel")


@pytest.fixture
async def simulator() -> Simulator:
    simulator = Simulator(now=virtual_now)
    simulator.world.env_vars_available = True
    return simulator


def writes(simulator: Simulator) -> list[str]:
    return [one.method for one in simulator.requests if one.method != "GET"]


@BOTH_ERAS
async def test_confirmed_call_is_executed(mode: Any, simulator: Simulator) -> None:
    user = User(YES)
    async with client_with(user, simulator, mode=mode) as client:
        done = await facts(client, "delete_env_var", **DELETE)
    assert done["action"] == "deleted"
    (question,) = user.asked
    assert "Delete the environment variable LOG_LEVEL of acme/api, for good?" in question
    assert "for production, kept plain" in question
    assert writes(simulator) == ["DELETE"]


@BOTH_ERAS
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (NO, "declined"),
        (CLOSED, "not_answered"),
        (ElicitResult(action="accept", content={"confirm": False}), "declined"),
        (ElicitResult(action="accept", content={}), "declined"),
        (ElicitResult(action="accept"), "declined"),
        (ElicitResult(action="accept", content={"confirm": "true"}), "declined"),
    ],
)
async def test_nothing_is_executed_without_a_clear_yes(
    said: ElicitResult, code: str, mode: Any, simulator: Simulator
) -> None:
    async with client_with(User(said), simulator, mode=mode) as client:
        text = await error(client, "delete_env_var", **DELETE)
    assert text.startswith("Nothing was done")
    assert f"(code: {code})" in text
    assert writes(simulator) == []


@BOTH_ERAS
async def test_client_without_elicitation_is_refused_with_the_alternatives(mode: Any, simulator: Simulator) -> None:
    async with client_with(None, simulator, mode=mode) as client:
        if mode == "legacy":
            text = await error(client, "delete_env_var", **DELETE)
        else:
            with pytest.raises(MCPError) as refused:
                await client.call_tool("delete_env_var", DELETE)
            text = refused.value.message
            assert refused.value.code == mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY == -32_021
            assert refused.value.data == {"requiredCapabilities": {"elicitation": {"form": {}}}}
    assert "did not declare that it can ask (the capability elicitation)" in text
    assert "MOGPLEX_MCP_ALLOW_DESTRUCTIVE=1" in text
    assert "(code: consent_needed)" in text
    assert writes(simulator) == []


@BOTH_ERAS
async def test_allow_destructive_needs_no_confirmation_without_elicitation(mode: Any, simulator: Simulator) -> None:
    async with client_with(None, simulator, mode=mode, MOGPLEX_MCP_ALLOW_DESTRUCTIVE="1") as client:
        await facts(client, "delete_env_var", **DELETE)
    assert writes(simulator) == ["DELETE"]


@BOTH_ERAS
async def test_allow_destructive_still_asks_with_elicitation(mode: Any, simulator: Simulator) -> None:
    async with client_with(User(NO), simulator, mode=mode, MOGPLEX_MCP_ALLOW_DESTRUCTIVE="1") as client:
        text = await error(client, "delete_env_var", **DELETE)
    assert "(code: declined)" in text
    assert writes(simulator) == []


@BOTH_ERAS
@pytest.mark.parametrize("argument", ["confirm", "confirmed", "consent", "force", "yes"])
async def test_the_model_cannot_agree_for_the_user(argument: str, mode: Any, simulator: Simulator) -> None:
    async with client_with(None, simulator, mode=mode) as client:
        text = await error(client, "delete_env_var", **DELETE, **{argument: True})
    assert f'no argument "{argument}"' in text
    assert writes(simulator) == []


async def test_failed_elicitation_counts_as_not_asked(simulator: Simulator) -> None:
    async def broken(_context: Any, _params: Any) -> mcp_types.ErrorData:
        return mcp_types.ErrorData(code=-32601, message="no")

    async with client_with(broken, simulator, mode="legacy") as client:
        text = await error(client, "delete_env_var", **DELETE)
    assert "(code: consent_needed)" in text
    assert "answered the question with an error" in text
    assert writes(simulator) == []


async def test_unanswered_elicitation_times_out_and_reports_progress_meanwhile(
    simulator: Simulator,
) -> None:
    async def asleep(_context: Any, _params: Any) -> ElicitResult:
        await anyio.sleep(3_600)
        return YES

    told: list[float] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        assert message == "waiting for the user's answer"
        told.append(progress)

    async with client_with(asleep, simulator, mode="legacy") as client:
        began = anyio.current_time()
        result = await client.call_tool("delete_env_var", DELETE, progress_callback=listen)
    assert anyio.current_time() - began == pytest.approx(300, abs=5)
    assert "(code: not_answered)" in text_of(result)
    assert len(told) >= 29
    assert told == sorted(set(told))
    assert writes(simulator) == []


async def test_a_slow_answer_does_not_cost_the_call_its_time(simulator: Simulator) -> None:
    async def slow(_context: Any, _params: Any) -> ElicitResult:
        await anyio.sleep(200)
        return YES

    async with client_with(slow, simulator, mode="legacy", MOGPLEX_MCP_MAX_WAIT="20") as client:
        done = await facts(client, "delete_env_var", **DELETE)
    assert done["action"] == "deleted"


async def test_change_during_elicitation_is_asked_again(simulator: Simulator) -> None:
    variable = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api").env_vars[0]

    class Meanwhile(User):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            if not self.asked:
                variable.target = ["production", "preview"]
            return await super().__call__(context, params)

    user = Meanwhile(YES)
    async with client_with(user, simulator, mode="legacy") as client:
        await facts(client, "delete_env_var", **DELETE)
    assert ["preview" in question for question in user.asked] == [False, True]


async def test_elicitation_gives_up_on_constant_changes(simulator: Simulator) -> None:
    variable = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api").env_vars[0]

    class Restless(User):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            variable.type = f"kind{len(self.asked)}"
            return await super().__call__(context, params)

    user = Restless(YES)
    async with client_with(user, simulator, mode="legacy") as client:
        text = await error(client, "delete_env_var", **DELETE)
    assert "(code: changed_meanwhile)" in text
    assert len(user.asked) == 3
    assert writes(simulator) == []


async def test_progress_rises_from_one_question_of_a_call_to_the_next(simulator: Simulator) -> None:
    variable = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api").env_vars[0]
    numbers: list[float] = []

    class Slow(User):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            if not self.asked:
                variable.target = ["production", "preview"]
            await anyio.sleep(35)
            return await super().__call__(context, params)

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        del total, message
        numbers.append(progress)

    async with client_with(Slow(YES), simulator, mode="legacy") as client:
        await client.call_tool("delete_env_var", DELETE, progress_callback=listen)
    assert numbers == [1, 2, 3, 4, 5, 6]


async def test_over_stateless_http_a_client_of_the_2025_protocol_is_refused(simulator: Simulator) -> None:
    chosen = settings(MOGPLEX_MCP_TOOLSETS="env_vars")
    server = create_server(chosen, transport=simulator.transport(), now=virtual_now)
    app = server.streamable_http_app(stateless_http=True, json_response=False)
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "delete_env_var", "arguments": DELETE},
    }
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000") as client,
    ):
        answer = await client.post("/mcp", json=call, headers=headers)
    assert "consent_needed" in answer.text
    assert "over HTTP without sessions" in answer.text
    assert "did not declare" not in answer.text
    assert writes(simulator) == []


def test_consent_without_an_answer_raises() -> None:
    consent = Consent()
    with pytest.raises(ConsentNeeded):
        consent.require("Delete it?")
    assert consent.question == "Delete it?"


@pytest.mark.parametrize(
    ("declared", "version", "channel", "can"),
    [
        (None, "2025-11-25", True, False),
        ({}, "2025-06-18", True, True),
        ({"form": {}}, "2025-11-25", True, True),
        ({"url": {}}, "2025-11-25", True, False),
        ({"form": {}}, "2025-11-25", False, False),
        ({"form": {}}, "2026-07-28", False, True),
        ({"url": {}}, "2026-07-28", False, False),
    ],
)
def test_can_ask_follows_the_declared_capabilities(
    declared: dict[str, Any] | None, version: str, channel: bool, can: bool
) -> None:
    capability = None if declared is None else mcp_types.ElicitationCapability.model_validate(declared)
    session = SimpleNamespace(
        client_capabilities=mcp_types.ClientCapabilities(elicitation=capability), can_send_request=channel
    )
    context: Any = SimpleNamespace(session=session, protocol_version=version)
    assert elicitation._can_ask(context) is can
