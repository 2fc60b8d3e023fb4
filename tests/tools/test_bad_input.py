"""What a user or a model can do wrong, each as a real client sees it: what happened, why, what to do next."""

import ssl
from typing import Any

import httpx2
import pytest
from mcp import Client

from mogplex_mcp.app import create_server
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN, Fault, FaultKind, Simulator
from mogplex_mcp.simulator.world import Repo
from tests.tools.support import Unreachable, answer, bridge, error, settings, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

UNKNOWN_TOKEN = "mog_UnknownTokenUnknownTokenUnknown0"
A_UUID = "00000000-0000-4000-8000-00000000abcd"
EVERY_TOOL: dict[str, dict[str, Any]] = {
    "list_repos": {},
    "start_run": {"repo": "acme/web", "prompt": "x"},
    "tail_run": {"run_id": A_UUID},
    "get_run": {"run_id": A_UUID},
    "list_runs": {},
    "cancel_run": {"run_id": A_UUID},
    "list_sandboxes": {},
    "create_sandbox": {"repo": "acme/web"},
    "get_sandbox_logs": {"sandbox_id": A_UUID},
}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_without_a_token_the_server_starts_and_every_tool_says_what_to_set(mode: Any) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator, token="", mode=mode, MOGPLEX_MCP_TOOLSETS="all") as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        assert offered >= {*EVERY_TOOL, "check_connection"}
        for tool in offered - {"check_connection"}:
            text = await error(client, tool, **EVERY_TOOL.get(tool, {}))
            assert text.startswith("There is no Mogplex token.")
            assert "MOGPLEX_API_KEY" in text
            assert "https://mogplex.com/settings/api-keys" in text
            assert "(code: no_token)" in text
        checked = await answer(client, "check_connection")
    assert checked.structured_content is not None
    assert checked.structured_content["connected"] is False
    assert "There is no Mogplex token" in text_of(checked)
    assert "MOGPLEX_API_KEY" in text_of(checked)
    assert simulator.requests == []


@pytest.mark.parametrize("token", ["hunter2", "mog_short", "${MOGPLEX_API_KEY}", "mog_" + "x" * 33])
async def test_a_malformed_token_is_named_as_such_by_every_tool_and_never_shown_or_sent(token: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator, token=token) as client:
        texts = [await error(client, tool, **arguments) for tool, arguments in EVERY_TOOL.items()]
        texts.append(text_of(await answer(client, "check_connection")))
    for text in texts:
        assert "cannot be one" in text
        assert "What the environment holds is no token" in text
        assert token not in text
    assert "(code: malformed_token)" in texts[0]
    assert simulator.requests == []


async def test_a_token_that_mogplex_refuses_is_named_and_an_outage_is_thought_of() -> None:
    async with bridge(token=UNKNOWN_TOKEN) as client:
        for tool in ("list_repos", "start_run", "list_sandboxes"):
            text = await error(client, tool, **EVERY_TOOL[tool])
            assert text.startswith("Mogplex did not accept the token.")
            assert "revoked or expired" in text
            assert "outage" in text
            assert "Then call check_connection" in text
            assert UNKNOWN_TOKEN not in text
        checked = text_of(await answer(client, "check_connection"))
    assert "Not connected to Mogplex. Mogplex did not accept the token." in checked
    assert UNKNOWN_TOKEN not in checked


async def test_a_token_that_expires_is_refused_from_then_on() -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        await answer(client, "list_repos")
        simulator.world.tokens[0].valid = False
        assert "(code: unauthorized)" in await error(client, "list_repos")


async def test_a_missing_scope_is_named_with_the_page_where_a_token_gets_it() -> None:
    async with bridge(token=DEMO_READ_ONLY_TOKEN) as client:
        text = await error(client, "start_run", repo="acme/web", prompt="x")
        assert text.startswith("The token may not do this.")
        assert "Missing required scope: write" in text
        assert "https://mogplex.com/settings/api-keys" in text
        checked = await answer(client, "check_connection")
    assert checked.structured_content is not None
    assert checked.structured_content["scopes"] == ["read"]


@pytest.mark.parametrize("tool", ["list_repos", "start_run", "check_connection"])
async def test_an_unreachable_host_is_named_with_what_to_check(tool: str) -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.REFUSED, times=None))
    async with bridge(simulator) as client:
        if tool == "check_connection":
            text = text_of(await answer(client, tool))
        else:
            text = await error(client, tool, **EVERY_TOOL[tool])
            assert "(code: unreachable)" in text
    assert "Mogplex could not be reached." in text
    assert "mogplex.com" in text
    assert "MOGPLEX_URL" in text


