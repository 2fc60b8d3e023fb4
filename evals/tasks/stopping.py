"""Tasks about stopping runs: the one that is meant, and no other."""

from typing import Final

from evals.checks import looked_at, runs_cancelled, runs_started, says
from evals.scripted import Script, call, field, row
from evals.task import Task
from evals.tasks.demo import RUN


def _start_three() -> Script:
    for repo in ("acme/web", "acme/api", "acme/docs"):
        yield call("start_run", repo=repo, prompt="Correct the spelling in the README.")
    return ""


def _cancel(repo: str) -> Script:
    found = yield call("list_runs")
    yield call("cancel_run", run_id=row(found, repo=repo).get("run_id", ""))
    return f"The run on {repo} is cancelled."


def _look_first() -> Script:
    yield call("get_run", run_id=RUN["success"])
    return "There is nothing to cancel: this run ended before, with success. The run on acme/web goes on."


def _cancel_latest() -> Script:
    yield call("get_run", run_id=RUN["success"])
    latest = yield call("get_run")
    yield call("cancel_run", run_id=field(latest, "run_id"))
    return "That run had ended, so I cancelled the latest one."


TASKS: Final = (
    Task(
        "cancel_the_right_run",
        "Stop the agent that works on acme/api. The others go on.",
        (runs_cancelled("acme/api"), runs_started()),
        lambda: _cancel("acme/api"),
        lambda: _cancel("acme/docs"),
        before=_start_three,
        later=60.0,
        run_seconds=1_800.0,
    ),
    Task(
        "cancel_an_ended_run",
        f"Cancel the run {RUN['success']}, please.",
        (
            runs_cancelled(),
            runs_started(),
            looked_at(f"/runs/{RUN['success']}*"),
            says(("ended", "finished", "completed", "over", "done", "succe")),
        ),
        _look_first,
        _cancel_latest,
        before=_start_three,
        later=60.0,
        run_seconds=1_800.0,
    ),
)
