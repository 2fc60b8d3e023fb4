"""Selection of tools by the settings, and by the headers of an HTTP request, which can only remove offered tools.

The names of the headers are those of GitHub's MCP server, so that configurations look alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from mogplex_mcp.config.settings import Settings, SettingsError
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.toolkit.arguments import unknown_name
from mogplex_mcp.toolkit.errors import sentence
from mogplex_mcp.toolkit.toolset import Tool, Toolset, adapt_toolsets
from mogplex_mcp.toolkit.unknown_arguments import quoted

TOOLSETS_HEADER: Final = "x-mcp-toolsets"
TOOLS_HEADER: Final = "x-mcp-tools"
EXCLUDE_HEADER: Final = "x-mcp-exclude-tools"
READ_ONLY_HEADER: Final = "x-mcp-readonly"

_HEADERS: Final = (TOOLSETS_HEADER, TOOLS_HEADER, EXCLUDE_HEADER, READ_ONLY_HEADER)
_CACHED_SELECTIONS: Final = 64
_LONGEST_NAME: Final = 60
_MOST_TAKERS: Final = 3


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
    selected = [
        tool
        for tool in every
        if (tool.toolset in chosen or tool.name in tool_names)
        and tool.name not in excluded
        and (tool.hints.reads_only or not read_only)
    ]
    offered = {tool.name for tool in selected}
    # The list by default has to be short; who selects tools gets all that there is to know about them.
    is_chosen = bool(toolset_names or tool_names)
    return [replace(tool.among(offered, names), is_described_whole=is_chosen) for tool in selected]


def _known(kind: str, names: Iterable[str], known: Sequence[str]) -> set[str]:
    found = {name.strip() for name in names if name.strip()}
    for name in sorted(found - set(known)):
        raise SettingsError(unknown_name(kind, name, known))
    return found


def offered_tools(toolsets: Sequence[Toolset], settings: Settings) -> list[Tool]:
    """Return the tools that the settings select, in a fixed order; none if the settings are invalid.

    Raises:
        SettingsError: The settings name tools or toolsets that do not exist; the message names the nearest.
    """
    if settings.refusals:
        return []
    return select(
        adapt_toolsets(toolsets, settings),
        wanted_toolsets=settings.toolsets,
        wanted_tools=settings.tools,
        excluded_tools=settings.exclude_tools,
        read_only=settings.read_only,
    )


class ToolSelection:
    """The tools that a caller selects among those that the operator offers.

    Args:
        toolsets: All toolsets.
        offered: The tools that the operator offers.
    """

    def __init__(self, toolsets: Sequence[Toolset], offered: Sequence[Tool]) -> None:
        self._toolsets = toolsets
        self._all = {tool.name: tool for toolset in toolsets for tool in toolset.tools}
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

    def missing(self, name: str, selected: Mapping[str, Tool], settings: Settings) -> str:
        """Return why a tool can't be called, and what would make it one that can, or which was meant.

        Args:
            name: The name, as the client sent it.
            selected: The tools of the request.
            settings: The settings of the server.
        """
        name = clean_line(name, _LONGEST_NAME)
        tool = self._all.get(name)
        if tool is None:
            if takers := [one.name for one in selected.values() if name in one.definition.input_schema["properties"]]:
                # The nearest tool would be another one: `cancel_run` for `continue_run`.
                return f"There is no tool {quoted(name)}: it is an argument of {' and '.join(takers[:_MOST_TAKERS])}."
            return f"{sentence(unknown_name('tool', name, list(selected)))} tools/list has all of them."
        if name in self._offered:
            return (
                f"The headers of this request leave out {name}: in the client's configuration, {TOOLSETS_HEADER}, "
                f"{TOOLS_HEADER}, {EXCLUDE_HEADER} and {READ_ONLY_HEADER} select the tools."
            )
        if name in settings.exclude_tools:
            return f"{name} is not offered: MOGPLEX_MCP_EXCLUDE_TOOLS excludes it."
        if settings.read_only and not tool.hints.reads_only:
            return f"{name} is not offered: it changes something, and MOGPLEX_MCP_READ_ONLY is set."
        return (
            f"{name} is not offered: it is in the toolset {tool.toolset}, which is off. MOGPLEX_MCP_TOOLSETS (or "
            f"--toolsets) with {tool.toolset} in the configuration of this server switches it on."
        )

    def _select(self, toolsets: str, tools: str, excluded: str, read_only: str) -> Mapping[str, Tool]:
        selected = select(
            self._toolsets,
            wanted_toolsets=toolsets.split(",") if toolsets or tools else ["all"],
            wanted_tools=tools.split(","),
            excluded_tools=excluded.split(","),
            # Anything but a clear no counts as yes: that costs a tool at worst, the opposite could cost data.
            read_only=read_only.lower() not in ("", "0", "false", "no", "off"),
        )
        names = {tool.name for tool in selected} & self._offered.keys()
        return {name: tool.among(names, self._all) for name, tool in self._offered.items() if name in names}
