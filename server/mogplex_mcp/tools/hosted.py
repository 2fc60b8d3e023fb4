"""Tools of Mogplex's hosted endpoint beyond ours. Their descriptions and results are text of others."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.api.hosted import HostedTool
from mogplex_mcp.operations import hosted
from mogplex_mcp.reply.model import ListReply, NextStep, Reply
from mogplex_mcp.reply.schema import rows, text
from mogplex_mcp.reply.untrusted import clean, clean_line, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.hosted_equivalents import hosted_equivalents
from mogplex_mcp.tools.pages import page_of

toolset = Toolset("hosted", "What Mogplex's hosted endpoint offers beyond these tools.")

_ANSWER_CHARACTERS: Final = 5_500
_NOTHING: Final[dict[str, Any]] = {}

HostedName = Annotated[str, Field(description="From list_hosted_tools.")]


class HostedRow(BaseModel):
    """One hosted tool."""

    hosted: str = Field(description="Its name.")
    use_instead: str = Field("", description="Tool of ours.")
    effect: str = Field(description="What it may do.")


class HostedList(ListReply):
    """Hosted tools."""

    narrow: ClassVar[str] = "Call list_hosted_tools with name."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "tools": rows("Callable ones.", hosted=text("Its name."), description=text("What it does.")),
        "description": text("What it does."),
        "schema": text("Its arguments."),
    }
    tools: Sequence[HostedRow] = Field(description="Callable ones first.")
    page: str = Field("", description="Page of schema.")


class HostedAnswer(Reply):
    """What a hosted tool answered."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {"text": text("Its text."), "data": text("Its JSON.")}
    suggests_calls: ClassVar[bool] = False
    hosted: str = Field(description="Its name.")


@toolset.tool("List hosted tools", Hints(open_world=True))
async def list_hosted_tools(
    call: Call,
    name: Annotated[str, Field(description="One tool: shows its argument schema.")] = "",
    page: Annotated[int, Field(ge=1, le=10_000)] = 1,
) -> HostedList:
    """List what Mogplex's hosted endpoint offers, and which tool here to use instead.

    Those without one can be called with call_hosted_tool.
    """
    if name:
        return _one(call, await hosted.get_hosted_tool(call, name=name), page)
    return _all(call, await hosted.list_hosted_tools(call))


@toolset.tool("Call a hosted tool", Hints(reads_only=False, destructive=True, idempotent=False, open_world=True))
async def call_hosted_tool(
    call: Call, name: HostedName, arguments: Annotated[dict[str, Any], Field(description="Its own.")] = _NOTHING
) -> HostedAnswer:
    """Call a hosted tool that has no equivalent here. Look up its arguments with list_hosted_tools first.

    The user is asked first, unless it only reads.
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
        summary=f"{len(tools)} hosted tools; {len(own) or 'none'} of them can be called with call_hosted_tool; for "
        "the others, use the tool named next to them.",
        tools=[_row(call, tool) for tool in tools],
        untrusted={"tools": [_described(tool) for tool in own]} if own else {},
    )


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
        page=shown.place if shown.count > 1 else "",
        untrusted={"description": clean_line(tool.description, 1_000), "schema": shown.text},
        next_steps=steps,
    )


def _row(call: Call, tool: HostedTool) -> HostedRow:
    effect = "reads" if hosted.only_reads(tool) else "may destroy" if tool.destructive is True else "writes"
    instead = hosted_equivalents().get(tool.name, "")
    if absence := _absence(call, instead) if instead else "":
        instead += f" (not offered{absence})"
    return HostedRow(hosted=sanitize_word(tool.name), use_instead=instead, effect=effect)


def _absence(call: Call, name: str) -> str:
    """Return why a tool of this server is not offered, as the end of a sentence; "" if it is."""
    from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - the catalog imports this module

    if name in call.offered:
        return ""
    if name in call.settings.exclude_tools:
        return " by its user's choice"
    toolset, tool = next((one, tool) for one in TOOLSETS for tool in one.tools if tool.name == name)
    if call.settings.read_only and not tool.hints.reads_only:
        return " since this server is read-only"
    return f": it is in the toolset {toolset.name}, {'not selected' if toolset.by_default else 'off by default'}"
