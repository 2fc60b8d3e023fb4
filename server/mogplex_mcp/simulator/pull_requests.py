"""Delivery of a run: it updates the open pull request of the same head and base, or opens a new one."""

from .run_state import delivered_at
from .world import Run, World


def pull_request_number(world: World, run: Run, now: float) -> int:
    """Return the number of the pull request that a run has updated or opened; its own one before its delivery.

    Delivery looks for an open pull request of the run's working branch (head) and base branch first, whichever run
    opened it, and at the time of the delivery: one that was opened or closed since the run began counts as well.
    """
    if delivered_at(run, now) is None or run.working == run.base:
        return run.number
    # A pull request belongs to the repository on GitHub, of which a monorepo has several rows.
    same = (run.full_name, run.working, run.base)
    others = (other for other in world.runs.values() if (other.full_name, other.working, other.base) == same)
    deliveries = [(at, other.number, other.id) for other in others if (at := delivered_at(other, now)) is not None]
    number = 0
    for at, own_number, run_id in sorted(deliveries):
        if not number or world.closed_pull_requests.get(f"{run.full_name}#{number}", now) < at:
            number = own_number
        if run_id == run.id:
            break
    return number