async def test_a_tls_failure_is_named_and_trying_again_is_not_advised() -> None:
    def fault(request: httpx2.Request) -> Exception:
        refused = httpx2.ConnectError("certificate verify failed", request=request)
        refused.__cause__ = cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
        cause.verify_message = "unable to get local issuer certificate"
        return refused

    async with bridge(transport=Unreachable(fault)) as client:
        text = await error(client, "list_repos")
    assert text.startswith("The connection to Mogplex is not secure, so nothing was sent.")
    assert "certificate" in text
    assert "SSL_CERT_FILE" in text
    assert "trying again will not help" in text


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (502, "text/html", "<html><title>Squid says no</title></html>", "Squid says no"),
        (200, "text/html", "<title>Welcome to the guest wifi</title>", "Welcome to the guest wifi"),
        (407, "text/plain", "Proxy Authentication Required", "Proxy Authentication Required"),
        (200, "application/json", '{"hello": 1}', "without an envelope"),
        (200, "application/json", "{", "cannot be read"),
        (500, "", "", "an empty answer"),
    ],
)
async def test_what_is_no_answer_of_mogplex_is_described_and_named(
    status: int, kind: str, body: str, said: str
) -> None:
    def page(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind} if kind else {})

    async with bridge(transport=Unreachable(page)) as client:
        text = await error(client, "list_repos")
        checked = text_of(await answer(client, "check_connection"))
    assert text.startswith("What answered did not speak as Mogplex does.")
    assert said in text
    assert "MOGPLEX_URL" in text
    assert "(code: unexpected_answer)" in text
    assert said in checked


async def test_a_redirect_is_not_followed_and_named() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.REDIRECT, times=None))
    async with bridge(simulator) as client:
        assert "the token was not taken along" in await error(client, "list_repos")


async def test_a_proxy_setting_that_cannot_be_used_is_a_tool_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://user:password@nonsense")
    async with Client(create_server(settings(), now=virtual_now)) as client:
        for tool in ("list_repos", "check_connection"):
            text = await error(client, tool)
            assert "HTTPS_PROXY" in text
            assert "password" not in text


async def test_an_unknown_repo_comes_with_the_nearest_names() -> None:
    async with bridge() as client:
        for repo in ("acme/wbe", "https://github.com/acme/wbe", "wbe", "Acme/Web2"):
            text = await error(client, "start_run", repo=repo, prompt="x")
            assert "The nearest are acme/web" in text
            assert "Call list_repos" in text
            assert "(code: not_found)" in text
        text = await error(client, "list_sandboxes", repo="zzzzzzzz/qqqqqqqq")
        assert "There are acme/api, acme/docs" in text


@pytest.mark.parametrize(
    "repo", ["acme/web", "ACME/Web", "web", "https://github.com/acme/web/tree/main/src", "git@github.com:acme/web.git"]
)
async def test_a_repo_is_found_by_every_way_to_name_it(repo: str) -> None:
    async with bridge() as client:
        await answer(client, "list_sandboxes", repo=repo)


async def test_without_any_repo_the_user_is_sent_to_connect_github() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.repos.clear()
    async with bridge(simulator) as client:
        assert "connect GitHub" in await error(client, "start_run", repo="acme/web", prompt="x")
        assert "connect GitHub" in text_of(await answer(client, "list_repos"))


async def test_an_ambiguous_repo_lists_its_rows_with_ids_that_work() -> None:
    async with bridge() as client:
        text = await error(client, "start_run", repo="acme/monorepo", prompt="x")
        assert "(code: invalid_argument)" in text
        rows = (await answer(client, "list_repos", query="monorepo")).structured_content
        assert rows is not None
        for row in rows["repos"]:
            assert f"{row['id']} is acme/monorepo in {row['root_directory']}" in text
            await answer(client, "list_sandboxes", repo=row["id"])


async def test_a_repo_of_two_owners_is_ambiguous_by_its_bare_name() -> None:
    simulator = Simulator(now=virtual_now)
    other = "11111111-2222-4333-8444-555555555555"
    simulator.world.repos.append(Repo(other, simulator.world.users[0].id, "emca/web"))
    async with bridge(simulator) as client:
        text = await error(client, "start_run", repo="web", prompt="x")
    assert f"{other} is emca/web" in text


