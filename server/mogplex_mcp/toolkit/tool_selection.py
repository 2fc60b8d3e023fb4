"""Fewer tools for one caller over HTTP, by headers of the request. They take away; nothing that they say adds a tool.

The names of the headers are those of GitHub's MCP server, so that configurations can say the same in the same words.
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
_REMEMBERED: Final = 64


class ToolSelection:
    """The tools that a caller leaves itself, of those that the operator offers.

    Args:
        toolsets: All there are.
        offered: What the operator offers.
    """

    def __init__(self, toolsets: Sequence[Toolset], offered: Sequence[Tool]) -> None:
        self._toolsets = toolsets
        self._offered = {tool.name: tool for tool in offered}
        self._chosen = lru_cache(_REMEMBERED)(self._choose)

    def tools(self, headers: Mapping[str, str] | None) -> Mapping[str, Tool]:
        """The tools of a request by name; all that are offered where it says nothing.

        Args:
            headers: Those of the request, their names in lower case; None where there are none.

        Raises:
            ValueError: A header names a tool or toolset that does not exist; the message names the nearest.
        """
        said = tuple(headers.get(name, "").strip() for name in _HEADERS) if headers else ()
        return self._chosen(*said) if any(said) else self._offered

    def _choose(self, toolsets: str, tools: str, excluded: str, read_only: str) -> Mapping[str, Tool]:
        left = select(
            self._toolsets,
            wanted_toolsets=toolsets.split(",") if toolsets or tools else ["all"],
            wanted_tools=tools.split(","),
            excluded_tools=excluded.split(","),
            # Whatever is written there that is not a clear no: the careful reading costs a tool, the other a surprise.
            read_only=read_only.lower() not in ("", "0", "false", "no", "off"),
        )
        return {tool.name: self._offered[tool.name] for tool in left if tool.name in self._offered}
