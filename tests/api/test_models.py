"""Every recorded answer of the read routes, and answers that no service should give."""

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from mogplex_mcp.api import automation_models, models
from mogplex_mcp.api.automation_models import AutomationRunDetail
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.lenient import Record, parse
from mogplex_mcp.api.models import McpServer, Repo, Run, RunEvent, RunEvents, SandboxLogs

from .recordings import API, envelope_of, path_of, row, rows
from .support import OTHER_ID, RUN_ID, Bench, Network

ID = r"[^/]+"
# A route of the contract: its path, the method of ours that reads it, and where its members are.
READ_ROUTES: list[tuple[str, str, tuple[Any, ...], str]] = [
    (r"/repos", "list_repos", (), "repos"),
    (r"/agents", "list_agents", (), "agents"),
    (r"/models", "list_models", (), "models"),
    (r"/sandboxes", "list_sandboxes", (), "sandboxes"),
    (rf"/sandboxes/{ID}/logs", "get_sandbox_logs", (RUN_ID,), ""),
    (rf"/runs/{ID}|/repos/\.\./runs/{ID}", "get_run", (RUN_ID,), "run"),
    (rf"/runs/{ID}/events", "get_run_events", (RUN_ID,), ""),
    (r"/automations", "list_automations", (), ""),
    (rf"/automations/{ID}", "get_automation", (RUN_ID,), "automation"),
    (rf"/automations/{ID}/runs", "list_automation_runs", (RUN_ID,), "runs"),
    (rf"/automations/{ID}/runs/{ID}", "get_automation_run", (RUN_ID, OTHER_ID), "run"),
    (r"/mcp/servers", "list_mcp_servers", (), "servers"),
]
# Recordings of successes that are no envelopes of v1, and why.
NO_ENVELOPES = {648: "OAuth metadata of the site", 649: "OAuth metadata of the site"}
# Recordings that were cut before their list began: nothing to read is left.
CUT_TOO_EARLY = {191, 197, 198, 199, 200, 209, 210, 211}
# Recordings that were cut inside the first member of their list.
NOTHING_WHOLE = {514, 516, 518}

READS = [row for row in rows() if row["request"]["method"] == "GET" and row["response"]["status"] == httpx2.codes.OK]


def assert_nothing_lost(record: object, raw: object) -> None:
    """Every field of ours that the answer fills under its own name is filled, with the same text."""
    if isinstance(record, list):
        assert isinstance(raw, list)
        assert len(record) == len(raw)
        for ours, theirs in zip(record, raw, strict=True):
            assert_nothing_lost(ours, theirs)
    elif isinstance(record, BaseModel) and not isinstance(record, McpServer):
        assert isinstance(raw, dict)
        for name in type(record).model_fields:
            value = getattr(record, name)
            theirs = raw.get(name, raw.get(to_camel(name)))
            assert (value is None or value in ("", [], {})) <= (theirs in (None, "", [], {})), name
            if isinstance(value, str):
                assert theirs in (None, value)
            assert_nothing_lost(value, theirs)
    elif isinstance(record, datetime):
        assert record.tzinfo is not None


@pytest.mark.anyio
@pytest.mark.parametrize("recorded", READS, ids=lambda recorded: f"{recorded['n']}-{path_of(recorded)}")
async def test_recorded_response_is_parsed_without_loss(recorded: dict[str, Any]) -> None:
    if recorded["n"] in NO_ENVELOPES:
        assert not recorded["request"]["path"].startswith(API)
        return
    if recorded["n"] in CUT_TOO_EARLY:
        with pytest.raises(ValueError, match=str(recorded["n"])):
            envelope_of(recorded)
        return
    name, arguments, key = next(
        (name, arguments, key)
        for pattern, name, arguments, key in READ_ROUTES
        if re.fullmatch(pattern, path_of(recorded))
    )
    envelope = envelope_of(recorded)
    mogplex = Mogplex(Bench(Network(httpx2.Response(200, json=envelope))).http)
    result = await getattr(mogplex, name)(*arguments)
    raw = envelope["data"][key] if key else envelope["data"]
    assert_nothing_lost(result, raw)
    if recorded["n"] in NOTHING_WHOLE:
        assert result == []


