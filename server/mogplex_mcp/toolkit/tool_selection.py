"""Selection of tools by the headers of an HTTP request. They can only remove tools that the operator offers.

The names of the headers are those of GitHub's MCP server, so that configurations look alike.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from mogplex_mcp.toolkit.toolset import Tool, Toolset, select

TOOLSETS_HEADER: Final = "x-mcp-toolsets"
TOOLS_HEADER: Final = "x-mcp-tools"
EXCLUDE_HEADER: Final = "x-mcp-exclude-tools"
READ_ONLY_HEADER: Final = "x-mcp-readonly"

_HEADERS: Final = (TOOLSETS_HEADER, TOOLS_HEADER, EXCLUDE_HEADER, READ_ONLY_HEADER)
_CACHED_SELECTIONS: Final = 64


class ToolSelection:
    """The tools that a caller selects among those that the operator offers.

    Args:
        toolsets: All toolsets.
        offered: The tools that the operator offers.
    """

    def __init__(self, toolsets: Sequence[Toolset], offered: Sequence[Tool]) -> None:
        self._toolsets = toolsets
        self._offered = {tool.name: tool for tool in offered}
        self._selected = lru_cache(_CACHED_SELECTIONS)(self._select)

    def tools(self, headers: Mapping[str, str] | None) -> Mapping[str, Tool]:
        """Return the tools of a request by name; all that are offered if it selects none.

        Args:
            headers: The headers of the request, with names in lower case; None on stdio.

        Raises:
            ValueError: A header names a tool or toolset that does not exist; the message names the nearest.
        """
        selection = tuple(headers.get(name, "").strip() for name in _HEADERS) if headers else ()
        return self._selected(*selection) if any(selection) else self._offered

    def _select(self, toolsets: str, tools: str, excluded: str, read_only: str) -> Mapping[str, Tool]:
        selected = select(
            self._toolsets,
            wanted_toolsets=toolsets.split(",") if toolsets or tools else ["all"],
            wanted_tools=tools.split(","),
            excluded_tools=excluded.split(","),
            # Anything but a clear no counts as yes: that costs a tool at worst, the opposite could cost data.
            read_only=read_only.lower() not in ("", "0", "false", "no", "off"),
        )
        return {tool.name: self._offered[tool.name] for tool in selected if tool.name in self._offered}