@pytest.mark.parametrize(
    ("tool", "argument"),
    [
        ("get_run", "run_id"),
        ("tail_run", "run_id"),
        ("cancel_run", "run_id"),
        ("get_sandbox_logs", "sandbox_id"),
    ],
)
async def test_an_id_that_is_none_is_refused_before_anything_is_sent(tool: str, argument: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        for wrong in ("acme/web", "12345", "latest", "sbx_demo1"):
            text = await error(client, tool, **{argument: wrong})
            assert argument in text
            assert "UUID" in text
            assert "(code: invalid_argument)" in text
    assert simulator.requests == []


async def test_an_id_of_another_kind_is_not_found_and_the_lists_are_named() -> None:
    simulator = Simulator(now=virtual_now)
    sandbox, run = simulator.world.sandboxes[0].id, next(iter(simulator.world.runs))
    async with bridge(simulator) as client:
        for tool, arguments in (
            ("get_run", {"run_id": sandbox}),
            ("tail_run", {"run_id": sandbox}),
            ("cancel_run", {"run_id": sandbox}),
            ("get_sandbox_logs", {"sandbox_id": run}),
        ):
            text = await error(client, tool, **arguments)
            assert "right kind" in text
            assert "Look it up with list_repos or list_runs or list_sandboxes." in text
            assert "(code: not_found)" in text


async def test_the_id_of_no_repo_does_not_send_the_model_waiting_for_ever() -> None:
    async with bridge() as client:
        text = await error(client, "start_run", repo=A_UUID, prompt="x")
    assert "does not know the repository" in text
    assert "list_repos" in text


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "needs the argument prompt"),
        ("null", "needs the argument prompt"),
        ("  \n\t ", "prompt"),
        ("x" * 100_001, "at most 100000 characters, but has 100001"),
        ("\N{GRINNING FACE}" * 50_001, "100002 UTF-16 units"),
        ("a\0b", "NUL"),
        (["two", "texts"], "prompt must be one text"),
        ({"a": 1}, "prompt must be one text"),
    ],
)
async def test_a_prompt_that_mogplex_would_refuse_costs_no_start(prompt: Any, said: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        text = await error(client, "start_run", repo="acme/web", prompt=prompt)
    assert said in text
    assert "(code: invalid_argument)" in text
    assert not [one for one in simulator.requests if one.method == "POST"]
    assert len(text) < 2_000


async def test_the_longest_prompt_is_taken() -> None:
    async with bridge() as client:
        await answer(client, "start_run", repo="acme/web", prompt="\N{GRINNING FACE}" * 50_000)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("list_repos", {"limit": 0}, "limit must be a whole number from 1 to 200, but 0 was given"),
        ("list_repos", {"limit": 201}, "from 1 to 200, but 201 was given"),
        ("list_repos", {"limit": "many"}, 'whole number from 1 to 200, but "many" was given'),
        ("list_repos", {"limit": 2.5}, "whole number"),
        ("list_runs", {"limit": 101}, "from 1 to 100"),
        ("list_runs", {"max_age_hours": -1}, "from 1 to 2160"),
        ("tail_run", {"wait_seconds": 3601}, "from 0 to 3600"),
        ("tail_run", {"max_events": 0}, "from 1 to 100"),
        ("tail_run", {"until": "tomorrow"}, 'one of done, update, but "tomorrow" was given'),
        ("get_sandbox_logs", {"sandbox_id": A_UUID, "from_line": -1}, "of 0 or more"),
        ("get_sandbox_logs", {"sandbox_id": A_UUID, "max_lines": 401}, "from 1 to 400"),
        ("get_sandbox_logs", {"log": "dev"}, "get_sandbox_logs needs the argument sandbox_id"),
        ("create_sandbox", {"repo": "acme/web", "create_branch": "perhaps"}, "true or false"),
        ("list_repos", {"query": "x" * 2_001}, "query must have at most 2000 characters, but has 2001"),
        ("list_repos", {"query": "a\0b"}, "query holds a NUL character"),
        ("start_run", {}, "start_run needs the argument repo"),
    ],
)
async def test_an_argument_out_of_its_limits_is_named_with_the_limits(
    tool: str, arguments: dict[str, Any], said: str
) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        text = await error(client, tool, **arguments)
    assert said in text
    assert f"call {tool} again" in text
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("tool", "given", "near"),
    [
        ("list_repos", "limt", "limit"),
        ("tail_run", "runId", "run_id"),
        ("start_run", "createBranch", "create_branch"),
        ("tail_run", "max_event", "max_events"),
    ],
)
async def test_an_unknown_argument_names_the_nearest_and_lists_the_valid_ones(tool: str, given: str, near: str) -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        valid = {one.name: one.input_schema["properties"] for one in (await client.list_tools()).tools}[tool]
        text = await error(client, tool, **{given: 1})
    assert f'{tool} has no argument "{given}". Did you mean {near}?' in text
    assert f"It takes: {', '.join(valid)}." in text
    assert simulator.requests == []