def test_the_recordings_cover_every_read_route() -> None:
    seen = {pattern for row in READS for pattern, *_ in READ_ROUTES if re.fullmatch(pattern, path_of(row))}
    assert seen == {pattern for pattern, *_ in READ_ROUTES}
    assert len(READS) - len(NO_ENVELOPES) - len(CUT_TOO_EARLY) == 138


def test_run_is_flat_and_typed() -> None:
    events = parse(RunEvents, envelope_of(row(33))["data"], "data")
    run = events.run
    assert (run.status, run.base_branch, run.working_branch, run.create_branch) == (
        "success",
        "main",
        "mogplex/success",
        True,
    )
    assert run.runtime_provider
    assert run.runtime_run_id
    assert run.created_at is not None
    assert run.created_at.utcoffset() == timedelta(0)
    assert events.events[0].type == "started"


def test_models_accept_field_names() -> None:
    run = Run(run_id=RUN_ID, base_branch="main", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert Run.model_validate(run.model_dump()) == run
    assert Run.model_validate_json(run.model_dump_json()) == run


def test_sandbox_logs_are_fields_of_their_own() -> None:
    logs = parse(SandboxLogs, {"sandbox": {"id": "s", "install_log": "ok", "dev_log": None}}, "data")
    assert (logs.sandbox.id, logs.install_log, logs.dev_log, logs.lifecycle_events) == ("s", "ok", None, [])


def test_mcp_server_drops_credentials() -> None:
    servers = [parse(McpServer, value, "servers") for value in envelope_of(row(370))["data"]["servers"]]
    assert [(s.name, s.enabled, s.transport, s.host, s.header_names, s.variable_names) for s in servers] == [
        ("local-fs", True, "stdio", None, [], ["LOG"]),
        ("remote", True, "http", "mcp.example.invalid", ["Authorization", "X-Team"], []),
        ("off", False, "http", "off.example.invalid", [], []),
        ("sentry", True, "http", "sentry.example.invalid", ["Authorization"], []),
    ]
    shown = repr(servers) + "".join(server.model_dump_json() for server in servers)
    for secret in ("GTSECRET", "Bearer", "debug", "acme", "npx", "server-fs"):
        assert secret not in shown


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "config",
    [
        {"url": f"https://eve:{SECRET}@mcp.example/{SECRET}?key={SECRET}#{SECRET}"},
        {"url": f"https://[{SECRET}"},
        {"http_headers": [f"Authorization: {SECRET}"], "env": SECRET},
        {"http_headers": {f"Authorization: {SECRET}": SECRET}, "env": {f"KEY={SECRET}": ""}},
        {"command": SECRET, "args": [SECRET], "env": {"KEY": {"deep": SECRET}}},
        {"headers": {"X-Key": SECRET}, "bearer_token": SECRET},
        SECRET,
        None,
    ],
)
def test_mcp_server_drops_misplaced_secrets(config: object) -> None:
    server = parse(McpServer, {"name": "n", "config": config, "url": SECRET}, "servers")
    assert SECRET not in repr(server)
    with pytest.raises(MogplexError) as caught:
        parse(McpServer, {"config": config}, "servers")
    assert caught.value.message == "Mogplex responded without a usable servers.name."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_automation_run_omits_resume_tokens_user_ids_and_metadata() -> None:
    for number in (523, 524):
        run = parse(AutomationRunDetail, envelope_of(row(number))["data"]["run"], "run")
        shown = run.model_dump_json()
        for secret in ("GTSECRET-resume-token", "GTSECRET-metadata", "GTSECRET-ai-call", "unredacted", "user_id"):
            assert secret not in shown
    assert run.waits[0].prompt == "ok?"
    assert (run.repo_full_name, run.automation_id) == ("acme/web", OTHER_ID)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T09:06:40+00:00", datetime(2026, 11, 20, 9, 6, 40, tzinfo=UTC)),
        ("2026-11-20T09:06:40.7+00:00", datetime(2026, 11, 20, 9, 6, 40, 700_000, tzinfo=UTC)),
        ("2026-11-22T01:51:26.88906+00:00", datetime(2026, 11, 22, 1, 51, 26, 889_060, tzinfo=UTC)),
        ("2026-11-22T01:51:26.926497Z", datetime(2026, 11, 22, 1, 51, 26, 926_497, tzinfo=UTC)),
        ("2026-11-22T01:51:26", datetime(2026, 11, 22, 1, 51, 26, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (1_763_000_000, None),
        (None, None),
        ({}, None),
    ],
)
def test_moment_parses_any_number_of_fraction_digits(text: object, moment: datetime | None) -> None:
    event = parse(RunEvent, {"id": "e", "createdAt": text}, "event")
    assert event.created_at == moment
    assert moment is None or (event.created_at is not None and event.created_at.tzinfo is not None)


