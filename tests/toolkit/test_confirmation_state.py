"""The sealed state of a confirmation (2026-07-28): bound to caller, tool, arguments and question, and used once."""

import time
from typing import Any

import mcp_types
import pytest
from mcp import Client, MCPError

from mogplex_mcp.simulator import DEMO_OTHER_TOKEN, DEMO_TOKEN, Simulator
from mogplex_mcp.toolkit import elicitation
from tests.tools.people import YES, User, client_with
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

DELETE = {"repo": "acme/api", "key": "LOG_LEVEL"}


@pytest.fixture
async def simulator() -> Simulator:
    simulator = Simulator(now=virtual_now)
    simulator.world.env_vars_available = True
    return simulator


def writes(simulator: Simulator) -> list[str]:
    return [one.method for one in simulator.requests if one.method != "GET"]


def input_required(result: Any) -> mcp_types.InputRequiredResult:
    assert isinstance(result, mcp_types.InputRequiredResult)
    return result


async def asked(client: Client, arguments: dict[str, Any] = DELETE, **more: Any) -> Any:
    return await client.session.call_tool("delete_env_var", arguments, allow_input_required=True, **more)


async def assert_refused(client: Client, arguments: dict[str, Any], state: str | None) -> None:
    """The state is invalid for this call, and the client learns no more than that."""
    with pytest.raises(MCPError) as refused:
        await asked(client, arguments, input_responses={"consent": YES}, request_state=state)
    assert refused.value.error.code == mcp_types.INVALID_PARAMS
    assert refused.value.error.message == "Invalid or expired requestState"


async def test_question_shows_the_change_and_its_state_reveals_nothing(simulator: Simulator) -> None:
    async with client_with(User(YES), simulator) as client:
        question = input_required(await asked(client))
    assert question.input_requests is not None
    (request,) = question.input_requests.values()
    assert isinstance(request, mcp_types.ElicitRequest)
    assert "LOG_LEVEL" in str(request.params)
    assert "LOG_LEVEL" not in str(question.request_state)
    assert DEMO_TOKEN not in str(question)


@pytest.mark.parametrize(
    "arguments",
    [{"repo": "acme/web", "key": "LOG_LEVEL"}, {"repo": "acme/api", "key": "OTHER"}, DELETE | {"repo": "api"}],
)
async def test_state_is_refused_for_changed_arguments(arguments: dict[str, Any], simulator: Simulator) -> None:
    for repo in simulator.world.repos:
        repo.env_vars += [*simulator.world.repos[0].env_vars[:1]] if not repo.env_vars else []
        repo.env_vars.append(type(repo.env_vars[0])("id", "OTHER", "v", ["production"], "plain", virtual_now()))
    async with client_with(User(YES), simulator) as client:
        state = input_required(await asked(client)).request_state
        await assert_refused(client, arguments, state)
    assert writes(simulator) == []


@pytest.mark.parametrize(
    "spoil", ["", "nonsense", "0.aa", "é.ü", "9" * 5_000, "v1.", "late", "{state}x", "{tail}", "{plain}"]
)
async def test_forged_or_expired_state_is_refused(
    spoil: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_with(User(YES), simulator) as client:
        question = input_required(await asked(client))
        state = question.request_state or ""
        (request,) = (question.input_requests or {}).values()
        assert isinstance(request, mcp_types.ElicitRequest)
        plain = f"id.{elicitation._digest(str(request.params.message))}"
        if spoil == "late":
            after = time.time() + elicitation.STATE_SECONDS + 1
            monkeypatch.setattr("time.time", lambda: after)
            spoiled = state
        else:
            spoiled = spoil.replace("{state}", state).replace("{tail}", state[1:]).replace("{plain}", plain)
        await assert_refused(client, DELETE, spoiled)
        input_required(await asked(client, input_responses={"consent": YES}))
    assert writes(simulator) == []


async def test_a_confirmation_executes_once(simulator: Simulator) -> None:
    repo = next(repo for repo in simulator.world.repos if repo.full_name == "acme/api")
    variables = list(repo.env_vars)
    async with client_with(User(YES), simulator) as client:
        state = input_required(await asked(client)).request_state
        confirmed: dict[str, Any] = {"input_responses": {"consent": YES}, "request_state": state}
        first = await asked(client, **confirmed)
        assert not first.is_error
        assert writes(simulator) == ["DELETE"]
        repo.env_vars = variables
        again = input_required(await asked(client, **confirmed))
        assert again.request_state not in (None, state)
    assert writes(simulator) == ["DELETE"]


async def test_state_of_another_server_is_refused(simulator: Simulator) -> None:
    tokens = [DEMO_TOKEN, DEMO_OTHER_TOKEN]
    simulator.world.token(DEMO_OTHER_TOKEN).user_id = simulator.world.token(DEMO_TOKEN).user_id  # type: ignore[union-attr]
    states: list[str] = []
    for token in tokens:
        async with client_with(User(YES), simulator, token=token) as client:
            if states:
                await assert_refused(client, DELETE, states[0])
            states.append(input_required(await asked(client)).request_state or "")
    assert writes(simulator) == []
