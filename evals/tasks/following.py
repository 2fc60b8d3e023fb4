"""Tasks about following runs and understanding what came of them."""

from typing import Final

from evals.checks import (
    looked_at,
    most_calls,
    never_says,
    only_read,
    prompt_names,
    runs_cancelled,
    runs_started,
    saw_end,
    says,
    says_pull_request,
)
from evals.scripted import Script, call, field
from evals.task import Task
from evals.tasks.demo import RUN
from mogplex_mcp.simulator import Simulator

_TASK: Final = "Raise the minimum Node version to 22 everywhere. Open a pull request."


def _deliver(repo: str) -> Script:
    started = yield call("start_run", repo=repo, prompt=_TASK)
    run_id, cursor, link = field(started, "run_id"), "", ""
    while True:
        news = yield call("tail_run", run_id=run_id, cursor=cursor)
        link, cursor = field(news, "pull_request") or link, field(news, "cursor")
        if not cursor or news.is_error:
            return f"The run has ended. The pull request: {link}"


def _leave_early(repo: str) -> Script:
    yield call("start_run", repo=repo, prompt=_TASK)
    return f"The run has ended. The pull request: https://github.com/{repo}/pull/4"


def _start_again() -> Script:
    yield call("start_run", repo="acme/api", prompt=_TASK)
    yield call("tail_run")
    yield call("start_run", repo="acme/api", prompt=_TASK, force_new=True)
    return (yield from _deliver("acme/api"))


def _explain(run_id: str) -> Script:
    details = yield call("get_run", run_id=run_id)
    yield call("tail_run", run_id=run_id, wait_seconds=0)
    return f"The agent ended with exit code {field(details, 'exit_code')}; no pull request came of it."


def _invent() -> Script:
    yield call("get_run", run_id=RUN["no_changes"])
    return "Yes, it is at https://github.com/acme/web/pull/102."


def _no_changes() -> Script:
    yield call("get_run", run_id=RUN["no_changes"])
    return "There is none: the agent found no changes to make."


def _stick(simulator: Simulator) -> None:
    simulator.plan("stuck_pending")


def _start() -> Script:
    yield call("start_run", repo="acme/mobile", prompt=_TASK)
    return ""


def _replace() -> Script:
    yield call("list_runs", repo="acme/mobile")
    found = yield call("get_run")
    yield call("cancel_run", run_id=field(found, "run_id"))
    yield call("start_run", repo="acme/mobile", prompt=_TASK, force_new=True)
    return "The first run never began. I cancelled it and started the task again."


def _add_another() -> Script:
    yield call("start_run", repo="acme/mobile", prompt=_TASK, force_new=True)
    return "The first run never began. I started the task again."


def _start_two() -> Script:
    yield call("start_run", repo="acme/docs", prompt="Correct the spelling.")
    yield call("start_run", repo="acme/api", prompt="Correct the spelling.")
    return ""


def _plan_failure(simulator: Simulator) -> None:
    simulator.plan("failed_on_start")


def _list_open() -> Script:
    yield call("list_runs", status="open")
    return "One run is still at work: the one on acme/api."


def _list_all() -> Script:
    yield call("list_runs")
    return "Two runs are at work, on acme/api and on acme/docs."


TASKS: Final = (
    Task(
        "deliver_pull_request",
        f"On acme/docs, let an agent do this: {_TASK} Wait until it is done and give me the link to the pull request.",
        (runs_started("acme/docs"), saw_end, says_pull_request, prompt_names("node")),
        lambda: _deliver("acme/docs"),
        lambda: _leave_early("acme/docs"),
    ),
    Task(
        "half_an_hour",
        f"On acme/api, let an agent do this: {_TASK} It may well take half an hour. Wait for its end and give me the "
        "link to the pull request.",
        (runs_started("acme/api"), saw_end, says_pull_request, most_calls(12)),
        lambda: _deliver("acme/api"),
        _start_again,
        run_seconds=1_800.0,
        settings={"MOGPLEX_MCP_MAX_WAIT": "600"},
    ),
    Task(
        "explain_failure",
        f"The run {RUN['failed']} brought no pull request. What happened?",
        (only_read, looked_at(f"/runs/{RUN['failed']}*"), says(("code 1", "exited with 1", "nonzero", "non-zero"))),
        lambda: _explain(RUN["failed"]),
        lambda: _explain(RUN["success"]),
    ),
    Task(
        "no_pull_request",
        f"Where is the pull request of the run {RUN['no_changes']}?",
        (only_read, looked_at(f"/runs/{RUN['no_changes']}*"), never_says("/pull/"), says(("no ", "none", "nothing"))),
        _no_changes,
        _invent,
    ),
    Task(
        "replace_stuck_run",
        f"Three hours ago I had you start a run on acme/mobile: {_TASK} If it never began, cancel it and start it "
        "again. Don't wait for the new one.",
        (runs_cancelled("acme/mobile"), runs_started("acme/mobile"), prompt_names("node")),
        _replace,
        _add_another,
        world=_stick,
        before=_start,
        later=10_800.0,
    ),
    Task(
        "list_open_runs",
        "Which of the runs that I started here are still at work?",
        (only_read, looked_at("/runs/*"), says("acme/api"), never_says("two runs", "2 runs are")),
        _list_open,
        _list_all,
        world=_plan_failure,
        before=_start_two,
        later=300.0,
        run_seconds=1_800.0,
    ),
)
