"""How a tool is declared, and which tools a user's choice lets through.

A tool is one function: its name, docstring and parameters make the definition that clients see, its annotated reply
makes the output schema.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

import mcp_types
from pydantic import BaseModel, ConfigDict, create_model

from mogplex_mcp.config.settings import SettingsError
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.toolkit.arguments import input_schema, nearest

ToolFunction = Callable[..., Awaitable[Reply]]
_FunctionT = TypeVar("_FunctionT", bound=ToolFunction)


@dataclass(frozen=True)
class Hints:
    """What a client may know before it calls a tool (MCP specification, "Tool annotations").

    Attributes:
        reads_only: It changes nothing on Mogplex.
        destructive: It may change or remove what exists.
        idempotent: Calling it again with the same arguments changes nothing more.
        open_world: Its answer holds text that agents or strangers wrote.
    """

    reads_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False


@dataclass(frozen=True)
class Tool:
    """One tool: what clients are told of it and what runs.

    Attributes:
        name: `verb_noun`, at most 30 characters.
        title: What people see.
        toolset: The name of the toolset that it belongs to.
        description: What models see.
        hints: What clients may know before a call.
        function: What runs.
        needs_token: Whether it can do nothing at all without a token.
        default_repo: What is meant where a call needs a repository and names none; "" where it has to name one.
    """

    name: str
    title: str
    toolset: str
    description: str
    hints: Hints
    function: ToolFunction
    needs_token: bool = True
    default_repo: str = ""

    # Of all tools, a process calls a few: what only a call needs is made at the first one.
    @cached_property
    def arguments(self) -> type[BaseModel]:
        """What it takes beside the `Call`."""
        types = get_type_hints(self.function, include_extras=True)
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        fields: dict[str, Any] = {
            one.name: (types[one.name], ... if one.default is inspect.Parameter.empty else one.default)
            for one in parameters
        }
        if self.default_repo and (repo := fields.get("repo")) and repo[1] is ...:
            fields["repo"] = repo[0], self.default_repo
        return create_model(self.name, __config__=ConfigDict(extra="forbid", defer_build=True), **fields)

    @cached_property
    def reply(self) -> type[Reply]:
        """What it answers."""
        answered: type[Reply] = get_type_hints(self.function)["return"]
        return answered

    @cached_property
    def definition(self) -> mcp_types.Tool:
        """What `tools/list` says of this tool."""
        return mcp_types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=self.reply.output_schema(),
            annotations=mcp_types.ToolAnnotations(
                read_only_hint=self.hints.reads_only,
                destructive_hint=None if self.hints.reads_only else self.hints.destructive,
                idempotent_hint=None if self.hints.reads_only else self.hints.idempotent,
                open_world_hint=self.hints.open_world,
            ),
        )


@dataclass(frozen=True)
class Toolset:
    """Tools that belong together and are switched together."""

    name: str
    description: str
    by_default: bool = True
    tools: list[Tool] = field(default_factory=list)

    def tool(self, title: str, hints: Hints, *, needs_token: bool = True) -> Callable[[_FunctionT], _FunctionT]:
        """Declare a function to be a tool. Its first parameter is the `Call`, the others are the tool's arguments."""

        def declare(function: _FunctionT) -> _FunctionT:
            self.tools.append(
                Tool(
                    name=function.__name__,
                    title=title,
                    toolset=self.name,
                    description=" ".join((inspect.getdoc(function) or "").split()),
                    hints=hints,
                    function=function,
                    needs_token=needs_token,
                )
            )
            return function

        return declare


def select(
    toolsets: Sequence[Toolset],
    *,
    wanted_toolsets: Iterable[str] = (),
    wanted_tools: Iterable[str] = (),
    excluded_tools: Iterable[str] = (),
    read_only: bool = False,
) -> list[Tool]:
    """The tools that the user's choice lets through, in a fixed order.

    Args:
        toolsets: All there are.
        wanted_toolsets: Names; none means those that are on by default; "all" means all.
        wanted_tools: Tools beside these. Alone, without toolsets, they are all there is.
        excluded_tools: Never these, whatever else is said.
        read_only: Nothing that writes, whatever else is said.

    Raises:
        SettingsError: A name is unknown; the message names the nearest ones.
    """
    toolset_names = _known("toolset", wanted_toolsets, ["all", *(one.name for one in toolsets)])
    every = [tool for toolset in toolsets for tool in toolset.tools]
    names = [tool.name for tool in every]
    tool_names = _known("tool", wanted_tools, names)
    excluded = _known("tool", excluded_tools, names)
    if "all" in toolset_names:
        chosen = {one.name for one in toolsets}
    elif toolset_names or tool_names:
        chosen = toolset_names
    else:
        chosen = {one.name for one in toolsets if one.by_default}
    return [
        tool
        for tool in every
        if (tool.toolset in chosen or tool.name in tool_names)
        and tool.name not in excluded
        and (tool.hints.reads_only or not read_only)
    ]


def _known(kind: str, names: Iterable[str], known: Sequence[str]) -> set[str]:
    found = {name.strip() for name in names if name.strip()}
    for name in sorted(found - set(known)):
        raise SettingsError(nearest(kind, name, known))
    return found
