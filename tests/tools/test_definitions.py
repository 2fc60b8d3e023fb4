"""What `tools/list` says: one snapshot a tool, a budget, flat schemas, hints."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.reply.model import ListReply, Reply
from mogplex_mcp.toolkit.arguments import LARGEST_NUMBER, LONGEST_TEXT
from mogplex_mcp.toolkit.tool_selection import ToolSelection, offered_tools, select
from mogplex_mcp.toolkit.toolset import Tool, list_size
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.tools.support import connected_client

pytestmark = pytest.mark.anyio

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
# In tokens. A model reads name, description and input schema; the message has output schemas and annotations too.
READ_BY_DEFAULT = 4_500
READ_OF_ALL = 9_000
READ_OF_HOSTED = 350
MESSAGE_BY_DEFAULT = 8_000
LOADED_AT_ONCE = {"start_run", "tail_run", "list_repos"}
SAID_BY_THEIR_NAME = ("name", "description")
EVERY_TOOL = [tool for toolset in TOOLSETS for tool in toolset.tools]


def _names(tool: Tool) -> str:
    return tool.name


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_a_definition_is_the_one_in_its_snapshot(tool: Tool) -> None:
    path = SNAPSHOTS / f"{tool.name}.json"
    definition = tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(json.dumps(definition, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert path.is_file(), f"{tool.name} has no snapshot; make one by running this test with UPDATE_SNAPSHOTS=1"
    assert definition == json.loads(path.read_text(encoding="utf-8")), (
        f"{tool.name} is told to clients in other words than before; if that is wanted, run this test with "
        "UPDATE_SNAPSHOTS=1 and look at the difference"
    )


def test_no_snapshot_is_left_of_a_tool_that_is_gone() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == {tool.name for tool in EVERY_TOOL}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_list_stays_within_its_budget_of_tokens(mode: Any) -> None:
    async with connected_client(mode=mode) as client:
        default = await client.list_tools()
    async with connected_client(mode=mode, MOGPLEX_MCP_TOOLSETS="hosted") as client:
        hosted = await client.list_tools()
    async with connected_client(mode=mode, MOGPLEX_MCP_TOOLSETS="all") as client:
        every = await client.list_tools()
    assert list_size(default.tools).read <= READ_BY_DEFAULT
    assert list_size(every.tools).read <= READ_OF_ALL
    assert list_size(hosted.tools).read <= READ_OF_HOSTED
    assert len(default.model_dump_json(by_alias=True, exclude_none=True)) / 4 <= MESSAGE_BY_DEFAULT


async def test_both_eras_list_the_same_in_the_same_order() -> None:
    async with connected_client(mode="legacy") as client:
        legacy = (await client.list_tools()).tools
    async with connected_client(mode="auto") as client:
        listed = await client.list_tools()
        again = await client.list_tools()
    assert legacy == listed.tools == again.tools
    assert listed.next_cursor is None


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_schemas_are_flat_and_names_are_plain(tool: Tool) -> None:
    definition = tool.definition
    text = definition.model_dump_json(by_alias=True, exclude_none=True)
    for feature in ("$ref", "$defs", "anyOf", "oneOf", "allOf", '"null"'):
        assert feature not in text
    assert re.fullmatch(r"[a-z][a-z0-9_]{2,29}", tool.name)
    for name, schema in definition.input_schema["properties"].items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{1,29}", name)
        assert "title" not in schema
        assert schema["type"] in ("string", "integer", "boolean", "array", "object", "number")
        assert schema.get("description") or name in SAID_BY_THEIR_NAME


def fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All fields of an object and of the objects in it."""
    for name, one in schema.get("properties", {}).items():
        yield name, one
        yield from fields(one)
        yield from fields(one.get("items", {}))


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_results_are_described_whole(tool: Tool) -> None:
    whole, published = tool.reply.full_schema(), tool.definition.output_schema
    assert published is not None
    assert [name for name, _ in fields(whole)] == [name for name, _ in fields(published)]
    assert {"summary", "notes"} <= set(published["properties"])
    assert ("next_steps" in published["properties"]) == tool.reply.suggests_calls
    assert ("untrusted" in published["properties"]) == bool(tool.reply.untrusted_schema)
    for name, one in fields(whole):
        assert one["description"].endswith("."), (tool.name, name)
        assert len(one["description"].split()) > 3, (tool.name, name)
        assert "items" in one or one["type"] != "array", (tool.name, name)
        assert "properties" in one or "additionalProperties" in one or one["type"] != "object" or name == "arguments"
    for name in published["properties"].keys() - ListReply.model_fields:
        described = published["properties"][name].get("description", "")
        brief = whole["properties"][name]["description"].partition(": ")[0].removesuffix(".")
        assert described == f"{brief}." or (not described and brief.lower() == name.replace("_", " "))
    assert "summary" in published["required"]
    Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("choice", [{"toolsets": "runs"}, {"tools": "list_runs,tail_run"}, {"toolsets": "all"}])
def test_results_of_selected_tools_are_published_whole(choice: dict[str, str]) -> None:
    for tool in offered_tools(TOOLSETS, Settings.load({}, choice)):
        assert tool.definition.output_schema == tool.reply.full_schema()


