"""All toolsets, in the order in which clients see them."""

from typing import Final

from mogplex_mcp.toolkit.toolset import Toolset
from mogplex_mcp.tools import (
    account,
    automation_editing,
    automations,
    connections,
    env_vars,
    hosted,
    repos,
    reviews,
    runs,
    sandboxes,
)

TOOLSETS: Final[tuple[Toolset, ...]] = (
    account.toolset,
    repos.toolset,
    runs.toolset,
    sandboxes.toolset,
    automations.toolset,
    hosted.toolset,
    automation_editing.toolset,
    env_vars.toolset,
    reviews.toolset,
    connections.toolset,
)
