"""Tools of Mogplex's hosted endpoint beyond ours. Their descriptions and results are text of others."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field

from mogplex_mcp.api.hosted import HostedTool
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_word
from mogplex_mcp.operations import hosted
from mogplex_mcp.reply.model import ListReply, NextStep, Reply
from mogplex_mcp.reply.schema import rows, text
from mogplex_mcp.toolkit.arguments import JsonObject
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Tool, Toolset
from mogplex_mcp.tools.hosted_equivalents import hosted_equivalents
from mogplex_mcp.tools.pages import PageNumber, page_of

toolset = Toolset("hosted", "What Mogplex's hosted endpoint offers beyond these tools.")

_ANSWER_CHARACTERS: Final = 5_500
_NOTHING: Final[dict[str, Any]] = {}
_CALLS: Final = "call_hosted_tool"
_MOST_NAMES: Final = 5

HostedName = Annotated[str, Field(description="The name of the hosted tool.")]


class HostedRow(BaseModel):
    """One hosted tool."""

    hosted: str = Field(description="Hosted tool name: what name takes in call_hosted_tool.")
    use_instead: str = Field("", description="Tool of this server that does the same.")
    toolset: str = Field("", description="Toolset of that tool.")
    is_on: bool | None = Field(None, description="Whether that tool is offered here.")
    why_off: str = Field("", description="Why it is not offered.")
    effect: Literal["reads", "writes", "may destroy"] = Field(
        description="What it may do: it reads only if its hints say so without doubt."
    )


class HostedList(ListReply):
    """Hosted tools."""

    narrow: ClassVar[str] = "Call list_hosted_tools with name."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "tools": rows(
            "What their authors say of the callable ones.",
            hosted=text("Name of the hosted tool."),
            description=text("What it does, in the words of its author."),
        ),
        "description": text("What it does, in the words of its author."),
        "schema": text("JSON Schema of its arguments."),
    }
    tools: Sequence[HostedRow] = Field(description="Callable ones first: one row for each hosted tool.")
    page: int | None = Field(None, description="Page of schema: the one that is in untrusted.")
    pages: int | None = Field(None, description="Its pages: how many there are.")


class HostedAnswer(Reply):
    """What a hosted tool answered."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "text": text("Text that it returned."),
        "data": text("Structured result that it returned."),
    }
    suggests_calls: ClassVar[bool] = False
    hosted: str = Field(description="Hosted tool name: what name takes in call_hosted_tool.")


@toolset.tool("List hosted tools", Hints(open_world=True))
async def list_hosted_tools(
    call: Call,
    name: Annotated[str, Field(description="One hosted tool, to see its argument schema. Default: all.")] = "",
    page: PageNumber = 1,
) -> HostedList:
    """List the tools of Mogplex's hosted endpoint and, for each, the tool here that does the same.

    Use it when no tool here does what the user wants. Costs one request.
    """
    if name:
        return _one(call, await hosted.get_hosted_tool(call, name=name), page)
    return _all(call, await hosted.list_hosted_tools(call))


@toolset.tool("Call a hosted tool", Hints(reads_only=False, destructive=True, idempotent=False, open_world=True))
async def call_hosted_tool(
    call: Call,
    name: HostedName,
    arguments: Annotated[
        JsonObject,
        Field(description='Its arguments: a JSON object as text, such as {"query": "web"}. Default: none.'),
    ] = _NOTHING,
) -> HostedAnswer:
    """Call a hosted tool that no tool here replaces. The user is asked first, unless it only reads.

    Costs two requests, and what the tool itself costs. list_hosted_tools shows its arguments.
    """
    answer = await hosted.call_hosted_tool(
        call,
        name=name,
        arguments=arguments,
        equivalents=hosted_equivalents(),
        absence=lambda tool: _absence(call, tool),
    )
    data = json.dumps(answer.structured, ensure_ascii=False) if answer.structured else ""
    shown = clean(data, _ANSWER_CHARACTERS)
    return HostedAnswer(
        summary=f"{sanitize_word(name)} answered.",
        hosted=sanitize_word(name),
        notes=[f"The data were cut: they have {len(data)} characters."] if len(data) > _ANSWER_CHARACTERS else [],
        untrusted={"text": clean(answer.text, 1_000), "data": shown},
    )