def test_invalid_optional_fields_are_empty_and_unknown_fields_ignored() -> None:
    repo = parse(Repo, {"id": "r", "full_name": 7, "installation_id": "x", "default_branch": [], "new": 1}, "repo")
    assert repo == Repo(id="r")
    event = parse(RunEvent, {"id": "e", "type": "brand_new", "payload": "cut"}, "event")
    assert (event.type, event.payload) == ("brand_new", {})


@pytest.mark.parametrize("value", [None, [], "x", {}, {"id": None}, {"id": ""}, {"id": 7}])
def test_error_names_missing_id(value: object) -> None:
    with pytest.raises(MogplexError, match="Mogplex responded without a usable repos") as caught:
        parse(Repo, value, "repos")
    assert caught.value.code is ErrorCode.UNEXPECTED_ANSWER


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-11-22T01:51:26.9+00:00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RECORDS = sorted(
    {
        value
        for module in (models, automation_models)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record)
    },
    key=lambda model: model.__name__,
)
NAMES = sorted(
    {spelling for model in RECORDS for name in model.model_fields for spelling in (name, to_camel(name))}
    | {"branch", "runtime", "config", "repo", "agent", "pricing", "wait_config", "flow_id", "url", "env", "base"}
)


@given(
    st.sampled_from(RECORDS),
    st.dictionaries(st.sampled_from(NAMES), JSON | st.dictionaries(st.sampled_from(NAMES), JSON)),
)
def test_any_json_in_field_is_parsed_or_mogplex_error(model: type[Record], value: dict[str, Any]) -> None:
    try:
        record = parse(model, value, "answer")
    except MogplexError as error:
        assert error.code is ErrorCode.UNEXPECTED_ANSWER  # noqa: PT017 - half of the promise
        assert error.message.startswith("Mogplex responded without a usable answer")  # noqa: PT017 - as above
    else:
        assert isinstance(json.loads(record.model_dump_json()), dict)


@given(st.sampled_from(RECORDS), JSON)
def test_any_json_instead_of_object_is_parsed_or_mogplex_error(model: type[Record], value: object) -> None:
    try:
        parse(model, value, "answer")
    except MogplexError as error:
        assert error.code is ErrorCode.UNEXPECTED_ANSWER  # noqa: PT017 - half of the promise


def test_every_response_has_a_model() -> None:
    routes = [method for name, method in inspect.getmembers(Mogplex, inspect.iscoroutinefunction) if name[0] != "_"]
    returned = [get_type_hints(route)["return"] for route in routes]
    found = {one for hint in returned for one in get_args(hint) or [hint]} - {type(None)}
    assert len(found) > 12
    assert found <= set(RECORDS)
