"""What Mogplex's hosted endpoint offers beyond our own tools, also what ships after us. Its words are others' words.

A hosted tool that has a twin here is not called: exclusion, read-only mode, asking first and exactly-once would be gone
around.
"""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.hosted import HostedTool
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean, clean_line, sanitize_name, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.hosted_arguments import check_hosted
from mogplex_mcp.tools.hosted_equivalents import hosted_twins
from mogplex_mcp.tools.pages import page_of

toolset = Toolset("hosted", "What Mogplex's hosted endpoint offers beyond these tools.")

_ANSWER_CHARACTERS: Final = 5_500
_ASKED_CHARACTERS: Final = 1_500
_SECRET_WORDS: Final = ("value", "secret", "token", "password", "key")
_NOTHING: Final[dict[str, Any]] = {}

HostedName = Annotated[str, Field(description="From list_hosted_tools.")]


class HostedRow(BaseModel):
    """One hosted tool."""

    hosted: str
    use_instead: str = ""
    effect: str


class HostedList(Reply):
    """Hosted tools."""

    narrow: ClassVar[str] = "Call list_hosted_tools with name."
    tools: Sequence[HostedRow] = ()
    page: str = ""


class HostedAnswer(Reply):
    """What a hosted tool answered."""

    hosted: str


@toolset.tool("List hosted tools", Hints(open_world=True))
async def list_hosted_tools(
    call: Call,
    name: Annotated[str, Field(description="One tool: shows its argument schema.")] = "",
    page: Annotated[int, Field(ge=1, le=10_000)] = 1,
) -> HostedList:
    """List what Mogplex's hosted endpoint offers, and which tool here to use instead.

    Those without one can be called with call_hosted_tool.
    """
    listed = await call.tenant.hosted.listed()
    return _one(_known(listed, name), page) if name else _all(listed)


@toolset.tool("Call a hosted tool", Hints(reads_only=False, destructive=True, idempotent=False, open_world=True))
async def call_hosted_tool(
    call: Call, name: HostedName, arguments: Annotated[dict[str, Any], Field(description="Its own.")] = _NOTHING
) -> HostedAnswer:
    """Call a hosted tool that has no twin here. Look up its arguments with list_hosted_tools first.

    The user is asked first, unless it only reads.
    """
    if twin := hosted_twins().get(name):
        offered = "" if twin in call.offered else ", which this server does not offer by its user's choice"
        raise InvalidArgumentError(f"{name} is {twin} here{offered}; hosted tools with a twin are not called this way")
    tool = _known(await call.tenant.hosted.listed(), name)
    check_hosted(tool, arguments)
    writes = tool.read_only is not True
    if writes:
        if call.settings.read_only:
            raise InvalidArgumentError(f"{name} may write, and this server is read-only by its user's choice")
        call.tenant.scopes.check_write()
        # Without a hint, the worst is assumed (MCP specification, "Tool annotations").
        if tool.destructive is not False:
            call.consent.require(_question(name, arguments))
    return await _answer(call, tool, arguments, writes=writes)


async def _answer(call: Call, tool: HostedTool, arguments: Mapping[str, Any], *, writes: bool) -> HostedAnswer:
    hosted = call.tenant.hosted
    try:
        answer = await hosted.endpoint.call_tool(tool.name, arguments, timeout=max(1.0, call.remaining - 0.5))
    except MogplexError as error:
        if writes and error.code is ErrorCode.FORBIDDEN:
            call.tenant.scopes.refused(error)
        if error.code is ErrorCode.BAD_REQUEST and (changed := await _changed(call, tool)):
            raise MogplexError(ErrorCode.CONFLICT, changed, may_have_happened=error.may_have_happened) from error
        raise
    data = json.dumps(answer.structured, ensure_ascii=False) if answer.structured else ""
    shown = clean(data, _ANSWER_CHARACTERS)
    return HostedAnswer(
        summary=f"{sanitize_word(tool.name)} answered.",
        hosted=sanitize_word(tool.name),
        notes=[f"The data were cut: they have {len(data)} characters."] if len(data) > _ANSWER_CHARACTERS else [],
        untrusted={"text": clean(answer.text, 1_000), "data": shown},
    )


