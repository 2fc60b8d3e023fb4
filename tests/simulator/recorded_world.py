"""Builds a world out of recordings: what a deployment must have held to answer as it did."""

from mogplex_mcp.simulator import World

from .recorded_accounts import add_repos, add_sandboxes, add_users_and_tokens
from .recorded_automations import add_automations, add_job_runs
from .recorded_rows import Recording
from .recorded_runs import add_runs
from .recordings import Row


def recorded_world(rows: list[Row]) -> World:
    """Build the world in which the first of these rows was recorded."""
    world = World(
        canonical_host="localhost:3100",
        canonical_scheme="http",
        sandbox_boot_seconds=0.0,
        default_script="stuck_pending",
        pr_reviews_available=False,
    )
    recording = Recording(rows, world)
    add_users_and_tokens(recording)
    add_repos(recording)
    add_sandboxes(recording)
    add_runs(recording)
    add_automations(recording)
    add_job_runs(recording)
    return world
