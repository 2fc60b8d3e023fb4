"""`mogplex-mcp call`: call any tool by name, with the reply that a model would read."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio

from mogplex_mcp import __version__
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.input import read_value
from mogplex_mcp.cli.terminal.messages import CommandError, as_tool_arguments
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.render import to_text
from mogplex_mcp.tenants.call_timeouts import client_key
from mogplex_mcp.toolkit.arguments import unknown_name
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.dispatch import call_tool as dispatch
from mogplex_mcp.toolkit.tool_selection import select
from mogplex_mcp.toolkit.toolset import Tool, adapt_toolsets, needs_write
from mogplex_mcp.tools.catalog import TOOLSETS

_CLIENT = "mogplex-mcp-terminal"


@in_terminal
async def call_tool(session: Session, given: Namespace) -> int:
    """Call a tool, describe it, or list all tools."""
    tools = _tools(session)
    if not given.tool:
        _list(session, tools)
        return ExitCode.OK
    tool = tools.get(given.tool)
    for excluded in (one for toolset in TOOLSETS for one in toolset.tools if tool is None and one.name == given.tool):
        session.check_allowed(excluded.name, changes=needs_write(excluded))
    if tool is None:
        for other in (other for toolset in TOOLSETS for other in toolset.tools if other.name == given.tool):
            session.check_allowed(other.name, changes=not other.hints.reads_only)
        raise CommandError(
            "Nothing was done.",
            unknown_name("tool", given.tool, list(tools)),
            "`mogplex-mcp call` lists the tools.",
            "unknown_tool",
        )
    if given.describe:
        _describe(session, tool)
        return ExitCode.OK
    try:
        reply = await _call(session, tool, await _arguments(session, given.arguments), frozenset(tools))
    except CommandError as error:
        if error.code == ErrorCode.INVALID_ARGUMENT:
            error.advice += "\n" + "\n".join(_argument_lines(tool))
        raise
    if session.output.as_json:
        session.output.record(reply.structured())
    else:
        session.output.line(to_text(reply.structured(), now=session.now))
    return ExitCode.OK


def _tools(session: Session) -> Mapping[str, Tool]:
    """Return the tools of all toolsets, except those the settings exclude."""
    offered = select(
        adapt_toolsets(TOOLSETS, session.settings),
        wanted_toolsets=["all"],
        excluded_tools=session.settings.exclude_tools,
        read_only=session.settings.read_only,
    )
    return {tool.name: tool for tool in offered}


async def _call(session: Session, tool: Tool, arguments: Mapping[str, str], offered: frozenset[str]) -> Reply:
    async def perform(context: OperationContext) -> Reply:
        call = Call(
            tenant=context.tenant,
            settings=replace(context.settings, max_wait=context.wait_cap),
            arrived=anyio.current_time(),
            clock=context.clock,
            consent=context.consent,
            shutdown=context.shutdown,
            client=_CLIENT,
            version=__version__,
            learnt_as=client_key(_CLIENT, __version__),
            learnt=session.services.learnt,
            offered=offered,
            warnings=session.services.warnings,
        )
        return await dispatch(tool, arguments, call)

    return await session.perform(
        tool.name,
        perform,
        changes=needs_write(tool),
        repeatable=tool.hints.idempotent,
        needs_token=tool.needs_token,
        speller=as_tool_arguments,
    )


async def _arguments(session: Session, given: Sequence[str]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals:
            raise CommandError.usage(f"{argument!r} isn't an argument of a tool.", "Write key=value, such as limit=5.")
        if name in arguments:
            raise CommandError.usage(f"{name} is given twice.", "Give it once; write a list as JSON.")
        arguments[name] = await read_value(value, session.shutdown)
    return arguments


def _list(session: Session, tools: Mapping[str, Tool]) -> None:
    if session.output.as_json:
        for tool in tools.values():
            session.output.record(tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True))
        return
    rows = [(tool.name, tool.toolset, tool.title) for tool in tools.values()]
    session.output.table(("tool", "toolset", "description"), rows)
    say("`mogplex-mcp call TOOL --describe` shows the arguments of a tool.")


def _describe(session: Session, tool: Tool) -> None:
    if session.output.as_json:
        session.output.record(tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True))
        return
    session.output.line(f"{tool.name}: {tool.description}")
    for line in _argument_lines(tool):
        session.output.line(line)


def _argument_lines(tool: Tool) -> list[str]:
    input_schema = tool.definition.input_schema
    properties: dict[str, dict[str, Any]] = input_schema["properties"]
    width = max(map(len, properties), default=0)
    required = input_schema.get("required", ())
    return [
        f"  {name:<{width}}  {_type(schema)}{', required' if name in required else ''}"
        f"{': ' if 'description' in schema else ''}{schema.get('description', '')}"
        for name, schema in properties.items()
    ]


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return str(schema.get("type", "anything"))
