"""Lists with rows that can't be read: the good ones are kept, and the others counted."""

from typing import Any

import httpx2
import pytest

from mogplex_mcp.api.automation_models import AutomationRunDetail
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.hosted import HostedEndpoint, HostedToolCache
from mogplex_mcp.api.lenient import MAX_ROWS, parse
from mogplex_mcp.api.models import SandboxLogs
from mogplex_mcp.api.unreadable import collect_unreadable, note_unreadable, unreadable_notes

from .support import OTHER_ID, RUN_ID, Bench, Network, ok

pytestmark = pytest.mark.anyio

# The method of ours, its arguments, the list in the response, the id of its rows, and where the result has them.
LISTS: list[tuple[str, tuple[Any, ...], str, str, str]] = [
    ("list_repos", (), "repos", "id", ""),
    ("list_env_vars", (RUN_ID,), "envVars", "key", ""),
    ("list_agents", (), "agents", "id", ""),
    ("list_models", (), "models", "id", ""),
    ("list_sandboxes", (), "sandboxes", "id", ""),
    ("list_automations", (), "automations", "id", "automations"),
    ("list_automation_runs", (RUN_ID,), "runs", "id", ""),
    ("list_mcp_servers", (), "servers", "name", ""),
    ("get_run_events", (RUN_ID,), "events", "id", "events"),
]
BAD: list[Any] = [{}, None, 5, [], "x", {"id": 5, "key": 5, "name": 5}, {"id": None, "key": "", "name": []}]


def response(name: str, rows: object) -> httpx2.Response:
    return ok(**{name: rows, "run": {"runId": RUN_ID}})


async def listed(method: str, arguments: tuple[Any, ...], where: str, answer: httpx2.Response) -> list[Any]:
    result = await getattr(Mogplex(Bench(Network(answer)).http), method)(*arguments)
    return list(getattr(result, where) if where else result)


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize(("method", "arguments", "name", "key", "where"), LISTS)
async def test_good_rows_survive_a_row_that_cannot_be_read(
    *, method: str, arguments: tuple[Any, ...], name: str, key: str, where: str, bad: object
) -> None:
    rows: list[Any] = [{key: "first"}, bad, {key: "last"}]
    with collect_unreadable() as unreadable:
        found = await listed(method, arguments, where, response(name, rows))
    assert [getattr(row, key) for row in found] == ["first", "last"]
    assert unreadable == {name: 1}
    (note,) = unreadable_notes(unreadable)
    assert note.startswith("1 row could not be read")


@pytest.mark.parametrize(("method", "arguments", "name", "key", "where"), LISTS)
async def test_list_without_a_readable_row_is_an_error_that_says_so(
    *, method: str, arguments: tuple[Any, ...], name: str, key: str, where: str
) -> None:
    assert await listed(method, arguments, where, response(name, [])) == []
    refused: tuple[Any, ...] = ([{key: 5}, {}], None, "none", {})
    for rows in refused:
        with pytest.raises(MogplexError, match=name) as caught:
            await listed(method, arguments, where, response(name, rows))
        assert caught.value.code is ErrorCode.UNEXPECTED_ANSWER


@pytest.mark.parametrize(("method", "arguments", "name", "key", "where"), LISTS)
async def test_list_that_is_too_long_is_refused_before_its_rows_are_read(
    *, method: str, arguments: tuple[Any, ...], name: str, key: str, where: str
) -> None:
    assert len(await listed(method, arguments, where, response(name, [{key: "x"}] * MAX_ROWS))) == MAX_ROWS
    with pytest.raises(MogplexError, match=rf"2,001 {name}, over the limit of 2,000") as caught:
        await listed(method, arguments, where, response(name, [{key: "x"}] * (MAX_ROWS + 1)))
    assert caught.value.code is ErrorCode.UNEXPECTED_ANSWER


@pytest.mark.parametrize(
    ("model", "value", "name"),
    [
        (SandboxLogs, {"sandbox": {"id": "s"}}, "lifecycle_events"),
        *[
            (AutomationRunDetail, {"id": "r"}, name)
            for name in ("node_runs", "dispatch_events", "ai_calls", "review_findings", "waits")
        ],
    ],
)
def test_inner_list_keeps_its_good_rows(model: type[Any], value: dict[str, Any], name: str) -> None:
    with collect_unreadable() as unreadable:
        assert len(getattr(parse(model, {**value, name: [{}, None, 5, {}]}, "data"), name)) == 2
        assert getattr(parse(model, {**value, name: [7]}, "data"), name) == []
        assert getattr(parse(model, {**value, name: 7}, "data"), name) == []
    assert unreadable == {name: 2}


async def test_cached_hosted_tools_are_noted_for_each_caller() -> None:
    tools = [{"name": "mogplex_a"}, {"name": 5}]
    answer = httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}})
    cache = HostedToolCache(HostedEndpoint(Bench(Network(answer)).http))
    for _ in range(2):
        with collect_unreadable() as unreadable:
            assert set(await cache.listed()) == {"mogplex_a"}
        assert unreadable == {"tools": 1}


async def test_event_without_an_id_does_not_hide_the_pull_request() -> None:
    delivered = {"id": "e", "type": "log", "payload": {"pull_request_url": f"https://github.com/a/b/pull/{OTHER_ID}"}}
    answer = ok(run={"runId": RUN_ID, "status": 5}, events=[{"type": "log"}, delivered, {"id": 5}])
    found = await Mogplex(Bench(Network(answer)).http).get_run_events(RUN_ID)
    assert [event.payload for event in found.events] == [delivered["payload"]]


def test_nothing_is_collected_without_a_collector() -> None:
    note_unreadable({"repos": 1})
    with collect_unreadable() as unreadable:
        pass
    assert unreadable == {}
    assert unreadable_notes({"envVars": 0, "lifecycle_events": 3}) == [
        "3 rows could not be read and are left out of the lifecycle events: Mogplex sent no usable id, or no object."
    ]