async def test_a_tool_without_arguments_says_so() -> None:
    async with bridge() as client:
        assert "It takes none." in await error(client, "check_connection", verbose=True)


async def test_an_unknown_tool_is_a_tool_error_with_the_nearest_names() -> None:
    async with bridge() as client:
        text = await error(client, "list_repositories")
        assert "did you mean list_repos" in text
        assert "get_run" in await error(client, "run_get")
        await error(client, "\x1b[31m" + "x" * 10_000)


@pytest.mark.parametrize("absent", ["", "null", None, [], {}, "  "])
async def test_what_models_send_for_an_argument_that_they_leave_out_counts_as_left_out(absent: Any) -> None:
    async with bridge() as client:
        plain = await answer(client, "list_sandboxes")
        same = await answer(client, "list_sandboxes", repo=absent, status=absent, limit=absent)
    assert same.structured_content == plain.structured_content


@pytest.mark.parametrize(
    "arguments",
    [
        {"repo": ["acme/web"], "status": ["running"], "limit": ["5"]},
        {"repo": "acme/web", "status": " Running ", "limit": "5"},
        {"repo": "acme/web", "status": '"running"', "limit": 5.0},
        {"repo": "acme/web", "status": "RUNNING", "limit": "5.0"},
    ],
)
async def test_values_of_a_wrong_type_are_taken_for_what_they_mean(arguments: dict[str, Any]) -> None:
    async with bridge() as client:
        plain = await answer(client, "list_sandboxes", repo="acme/web", status="running", limit=5)
        same = await answer(client, "list_sandboxes", **arguments)
    assert same.structured_content == plain.structured_content


async def test_a_number_for_a_text_and_text_for_a_switch_are_taken() -> None:
    async with bridge() as client:
        assert "'2026'" in text_of(await answer(client, "list_repos", query=2026))
        await answer(client, "start_run", repo="acme/web", prompt=2026, force_new="true", harness="claude_code")


async def test_the_token_is_in_no_answer_and_no_error() -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        texts = [str(await client.call_tool("check_connection", {}))]
        texts += [str(await client.call_tool(tool, arguments)) for tool, arguments in EVERY_TOOL.items()]
        for kind in (FaultKind.HTML_502, FaultKind.INVALID_JSON, FaultKind.EMPTY_500, FaultKind.REDIRECT):
            simulator.faults.add(Fault(kind, times=None))
            texts.append(str(await client.call_tool("list_repos", {})))
            simulator.faults.clear()
        simulator.faults.add(Fault(FaultKind.JSON_500, times=None, message=f"cannot log in with {DEMO_TOKEN}"))
        texts.append(str(await client.call_tool("list_repos", {})))
        texts.append(str(await client.call_tool("list_repos", {"query": DEMO_TOKEN})))
    for text in texts:
        assert DEMO_TOKEN not in text


async def test_the_seconds_to_wait_are_said_in_words_and_as_a_figure() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.RATE_LIMITED, times=None, retry_after=37))
    async with bridge(simulator) as client:
        text = await error(client, "list_repos")
    assert "Call list_repos again in 37 seconds" in text
    assert "retry_after_seconds: 37" in text


async def test_a_failure_of_mogplex_is_not_repeated_in_its_empty_words() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.JSON_500, times=None))
    async with bridge(simulator) as client:
        assert "It gave no reason but status 500." in await error(client, "list_repos")


async def test_where_it_is_not_known_whether_a_run_started_the_same_call_is_said_to_be_safe() -> None:
    simulator = Simulator(now=virtual_now)
    async with bridge(simulator) as client:
        await answer(client, "list_sandboxes", repo="acme/web")
        simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=None))
        text = await error(client, "start_run", repo="acme/web", prompt="x")
        assert "It is not known whether it took effect." in text
        assert "Calling start_run again with the same arguments is safe" in text
        simulator.faults.clear()
        again = await answer(client, "start_run", repo="acme/web", prompt="x")
    assert again.structured_content is not None
    assert again.structured_content["replayed"] is True


async def test_where_it_is_not_known_whether_a_sandbox_was_made_looking_is_advised() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.sandbox_boot_seconds = 1.0
    async with bridge(simulator) as client:
        simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=None))
        text = await error(client, "create_sandbox", repo="acme/web")
    assert "Look before doing it again" in text


async def test_a_fault_of_the_bridge_itself_is_no_protocol_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("mogplex_mcp.tools.repos._row", broken)
    async with bridge() as client:
        text = await error(client, "list_repos")
    assert "fault of the bridge" in text
    assert "secret detail" not in text
    assert "secret detail" in caplog.text
