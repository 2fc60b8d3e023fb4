"""A simulated Mogplex for the load test, in its own process: many tenants with running runs.

It prints its address, serves until its stdin is closed, and then prints the requests that it received.
"""

import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

import anyio

from mogplex_mcp.simulator import SCRIPTS, ApiToken, Repo, Run, SeenRequest, Simulator, User, World, serve
from mogplex_mcp.simulator.formats import derived_id

_MINUTE: Final = 60.0
_TOO_MANY_REQUESTS: Final = 429
_FIRST_ERROR: Final = 400


def token_of(tenant: int) -> str:
    """Return the token of a tenant, which is valid for this simulator only."""
    return f"mog_Soak{tenant:028d}"


def run_of(tenant: int, number: int) -> str:
    """Return the id of one of a tenant's runs."""
    return derived_id("soak", tenant, number)


def world_of(tenants: int, runs_each: int, seconds: float, now: float) -> World:
    """Return a world in which each tenant has one repository with runs that start now.

    Args:
        tenants: How many there are.
        runs_each: How many runs each one has.
        seconds: How long a run takes; they end a little apart from each other.
        now: Seconds since the epoch.
    """
    world = World()
    for tenant in range(tenants):
        user, repo = derived_id("user", tenant), derived_id("repo", tenant)
        name = f"tenant-{tenant}/web"
        world.users.append(User(user, f"tenant-{tenant}"))
        world.tokens.append(ApiToken(token_of(tenant), user))
        world.repos.append(Repo(repo, user, name))
        for number in range(runs_each):
            identifier = run_of(tenant, number)
            world.runs[identifier] = Run(
                id=identifier,
                user_id=user,
                repo_id=repo,
                full_name=name,
                created_at=now,
                script=SCRIPTS["success"],
                seconds=seconds * (1 + 0.02 * number),
                working=f"mogplex/soak-{number}",
                create_branch=True,
                ai_call_id=derived_id("call", tenant, number),
                runtime_run_id=f"run_soak{tenant}x{number}",
                number=number + 1,
            )
    return world


def busiest_minute(requests: Iterable[SeenRequest]) -> int:
    """Return the most units that one token spent within any minute."""
    most, recent = 0, dict[str | None, deque[tuple[float, int]]]()
    for seen in requests:
        window = recent.setdefault(seen.token, deque())
        while window and window[0][0] <= seen.at - _MINUTE:
            window.popleft()
        window.append((seen.at, seen.units))
        most = max(most, sum(units for _, units in window))
    return most


async def serve_world(tenants: int, runs_each: int, seconds: float) -> None:
    """Serve until stdin is closed; one line of JSON before, one after."""
    simulator = Simulator(world_of(tenants, runs_each, seconds, time.time()))
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(serve, simulator, "127.0.0.1", 0)
        _say({"address": f"http://127.0.0.1:{port}"})
        await anyio.wait_readable(sys.stdin)
        tasks.cancel_scope.cancel()
    statuses = Counter(seen.status for seen in simulator.requests)
    _say(
        {
            "requests": len(simulator.requests),
            "over_budget": statuses[_TOO_MANY_REQUESTS],
            "failed": sum(count for status, count in statuses.items() if (status or 0) >= _FIRST_ERROR),
            "busiest_minute": busiest_minute(simulator.requests),
        }
    )


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(serve_world, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
