"""What `tools/list` says: one snapshot a tool, a budget, flat schemas, hints."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # no stubs

from mogplex_mcp.reply.model import Reply
from mogplex_mcp.toolkit.toolset import Tool
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.tools.support import bridge

pytestmark = pytest.mark.anyio

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
FIRST_TOOLSETS = ("account", "repos", "runs", "sandboxes")
TOKENS_OF_FIRST_TOOLSETS = 5_000
TOKENS_BY_DEFAULT = 8_000
TOKENS_OF_ALL = 16_000
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
    async with bridge(mode=mode, MOGPLEX_MCP_TOOLSETS=",".join(FIRST_TOOLSETS)) as client:
        first = await client.list_tools()
    async with bridge(mode=mode) as client:
        default = await client.list_tools()
    async with bridge(mode=mode, MOGPLEX_MCP_TOOLSETS="all") as client:
        every = await client.list_tools()
    assert len(every.model_dump_json(by_alias=True, exclude_none=True)) / 4 <= TOKENS_OF_ALL
    assert len(first.model_dump_json(by_alias=True, exclude_none=True)) / 4 <= TOKENS_OF_FIRST_TOOLSETS
    assert len(default.model_dump_json(by_alias=True, exclude_none=True)) / 4 <= TOKENS_BY_DEFAULT


async def test_both_eras_list_the_same_in_the_same_order() -> None:
    async with bridge(mode="legacy") as client:
        legacy = (await client.list_tools()).tools
    async with bridge(mode="auto") as client:
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
        assert "items" in one or one["type"] != "array", (tool.name, name)
        assert "properties" in one or "additionalProperties" in one or one["type"] != "object" or name == "arguments"
    own = published["properties"].keys() - Reply.model_fields
    assert all(published["properties"][name]["description"] for name in own)
    assert "summary" in published["required"]
    Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("tool", EVERY_TOOL, ids=_names)
def test_limits_are_said_in_words_since_some_clients_drop_the_bounds(tool: Tool) -> None:
    for schema in tool.definition.input_schema["properties"].values():
        for bound in ("maximum", "maxLength"):
            if bound in schema:
                assert str(schema[bound]) in schema["description"]


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
    async with bridge(mode="auto") as client:
        listed = (await client.list_tools()).model_dump(by_alias=True)
    assert listed["cacheScope"] == "private"
    assert listed["ttlMs"] > 0
