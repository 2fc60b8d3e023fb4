"""Tools made to fit what the user chose, before it is decided which of them are offered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.toolkit.toolset import Tool, Toolset

# Whether this one writes depends on what it calls, and in read-only mode it calls nothing that does.
_READS_OR_WRITES: Final = "call_hosted_tool"


def fitted(toolsets: Sequence[Toolset], settings: Settings) -> list[Toolset]:
    """The same toolsets for these settings: with the default repository, and hints that are right in read-only mode."""
    return [replace(one, tools=[_fitted(tool, settings) for tool in one.tools]) for one in toolsets]


def needs_write(tool: Tool) -> bool:
    """Whether every call of a tool needs a token with the scope `write`."""
    return not tool.hints.reads_only and tool.name != _READS_OR_WRITES


def _fitted(tool: Tool, settings: Settings) -> Tool:
    tool = replace(tool, default_repo=settings.default_repo)
    if settings.read_only and tool.name == _READS_OR_WRITES:
        tool = replace(tool, hints=replace(tool.hints, reads_only=True))
    return tool
