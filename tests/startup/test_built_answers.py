"""What is built in is what the server answers, and whatever it is not sure of is left to the server."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from distribution.built_answers import results as results_of_the_server
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.startup.built_answers import METHODS, SELECTIONS, Conversation, Results, results, selection
from tests.startup.starts import INITIALIZED, initialize, modern, request

HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
CLIENT = {"name": "claude-code", "version": "2.1", "title": "Another client"}
CAPABILITIES = {
    "elicitation": {"form": {}, "url": {}},
    "roots": {"listChanged": True},
    "sampling": {},
    "extensions": {"io.modelcontextprotocol/tasks": {}, "io.modelcontextprotocol/ui": {"mimeTypes": ["text/html"]}},
}


@pytest.fixture(scope="module")
def known(built: Path) -> Results:
    return results(Settings(), built)


def parsed(built: Results) -> dict[str, dict[str, Any]]:
    return {version: {name: json.loads(text) for name, text in one.items()} for version, one in built.items()}


@pytest.mark.parametrize("name", SELECTIONS)
def test_results_are_those_of_the_server_for_every_version_and_client(name: str, built: Path) -> None:
    of_the_server = anyio.run(results_of_the_server, SELECTIONS[name], CLIENT, CAPABILITIES)
    assert of_the_server.keys() == {*HANDSHAKE, MODERN}
    for version in HANDSHAKE:
        assert of_the_server[version].keys() == set(METHODS) - {"server/discover"}
    assert of_the_server[MODERN].keys() == set(METHODS) - {"initialize", "ping"}
    assert parsed(results(SELECTIONS[name], built)) == of_the_server


def test_no_other_setting_changes_a_result(built: Path, tmp_path: Path) -> None:
    other = Settings(
        api_key=Secret("mog_" + "a1" * 16),
        home=tmp_path,
        state_file=tmp_path / "state.sqlite3",
        max_wait=7.0,
        allow_destructive=True,
        without_journal=True,
        remember_prompts=False,
        allow_secrets_in_prompts=True,
        log_level="debug",
        unfilled=("MOGPLEX_API_KEY",),
        notes=("MOGPLEX_MCP_LOG_LEVEL is invalid.",),
    )
    assert selection(other) == "default"
    assert parsed(results(other, built)) == anyio.run(results_of_the_server, other)


@pytest.mark.parametrize(
    "change",
    [
        {"toolsets": ("repos",)},
        {"toolsets": ("unknown",)},
        {"tools": ("get_run",)},
        {"exclude_tools": ("start_run",)},
        {"default_repo": "acme/web"},
        {"demo_seconds": 3.0},
        {"database_url": Secret("postgresql://localhost/x")},
        {"refusals": ("MOGPLEX_URL is invalid.",)},
        {"demo": True, "read_only": True},
    ],
    ids=str,
)
def test_other_settings_are_left_to_the_server(change: Mapping[str, Any], built: Path) -> None:
    settings = replace(Settings(), **change)
    assert selection(settings) is None
    assert results(settings, built) == {}


def test_a_missing_or_damaged_file_leaves_everything_to_the_server(built: Path, tmp_path: Path) -> None:
    assert results(Settings(), tmp_path) == {}
    whole = (built / "default.json").read_bytes()
    for damaged in (whole[:-9], b"", b'{"versions":{"2025-06-18":{"ping":9}},"texts":[]}'):
        (tmp_path / "default.json").write_bytes(damaged)
        assert results(Settings(), tmp_path) == {}


@given(st.data())
def test_requests_are_answered_in_any_order_and_all_else_is_left(known: Results, data: st.DataObject) -> None:
    is_modern = data.draw(st.booleans())
    version = MODERN if is_modern else data.draw(st.sampled_from(HANDSHAKE))
    methods = data.draw(st.lists(st.sampled_from([*METHODS[1:], "resources/list", "tools/call"]), max_size=8))
    ids = data.draw(st.lists(st.integers() | st.text(), min_size=9, max_size=9, unique_by=repr))
    conversation = Conversation(known)
    left = b""
    if not is_modern:
        first = json.loads(conversation.answer(initialize(ids[8], version).rstrip()))
        assert first == {"jsonrpc": "2.0", "id": ids[8], "result": json.loads(known[version]["initialize"])}
        assert conversation.answer(INITIALIZED.rstrip()) == b""
        left = initialize(ids[8], version) + INITIALIZED
    for number, method in zip(ids, methods, strict=False):
        line = modern(number, method) if is_modern else request(number, method)
        response = conversation.answer(line.rstrip())
        if method in known[version]:
            assert json.loads(response) == {
                "jsonrpc": "2.0",
                "id": number,
                "result": json.loads(known[version][method]),
            }
            assert response.endswith(b"}\n")
        else:
            assert response == b""
            left += line
    assert conversation.left == left
    assert conversation.is_complete == all(method in known[version] for method in methods)


LEFT = {
    "garbage": b"garbage",
    "an empty line": b"",
    "UTF-16": request(1, "ping").decode().encode("utf-16"),
    "a batch": b"[" + request(1, "ping").strip() + b"]",
    "deep nesting": b"[" * 100_000,
    "another version of JSON-RPC": request(1, "ping").replace(b"2.0", b"1.0"),
    "no id": INITIALIZED,
    "id null": request(None, "ping"),
    "id true": request(1, "ping").replace(b"1,", b"true,"),
    "a fraction as id": request(1.5, "ping"),
    "a cursor": request(1, "tools/list", {"cursor": "x"}),
    "parameters that are a list": request(1, "tools/list", []),
    "_meta that is a text": request(1, "tools/list", {"_meta": "x"}),
    "another envelope": modern(1, "tools/list"),
    "a second initialize": initialize(1),
    "an unknown member": b'{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}',
}


@pytest.mark.parametrize("line", LEFT.values(), ids=LEFT)
def test_unusual_lines_are_left_to_the_server(line: bytes, known: Results) -> None:
    conversation = Conversation(known)
    assert conversation.answer(initialize(0).rstrip())
    before = conversation.left
    assert conversation.answer(line.rstrip(b"\n")) == b""
    assert conversation.left == before + line.rstrip(b"\n") + b"\n"
    assert conversation.answer(request(2, "ping").rstrip())


UNUSABLE = {
    "no parameters": {},
    "an unknown version": {"protocolVersion": "1999-01-01"},
    "the 2026 version": {"protocolVersion": MODERN},
    "no client": {"clientInfo": None},
    "a client without version": {"clientInfo": {"name": "test"}},
    "a client with a number for its title": {"clientInfo": {"name": "test", "version": "1", "title": 5}},
    "capabilities that are none": {"capabilities": {"roots": 5}},
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_unusual_initialize_is_left_to_the_server_with_what_follows(change: Mapping[str, Any], known: Results) -> None:
    line = json.loads(initialize(1))
    line["params"] = {**line["params"], **change} if change else {}
    conversation = Conversation(known)
    assert conversation.answer(json.dumps(line).encode()) == b""
    assert conversation.answer(request(2, "tools/list").rstrip()) == b""
    assert conversation.initialize is None
    assert not conversation.is_complete


def test_initialize_is_answered_after_a_probe_that_nothing_followed(known: Results) -> None:
    conversation = Conversation(known)
    assert conversation.answer(modern("probe", "server/discover").rstrip())
    assert conversation.answer(initialize(1).rstrip())
    assert conversation.answer(request(2, "tools/list").rstrip())
    # The server never sees the probe, which would have it refuse `initialize`.
    assert conversation.left == initialize(1)
    assert conversation.initialize == 1


@pytest.mark.parametrize("line", [modern(1, "tools/list"), modern(1, "tools/call"), request(1, "ping"), b"garbage\n"])
def test_initialize_after_anything_else_is_left_to_the_server(line: bytes, known: Results) -> None:
    conversation = Conversation(known)
    conversation.answer(line.rstrip())
    assert conversation.answer(initialize(2).rstrip()) == b""
    assert conversation.initialize is None


def test_a_byte_order_mark_is_no_part_of_a_line(known: Results) -> None:
    assert Conversation(known).answer(b"\xef\xbb\xbf" + initialize(1).rstrip())