def _all(call: Call, listed: Mapping[str, HostedTool]) -> HostedList:
    # What can be called through here comes first: a long list loses its end.
    tools = sorted(listed.values(), key=lambda tool: tool.name in hosted_equivalents())
    own = [tool for tool in tools if tool.name not in hosted_equivalents()]
    return HostedList(
        summary=_callable(call, own, len(tools)),
        tools=[_row(call, tool) for tool in tools],
        untrusted={"tools": [_described(tool) for tool in own]} if own else {},
    )


def _callable(call: Call, own: Sequence[HostedTool], count: int) -> str:
    """Return first of all whether a hosted tool can be called at all, and which."""
    if not own:
        return f"Nothing to call: each of the {count} hosted tools has an equivalent here, which does the same."
    names = ", ".join(sanitize_word(tool.name) for tool in own[:_MOST_NAMES])
    more = f" and {len(own) - _MOST_NAMES} more" if len(own) > _MOST_NAMES else ""
    how = "can be called" if _CALLS in call.offered else f"have no equivalent here, but {_CALLS} is not offered"
    return f"{len(own)} of {count} hosted tools {how}: {names}{more}. For the others, use the equivalent."


def _described(tool: HostedTool) -> dict[str, str]:
    return {"hosted": sanitize_word(tool.name), "description": clean_line(tool.description, 200)}


def _one(call: Call, tool: HostedTool, page: int) -> HostedList:
    schema = json.dumps(tool.input_schema, ensure_ascii=False)
    shown = page_of(clean(schema, len(schema)), page)
    row, equivalent = _row(call, tool), hosted_equivalents().get(tool.name, "")
    steps = []
    if page < shown.count:
        arguments = {"name": row.hosted, "page": page + 1}
        steps.append(NextStep(tool="list_hosted_tools", arguments=arguments, why="the rest of its schema"))
    elif equivalent:
        steps.append(NextStep(tool=equivalent, why="use this one"))
    else:
        steps.append(NextStep(tool="call_hosted_tool", arguments={"name": row.hosted}, why="call it; add arguments"))
    return HostedList(
        summary=f"The hosted tool {row.hosted}.",
        tools=[row],
        page=shown.number if shown.count > 1 else None,
        pages=shown.count if shown.count > 1 else None,
        untrusted={"description": clean_line(tool.description, 1_000), "schema": shown.text},
        next_steps=steps,
    )


def _row(call: Call, tool: HostedTool) -> HostedRow:
    effect = "reads" if hosted.only_reads(tool) else "may destroy" if tool.destructive is True else "writes"
    row = HostedRow(hosted=sanitize_word(tool.name), effect=effect)
    if not (instead := hosted_equivalents().get(tool.name, "")):
        return row
    absence = _absence(call, instead).lstrip(": ")
    found = {"use_instead": instead, "toolset": _toolset_of(instead)[0].name, "is_on": not absence}
    return row.model_copy(update={**found, "why_off": absence})


def _toolset_of(name: str) -> tuple[Toolset, Tool]:
    from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - the catalog imports this module

    return next((one, tool) for one in TOOLSETS for tool in one.tools if tool.name == name)


def _absence(call: Call, name: str) -> str:
    """Return why a tool of this server is not offered, as the end of a sentence; "" if it is."""
    if name in call.offered:
        return ""
    if name in call.settings.exclude_tools:
        return " by its user's choice"
    toolset, tool = _toolset_of(name)
    if call.settings.read_only and not tool.hints.reads_only:
        return " since this server is read-only"
    return f": it is in the toolset {toolset.name}, {'not selected' if toolset.by_default else 'off by default'}"
