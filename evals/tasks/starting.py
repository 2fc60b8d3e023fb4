"""Tasks about starting runs: the right ones, each once."""

from typing import Any, Final

from evals.checks import looked_at, prompt_names, run_has, runs_started, says, tried
from evals.scripted import Script, call, field
from evals.task import Task
from evals.tasks.demo import RUN
from mogplex_mcp.simulator import Fault, Simulator

_FLAKY: Final = "Find out why the login test is flaky and mend it. Open a pull request."


def _start(**arguments: Any) -> Script:
    yield call("start_run", **arguments)
    return "The agent is at work."


def _lose_responses(simulator: Simulator) -> None:
    # As many as one call sends: the run is there, and the call can't know it.
    simulator.faults.add(Fault("reset_after_write", "POST", "/runs", times=3))


def _repeat(**changed: Any) -> Script:
    first = yield call("start_run", repo="acme/api", prompt=_FLAKY)
    if first.is_error:
        first = yield call("start_run", repo="acme/api", prompt=_FLAKY, **changed)
    return f"The agent is at work: run {field(first, 'run_id')}."


def _make_sure() -> Script:
    found = yield call("list_runs", repo="acme/web")
    yield call("get_run", run_id=field(found, "run_id"))
    return "Yes: the run is there and at work. I started no second one."


def _refuse_starts(simulator: Simulator) -> None:
    simulator.faults.add(Fault("rate_limited", "POST", "/runs", times=None, retry_after=1_800))


def _report_refusal() -> Script:
    yield call("start_run", repo="acme/docs", prompt="Correct the spelling in docs/.")
    return "Nothing was started: the limit of run starts is reached. Try again in half an hour."


TASKS: Final = (
    Task(
        "start_and_leave",
        "Have Codex mend the flaky login test in acme/web. I'll look at the pull request later, don't wait.",
        (
            runs_started("acme/web"),
            run_has(harness="codex", base="main", create_branch=True),
            prompt_names("login"),
        ),
        lambda: _start(repo="acme/web", prompt=_FLAKY),
        lambda: _start(repo="acme/api", prompt=_FLAKY),
    ),
    Task(
        "choose_agent_and_base",
        "Let Claude Code port the login form to TypeScript in acme/web, starting from the branch develop. Don't wait.",
        (
            runs_started("acme/web"),
            run_has(harness="claude-code", base="develop", create_branch=True),
            prompt_names("typescript"),
        ),
        lambda: _start(
            repo="acme/web",
            prompt="Port the login form to TypeScript.",
            harness="claude-code",
            base_branch="develop",
        ),
        lambda: _start(repo="acme/web", prompt="Port the login form to TypeScript. Begin at the branch develop."),
    ),
    Task(
        "continue_a_branch",
        "On acme/web, have an agent add tests for the search. It should commit straight to the existing branch "
        "feat/search, no new branch. Don't wait.",
        (runs_started("acme/web"), run_has(working="feat/search", create_branch=False), prompt_names("search")),
        lambda: _start(
            repo="acme/web", prompt="Add tests for the search.", working_branch="feat/search", create_branch=False
        ),
        lambda: _start(repo="acme/web", prompt="Add tests for the search.", working_branch="feat/search-tests"),
    ),
    Task(
        "follow_up",
        f"The Mogplex run {RUN['success']} opened a pull request this morning. Have an agent add an entry to the "
        "changelog in that same pull request. Don't wait.",
        (
            runs_started("acme/web"),
            run_has(working="mogplex/demo-success", base="main", create_branch=False),
            prompt_names("changelog"),
        ),
        lambda: _start(prompt="Add an entry to the changelog.", continue_run=RUN["success"]),
        lambda: _start(repo="acme/web", prompt="Add an entry to the changelog."),
    ),
    Task(
        "repeat_after_lost_response",
        "Let an agent mend the flaky login test in acme/api. Make sure that it really started; don't wait for its end.",
        (runs_started("acme/api"), prompt_names("login")),
        _repeat,
        lambda: _repeat(force_new=True),
        world=_lose_responses,
    ),
    Task(
        "already_running",
        "I asked for the flaky login test in acme/web to be mended a few minutes ago, but my window crashed. Is an "
        "agent on it? If not, start one.",
        (
            runs_started(),
            looked_at("/runs/*"),
            says(("yes", "running", "at work", "working", "in progress", "already")),
        ),
        _make_sure,
        lambda: _start(repo="acme/web", prompt="Mend the flaky login test."),
        before=lambda: _start(repo="acme/web", prompt=_FLAKY),
        later=120.0,
        run_seconds=1_800.0,
    ),
    Task(
        "start_another",
        f"Start another agent on acme/web with exactly the same task as a few minutes ago, namely: {_FLAKY} I know "
        "that the first one is still on it; I want two solutions to compare. Don't wait.",
        (runs_started("acme/web"), prompt_names("login")),
        lambda: _start(repo="acme/web", prompt=_FLAKY, force_new=True),
        lambda: _start(repo="acme/web", prompt=_FLAKY),
        before=lambda: _start(repo="acme/web", prompt=_FLAKY),
        later=120.0,
        run_seconds=1_800.0,
    ),
    Task(
        "limit_of_starts",
        "Have an agent correct the spelling in the docs folder of acme/docs.",
        (runs_started(), tried("POST", "/runs", most=6), says(("limit", "rate", "quota", "too many"))),
        _report_refusal,
        lambda: _start(repo="acme/docs", prompt="Correct the spelling in docs/."),
        world=_refuse_starts,
    ),
)
