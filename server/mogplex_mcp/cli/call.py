"""`mogplex-mcp call`: any tool, by its name."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.refusal import Refusal
from mogplex_mcp.cli.terminal.values import read_value
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.reply.render import to_text
from mogplex_mcp.toolkit.arguments import nearest
from mogplex_mcp.toolkit.toolset import Tool


@in_terminal
async def call_tool(session: Session, given: Namespace) -> int:
    """Call a tool, or show what there is."""
    if not given.tool:
        _list(session)
        return ExitCode.OK
    tool = session.caller.tools.get(given.tool)
    if tool is None:
        raise Refusal(
            "Nothing was done.",
            nearest("tool", given.tool, list(session.caller.tools)),
            "`mogplex-mcp call` lists the tools.",
            "unknown_tool",
        )
    if given.describe:
        _describe(session, tool)
        return ExitCode.OK
    try:
        reply = await session.caller.call(tool.name, await _arguments(session, given.arguments))
    except Refusal as refusal:
        if refusal.code == "invalid_argument":
            refusal.following += "\n" + "\n".join(_argument_lines(tool))
        raise
    if session.output.as_json:
        session.output.record(reply.structured())
    else:
        session.output.line(to_text(reply.structured()))
    return ExitCode.OK


async def _arguments(session: Session, given: Sequence[str]) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Refusal.usage(f"{one!r} is no argument of a tool.", "Write key=value, such as limit=5.")
        if name in arguments:
            raise Refusal.usage(f"{name} is given twice.", "Give it once; write a list as JSON.")
        arguments[name] = await read_value(value, session.caller.shutdown)
    return arguments


def _list(session: Session) -> None:
    tools = session.caller.tools.values()
    if session.output.as_json:
        for tool in tools:
            session.output.record(tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True))
        return
    session.output.table(("tool", "toolset", "what it does"), [(tool.name, tool.toolset, tool.title) for tool in tools])
    say("`mogplex-mcp call TOOL --describe` tells what a tool takes.")


def _describe(session: Session, tool: Tool) -> None:
    if session.output.as_json:
        session.output.record(tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True))
        return
    session.output.line(f"{tool.name}: {tool.description}")
    for line in _argument_lines(tool):
        session.output.line(line)


def _argument_lines(tool: Tool) -> list[str]:
    schema = tool.definition.input_schema
    properties: dict[str, dict[str, Any]] = schema["properties"]
    width = max(map(len, properties), default=0)
    required = schema.get("required", ())
    return [
        f"  {name:<{width}}  {_kind(one)}{', needed' if name in required else _default(one)}"
        f"{': ' if 'description' in one else ''}{one.get('description', '')}"
        for name, one in properties.items()
    ]


def _kind(argument: dict[str, Any]) -> str:
    if "enum" in argument:
        return " | ".join(map(str, argument["enum"]))
    return str(argument.get("type", "anything"))


def _default(argument: dict[str, Any]) -> str:
    default = argument.get("default")
    return "" if default in (None, "") else f" (default: {str(default).lower() if default is True else default})"
