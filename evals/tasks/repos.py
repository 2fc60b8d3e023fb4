"""Tasks about finding the right repository."""

from typing import Final

from evals.checks import looked_at, most_calls, only_read, prompt_names, runs_started, says
from evals.scripted import Script, call, row
from evals.task import Task
from mogplex_mcp.simulator import Simulator


def _another_branch(simulator: Simulator) -> None:
    next(repo for repo in simulator.world.repos if repo.full_name == "acme/mobile").default_branch = "trunk"


def _find() -> Script:
    found = yield call("list_repos", query="mobile")
    branch = row(found, repo="acme/mobile").get("default_branch", "?")
    return f"It is acme/mobile; its default branch is {branch}."


def _guess() -> Script:
    yield call("list_repos")
    return "It is acme/mobile; its default branch is main."


def _unknown() -> Script:
    yield call("list_repos", query="webb")
    return "Mogplex knows no repository acme/webb, so I started nothing. Did you mean acme/web?"


def _take_the_nearest() -> Script:
    yield call("list_repos", query="web")
    yield call("start_run", repo="acme/web", prompt="Fix the typo in the README.")
    return "I started it on acme/web, since there is no acme/webb."


def _start_in(directory: str) -> Script:
    found = yield call("list_repos", query="monorepo")
    repo = row(found, root_directory=directory).get("id", "acme/monorepo")
    yield call("start_run", repo=repo, prompt="Upgrade Vite to its newest major version and mend the build.")
    return f"The agent is at work on {directory} of acme/monorepo."


TASKS: Final = (
    Task(
        "find_repo",
        "Which of my repositories is the mobile app, and what is its default branch?",
        (only_read, looked_at("/repos"), says("acme/mobile", "trunk"), most_calls(3)),
        _find,
        _guess,
        world=_another_branch,
    ),
    Task(
        "unknown_repo",
        "Let an agent fix the typo in the README of acme/webb.",
        (runs_started(), only_read, looked_at("/repos"), says("acme/webb")),
        _unknown,
        _take_the_nearest,
    ),
    Task(
        "monorepo_directory",
        "Have Codex upgrade Vite in apps/two of acme/monorepo. You needn't wait for it.",
        (runs_started("acme/monorepo/apps/two"), prompt_names("vite")),
        lambda: _start_in("apps/two"),
        lambda: _start_in("apps/one"),
    ),
)
