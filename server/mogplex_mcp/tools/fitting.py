"""Tools made to fit what the user chose, before it is decided which of them are offered."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Final

from pydantic import create_model

from mogplex_mcp.settings import Settings
from mogplex_mcp.tools.toolset import Tool, Toolset

# Whether this one writes depends on what it calls, and in read-only mode it calls nothing that does.
_READS_OR_WRITES: Final = "call_hosted_tool"


def fitted(toolsets: Sequence[Toolset], settings: Settings) -> list[Toolset]:
    """The same toolsets for these settings: with the default repository, and hints that are right in read-only mode."""
    return [replace(one, tools=[_fitted(tool, settings) for tool in one.tools]) for one in toolsets]


def needs_write(tool: Tool) -> bool:
    """Whether every call of a tool needs a token with the scope `write`."""
    return not tool.hints.reads_only and tool.name != _READS_OR_WRITES


def _fitted(tool: Tool, settings: Settings) -> Tool:
    repo = tool.arguments.model_fields.get("repo")
    if settings.default_repo and repo is not None and repo.is_required():
        optional = copy(repo)
        optional.default = settings.default_repo
        fields: dict[str, Any] = {"repo": (repo.annotation, optional)}
        tool = replace(tool, arguments=create_model(tool.name, __base__=tool.arguments, **fields))
    if settings.read_only and tool.name == _READS_OR_WRITES:
        tool = replace(tool, hints=replace(tool.hints, reads_only=True))
    return tool
