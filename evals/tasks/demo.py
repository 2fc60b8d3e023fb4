"""Ids in the data of the demo, for prompts, scripts and checks."""

from typing import Final

from mogplex_mcp.simulator import demo_world

_WORLD: Final = demo_world()

AUTOMATION: Final = {one.name: one.id for one in _WORLD.automations.values()}
"""Ids by name: "Review on mention" is published, "Nightly triage" is not."""

SANDBOX: Final = {one.working_branch: one.id for one in _WORLD.sandboxes}
"""Ids by branch, all of acme/web."""

RUN: Final = {one.script.name: one.id for one in _WORLD.runs.values()}
"""Ids by what came of them: success, failed, no_changes; all of acme/web, and started from another client."""

REPO: Final = {
    f"{one.full_name}/{one.root_directory}" if one.root_directory else one.full_name: one.id for one in _WORLD.repos
}
"""Ids by name, with the directory for those of a monorepo."""
