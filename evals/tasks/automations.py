"""Tasks about running automations."""

from collections.abc import Iterator
from typing import Final

from evals.checks import looked_at, only_read, saw_end, says, tried, triggered
from evals.outcome import Outcome
from evals.scripted import Script, call, field, row
from evals.task import Task
from evals.tasks.demo import AUTOMATION
from mogplex_mcp.simulator import Simulator

_REVIEW: Final = AUTOMATION["Review on mention"]
_TRIAGE: Final = AUTOMATION["Nightly triage"]


def _trigger(repo: str, *, wait: bool = True) -> Script:
    yield call("list_automations")
    started = yield call("trigger_automation", automation_id=_REVIEW, repo=repo)
    status = "?"
    while wait and status in ("?", "pending", "running"):
        run_id = field(started, "run_id")
        found = yield call("get_automation_run", automation_id=_REVIEW, run_id=run_id, wait_seconds=600)
        status = "failed" if found.is_error else field(found, "status")
    return f"The automation ran on {repo}: {status}."


def _plan_failure(simulator: Simulator) -> None:
    simulator.plan_job_run("failed")


def _two_runs() -> Script:
    # The first one fails.
    yield call("trigger_automation", automation_id=_REVIEW, repo="acme/api")
    yield call("trigger_automation", automation_id=_REVIEW, repo="acme/web")
    return ""


def _triage() -> Script:
    yield call("list_automations")
    found = yield call("list_automation_runs", automation_id=_REVIEW)
    run_id = row(found, status="failed").get("run_id", "")
    yield call("get_automation_run", automation_id=_REVIEW, run_id=run_id)
    return "The run on acme/api failed, with the error: Agent node failed. I did not trigger it again."


def _failed_run_read(outcome: Outcome) -> Iterator[str]:
    failed = [run.id for run in outcome.simulator.world.job_runs.values() if run.ending == "failed"]
    for run_id in failed:
        yield from looked_at(f"/automations/{_REVIEW}/runs/{run_id}")(outcome)


def _try_again() -> Script:
    yield call("list_automations")
    yield call("trigger_automation", automation_id=_REVIEW, repo="acme/api", force_new=True)
    return "The run on acme/api failed, with the error: Agent node failed. I triggered it again."


def _report_draft() -> Script:
    yield call("list_automations")
    yield call("trigger_automation", automation_id=_TRIAGE, repo="acme/web")
    return "Nothing was started: Nightly triage was never published. Publish it first."


def _take_another() -> Script:
    yield call("list_automations")
    yield call("trigger_automation", automation_id=_TRIAGE, repo="acme/web")
    yield call("trigger_automation", automation_id=_REVIEW, repo="acme/web")
    return "Nightly triage is not published, so I ran the review instead."


TASKS: Final = (
    Task(
        "trigger_and_wait",
        'Run the automation "Review on mention" on acme/web, wait for its end and tell me how it went.',
        (triggered(_REVIEW, "acme/web"), saw_end, says(("success", "well", "passed"))),
        lambda: _trigger("acme/web"),
        lambda: _trigger("acme/web", wait=False),
    ),
    Task(
        "triage_failed_automation",
        'One of the latest runs of the automation "Review on mention" failed. On which repository, and with what '
        "error? Just look, change nothing.",
        (only_read, _failed_run_read, says("acme/api", "agent node failed")),
        _triage,
        _try_again,
        world=_plan_failure,
        before=_two_runs,
        later=600.0,
    ),
    Task(
        "unpublished_automation",
        'Run the automation "Nightly triage" on acme/web now.',
        (triggered(_TRIAGE), tried("*", "/automations*", most=12), says("publish")),
        _report_draft,
        _take_another,
    ),
)