def test_facts_stand_in_schemas_where_they_stand_in_results() -> None:
    for tool in EVERY_TOOL:
        names = [name for name in tool.reply.output_schema()["properties"] if name in Reply.model_fields]
        assert names == [name for name in ("summary", "notes", "untrusted", "next_steps") if name in names]
        (*_, last) = tool.reply.output_schema()["properties"]
        assert last == names[-1]


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_each_argument_is_described_in_sentences_with_its_default(tool: Tool) -> None:
    schema = tool.definition.input_schema
    for name, one in schema["properties"].items():
        assert re.match(r"[A-Z].{15,}\.$", one["description"]), (tool.name, name)
        assert ("Default: " in one["description"]) == (name not in schema.get("required", [])), (tool.name, name)
        for option in one.get("enum", []):
            assert isinstance(option, str)


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_no_argument_is_an_open_object_which_strict_modes_refuse(tool: Tool) -> None:
    for schema in tool.definition.input_schema["properties"].values():
        assert schema["type"] != "object"
        assert "properties" not in schema
    assert "additionalProperties" not in tool.definition.input_schema


@pytest.mark.parametrize("gone", ["mode", "workspace_session_id", "restore_snapshot_id", "restore_snapshot_team_id"])
def test_arguments_that_no_agent_needs_are_not_there(gone: str) -> None:
    assert not [tool.name for tool in EVERY_TOOL if gone in tool.definition.input_schema["properties"]]


def selections() -> list[Settings]:
    """Return settings for every choice of toolsets, every single tool, and everything but one tool."""
    toolsets = [one.name for one in TOOLSETS]
    chosen = [names for size in range(len(toolsets) + 1) for names in combinations(toolsets, size)]
    choices: list[dict[str, str]] = [
        *({"toolsets": ",".join(names)} for names in chosen),
        *({"tools": tool.name} for tool in EVERY_TOOL),
        *({"toolsets": "all", "exclude_tools": tool.name} for tool in EVERY_TOOL),
        {"toolsets": "all", "read_only": "yes"},
        {"read_only": "yes"},
    ]
    return [Settings.load({}, choice) for choice in choices]


def names_in(tool: Tool) -> frozenset[str]:
    """Return the tools that a tool's descriptions name, none of which may be empty."""
    definition = tool.definition
    texts = [definition.description, *(one["description"] for one in definition.input_schema["properties"].values())]
    assert all(texts), tool.name
    words = re.findall(r"\w+", " ".join(map(str, texts)))
    return frozenset(words) & {one.name for one in EVERY_TOOL}


def test_no_description_names_a_tool_that_is_not_offered() -> None:
    named = {tool.name: names_in(tool) for tool in EVERY_TOOL}
    # Only what is absent of the tools that it names makes a difference for a description.
    different = {
        (tool.name, tool.absent & named[tool.name]): tool
        for settings in selections()
        for tool in select(
            TOOLSETS,
            wanted_toolsets=settings.toolsets,
            wanted_tools=settings.tools,
            excluded_tools=settings.exclude_tools,
            read_only=settings.read_only,
        )
    }
    assert len(different) > 2 * len(EVERY_TOOL)
    for tool in different.values():
        assert not names_in(tool) & tool.absent


async def test_a_description_names_only_tools_that_the_headers_of_a_request_leave() -> None:
    offered = select(TOOLSETS, wanted_toolsets=["all"])
    selected = ToolSelection(TOOLSETS, offered).tools({"x-mcp-tools": "start_run,list_runs"})
    whole = {tool.name: tool.definition.description or "" for tool in offered}
    assert "tail_run" not in (selected["start_run"].definition.description or "")
    assert "tail_run" in whole["start_run"]
    assert list(selected) == ["start_run", "list_runs"]


def test_tools_that_begin_a_task_are_loaded_by_clients_that_search_for_tools() -> None:
    marked = {tool.name for tool in EVERY_TOOL if (tool.definition.meta or {}).get("anthropic/alwaysLoad") is True}
    assert marked == LOADED_AT_ONCE


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_limits_are_said_in_words_since_strict_modes_refuse_the_keywords(tool: Tool) -> None:
    published = tool.definition.input_schema["properties"]
    for name, schema in tool.arguments.model_json_schema().get("properties", {}).items():
        assert published[name].keys() <= {"type", "description", "enum", "items"}
        assert published[name].get("items", {}).keys() <= {"type", "enum"}
        if schema.get("maximum", LARGEST_NUMBER) < LARGEST_NUMBER:
            assert str(schema["maximum"]) in published[name]["description"]
        if schema.get("maxLength", 0) > LONGEST_TEXT:
            assert str(schema["maxLength"]) in published[name]["description"]


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_every_tool_has_a_title_and_a_description_of_some_sentences(tool: Tool) -> None:
    assert tool.title[0].isupper()
    assert 60 <= len(tool.description) <= 600
    assert tool.description.endswith(".")


@pytest.mark.parametrize(
    ("names", "hints"),
    [
        (("check_connection", "list_repos"), (True, None, None, False)),
        (("list_sandboxes", "get_sandbox_logs", "tail_run", "get_run"), (True, None, None, True)),
        (("start_run",), (False, False, True, True)),
        (("create_sandbox",), (False, False, False, True)),
        (("cancel_run",), (False, True, True, False)),
    ],
)
def test_hints_say_what_a_tool_may_change(names: tuple[str, ...], hints: tuple[bool | None, ...]) -> None:
    told = {tool.name: tool.definition.annotations for tool in EVERY_TOOL}
    for name in names:
        annotations = told[name]
        assert annotations is not None
        assert (
            annotations.read_only_hint,
            annotations.destructive_hint,
            annotations.idempotent_hint,
            annotations.open_world_hint,
        ) == hints


async def test_the_list_is_private_and_stays_fresh_for_clients_that_cache() -> None:
    async with connected_client(mode="auto") as client:
        listed = (await client.list_tools()).model_dump(by_alias=True)
    assert listed["cacheScope"] == "private"
    assert listed["ttlMs"] > 0
