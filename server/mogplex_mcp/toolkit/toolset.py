"""The declaration of tools and toolsets, and the selection of tools by the user's settings.

A tool is one function: its name, docstring and parameters make the definition that clients see, its annotated reply
makes the output schema.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar, get_type_hints

import mcp_types
from pydantic import BaseModel, ConfigDict, create_model

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.toolkit.arguments import input_schema, nearest

ToolFunction = Callable[..., Awaitable[Reply]]
_FunctionT = TypeVar("_FunctionT", bound=ToolFunction)
# Whether it writes depends on what it calls; in read-only mode it calls nothing that writes.
_READS_OR_WRITES: Final = "call_hosted_tool"


@dataclass(frozen=True)
class Hints:
    """The annotations of a tool (MCP specification, "Tool annotations").

    Attributes:
        reads_only: It changes nothing on Mogplex.
        destructive: It may change or remove what exists.
        idempotent: Calling it again with the same arguments changes nothing more.
        open_world: Its result contains text that agents or strangers wrote.
    """

    reads_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False


@dataclass(frozen=True)
class Tool:
    """One tool: its definition for clients, and the function that runs.

    Attributes:
        name: `verb_noun`, at most 30 characters.
        title: The name for people.
        toolset: The name of the toolset that it belongs to.
        description: The description for models.
        hints: Its annotations.
        function: The function that runs.
        needs_token: Whether it is of no use without a token.
        default_repo: The repository of a call that needs one and names none; "" where it has to name one.
    """

    name: str
    title: str
    toolset: str
    description: str
    hints: Hints
    function: ToolFunction
    needs_token: bool = True
    default_repo: str = ""

    # A process calls only a few of the tools: what a call needs is built at the first one.
    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model of its arguments, without the `Call`."""
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
        """The model of its result."""
        answered: type[Reply] = get_type_hints(self.function)["return"]
        return answered

    @cached_property
    def definition(self) -> mcp_types.Tool:
        """Its entry in `tools/list`."""
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
    """Tools that belong together and are switched on and off together."""

    name: str
    description: str
    by_default: bool = True
    tools: list[Tool] = field(default_factory=list)

    def tool(self, title: str, hints: Hints, *, needs_token: bool = True) -> Callable[[_FunctionT], _FunctionT]:
        """Declare a function as a tool. Its first parameter is the `Call`, the others are the tool's arguments."""

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


def adapt_toolsets(toolsets: Sequence[Toolset], settings: Settings) -> list[Toolset]:
    """Return the toolsets for these settings: with the default repository, and annotations for read-only mode."""
    return [replace(one, tools=[_adapt(tool, settings) for tool in one.tools]) for one in toolsets]


def _adapt(tool: Tool, settings: Settings) -> Tool:
    tool = replace(tool, default_repo=settings.default_repo)
    if settings.read_only and tool.name == _READS_OR_WRITES:
        tool = replace(tool, hints=replace(tool.hints, reads_only=True))
    return tool


def needs_write(tool: Tool) -> bool:
    """Return whether every call of a tool needs a token with the scope `write`."""
    return not tool.hints.reads_only and tool.name != _READS_OR_WRITES


def select(
    toolsets: Sequence[Toolset],
    *,
    wanted_toolsets: Iterable[str] = (),
    wanted_tools: Iterable[str] = (),
    excluded_tools: Iterable[str] = (),
    read_only: bool = False,
) -> list[Tool]:
    """Return the tools that the user has selected, in a fixed order.

    Args:
        toolsets: All toolsets.
        wanted_toolsets: Names; none means those that are on by default; "all" means all.
        wanted_tools: Tools in addition to these; without toolsets, only these tools.
        excluded_tools: Tools that are never selected, whatever else is set.
        read_only: Select no tool that writes, whatever else is set.

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
