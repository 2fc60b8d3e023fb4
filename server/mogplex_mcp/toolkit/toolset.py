"""The declaration of tools and toolsets, and how large a list of them is.

A tool is one function: its name, docstring and parameters make the definition that clients see, its annotated reply
makes the output schema.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_type_hints

import mcp_types
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.toolkit.arguments import input_schema

ToolFunction = Callable[..., Awaitable[Reply]]
_FunctionT = TypeVar("_FunctionT", bound=ToolFunction)
# Whether it writes depends on what it calls; in read-only mode it calls nothing that writes.
_READS_OR_WRITES: Final = "call_hosted_tool"
# Claude Code shows only the names of tools until a model searches for them, except of tools with this mark.
_ALWAYS_LOAD: Final = "anthropic/alwaysLoad"
_SENTENCE_END: Final = re.compile(r"(?<=[.!?]) ")
_WORD: Final = re.compile(r"\w+")
_CHARACTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True)
class OtherRepo:
    """Marks the argument `repo` of a tool that need not be named one.

    Attributes:
        default: Which repository is meant then, if there is one.
    """

    default: str


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
        always_load: Whether a client that loads definitions on demand is asked to load this one at once.
        card: The URI of the page that shows its results in clients with MCP Apps; "" for none.
        absent: The names of the tools that are not offered with it.
        is_described_whole: Whether its output schema describes inner fields, too.
    """

    name: str
    title: str
    toolset: str
    description: str
    hints: Hints
    function: ToolFunction
    needs_token: bool = True
    default_repo: str = ""
    always_load: bool = False
    card: str = ""
    absent: frozenset[str] = frozenset()
    is_described_whole: bool = False

    # A process calls only a few of the tools: what a call needs is built at the first one.
    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model of its arguments, without the `Call`."""
        types = get_type_hints(self.function, include_extras=True)
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        fields: dict[str, Any] = {}
        for one in parameters:
            default = ... if one.default is inspect.Parameter.empty else one.default
            described = [info.description or "" for info in types[one.name].__metadata__ if isinstance(info, FieldInfo)]
            description = self._without_absent(" ".join(described))
            if self.default_repo and one.name == "repo" and default is ...:
                default = self.default_repo
                description += f" Default: {default}."
            for other in (mark for mark in types[one.name].__metadata__ if isinstance(mark, OtherRepo)):
                description += f" Default: {other.default}, else {self.default_repo or 'it is required'}."
            fields[one.name] = Annotated[types[one.name], Field(description=description)], default
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
            description=self._without_absent(self.description),
            input_schema=input_schema(self.arguments),
            output_schema=self.reply.full_schema() if self.is_described_whole else self.reply.output_schema(),
            annotations=mcp_types.ToolAnnotations(
                read_only_hint=self.hints.reads_only,
                destructive_hint=None if self.hints.reads_only else self.hints.destructive,
                idempotent_hint=None if self.hints.reads_only else self.hints.idempotent,
                open_world_hint=self.hints.open_world,
            ),
            _meta=self._meta,
        )

    @property
    def _meta(self) -> dict[str, Any] | None:
        loading = {_ALWAYS_LOAD: True} if self.always_load else {}
        # MCP Apps (SEP-1865), "Resource Discovery".
        return (loading | ({"ui": {"resourceUri": self.card}} if self.card else {})) or None

    def among(self, offered: Collection[str], every: Iterable[str]) -> "Tool":
        """Return the tool as it is described where only some tools are offered.

        Args:
            offered: The names of the tools that are offered.
            every: The names of all tools.
        """
        return replace(self, absent=frozenset(every).difference(offered))

    def _without_absent(self, text: str) -> str:
        """Return a description without the sentences that name a tool which is not offered."""
        return " ".join(one for one in _SENTENCE_END.split(text) if self.absent.isdisjoint(_WORD.findall(one)))


@dataclass(frozen=True)
class Toolset:
    """Tools that belong together and are switched on and off together."""

    name: str
    description: str
    by_default: bool = True
    tools: list[Tool] = field(default_factory=list)

    def tool(
        self, title: str, hints: Hints, *, needs_token: bool = True, always_load: bool = False, card: str = ""
    ) -> Callable[[_FunctionT], _FunctionT]:
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
                    always_load=always_load,
                    card=card,
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


class ListSize(NamedTuple):
    """The size of `tools/list` in tokens, estimated as four characters each.

    Attributes:
        read: What a model reads: names, descriptions and input schemas.
        message: The whole message, with the output schemas and annotations for programs.
    """

    read: int
    message: int


def list_size(definitions: Iterable[mcp_types.Tool]) -> ListSize:
    """Return the size of a list of tools."""
    tools = list(definitions)
    message = mcp_types.ListToolsResult(tools=tools).model_dump_json(by_alias=True, exclude_none=True)
    read = (
        tool.model_dump_json(by_alias=True, exclude_none=True, include={"name", "description", "input_schema"})
        for tool in tools
    )
    return ListSize(sum(map(len, read)) // _CHARACTERS_PER_TOKEN, len(message) // _CHARACTERS_PER_TOKEN)