async def _changed(call: Call, tool: HostedTool) -> str:
    """What happened to a tool since it was listed, or "" if it is the same."""
    now = (await call.tenant.hosted.listed(anew=True)).get(tool.name)
    if now is None:
        return f"Mogplex no longer has the tool {sanitize_word(tool.name)}; nothing was done. See list_hosted_tools"
    if now.input_schema != tool.input_schema:
        return (
            f"Mogplex changed the arguments of {sanitize_word(tool.name)} since they were looked up; nothing was done. "
            "list_hosted_tools with its name shows them as they are now"
        )
    return ""


def _known(listed: Mapping[str, HostedTool], wanted: str) -> HostedTool:
    if wanted in listed:
        return listed[wanted]
    near = [sanitize_name(one) for one in get_close_matches(wanted, listed, n=3)]
    hint = f"; the nearest are {', '.join(filter(None, near))}" if near else "; list_hosted_tools has the names"
    raise InvalidArgumentError(f'Mogplex has no hosted tool "{clean_line(wanted, 60)}"{hint}')


def _all(listed: Mapping[str, HostedTool]) -> HostedList:
    # What can be called through here comes first: a long list loses its end.
    tools = sorted(listed.values(), key=lambda tool: tool.name in hosted_twins())
    own = [tool for tool in tools if tool.name not in hosted_twins()]
    return HostedList(
        summary=f"{len(tools)} hosted tools; {len(own) or 'none'} of them can be called with call_hosted_tool, for the "
        "others use the tool named beside it.",
        tools=[_row(tool) for tool in tools],
        untrusted={"descriptions": {sanitize_word(tool.name): clean_line(tool.description, 200) for tool in own}}
        if own
        else {},
    )


def _one(tool: HostedTool, page: int) -> HostedList:
    schema = json.dumps(tool.input_schema, ensure_ascii=False)
    shown = page_of(clean(schema, len(schema)), page)
    row = _row(tool)
    steps = []
    if page < shown.count:
        arguments = {"name": row.hosted, "page": page + 1}
        steps.append(NextStep(tool="list_hosted_tools", arguments=arguments, why="the rest of its schema"))
    elif row.use_instead:
        steps.append(NextStep(tool=row.use_instead, why="use this one"))
    else:
        steps.append(NextStep(tool="call_hosted_tool", arguments={"name": row.hosted}, why="call it; add arguments"))
    return HostedList(
        summary=f"The hosted tool {row.hosted}.",
        tools=[row],
        page=shown.place if shown.count > 1 else "",
        untrusted={"description": clean_line(tool.description, 1_000), "schema": shown.text},
        next_steps=steps,
    )


def _row(tool: HostedTool) -> HostedRow:
    effect = "reads" if tool.read_only is True else "may destroy" if tool.destructive is True else "writes"
    return HostedRow(hosted=sanitize_word(tool.name), use_instead=hosted_twins().get(tool.name, ""), effect=effect)


def _question(tool: str, arguments: Mapping[str, Any]) -> str:
    text = json.dumps(_without_secrets(arguments), ensure_ascii=False, indent=1)
    return (
        f'Call the tool "{clean_line(tool, 80)}" of Mogplex, which may change or remove things for good, with these '
        f"arguments?\n{clean(text, _ASKED_CHARACTERS)}"
    )


def _without_secrets(value: Any, *, secret: bool = False) -> Any:
    """The value with lengths in place of what its names say is secret."""
    if isinstance(value, Mapping):
        return {
            key: _without_secrets(inner, secret=any(hint in str(key).casefold() for hint in _SECRET_WORDS))
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(inner, secret=secret) for inner in value]
    return f"({len(value)} characters)" if secret and isinstance(value, str) else value
