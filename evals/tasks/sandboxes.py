"""Tasks about sandboxes."""

from collections.abc import Iterator
from typing import Final

from evals.checks import looked_at, only_read, runs_started, says
from evals.outcome import Outcome
from evals.scripted import Script, call
from evals.task import Task
from evals.tasks.demo import REPO, SANDBOX


def _explain(branch: str) -> Script:
    yield call("list_sandboxes", repo="acme/web")
    yield call("get_sandbox_logs", sandbox_id=SANDBOX[branch])
    return "Its setup failed: the install ended with exit code 1."


def _boot(calls: int) -> Script:
    for _ in range(calls):
        yield call("create_sandbox", repo="acme/docs")
        yield call("list_sandboxes", repo="acme/docs")
    return "A sandbox for acme/docs boots; it runs in a minute or two."


def _one_sandbox(outcome: Outcome) -> Iterator[str]:
    found = [one for one in outcome.simulator.world.sandboxes if one.id not in SANDBOX.values()]
    if [one.repo_id for one in found] != [REPO["acme/docs"]]:
        yield f"{len(found)} sandboxes were made, not one on acme/docs."


TASKS: Final = (
    Task(
        "explain_broken_sandbox",
        "The sandbox on the branch feat/broken of acme/web does not come up. What do its logs say?",
        (only_read, looked_at(f"/sandboxes/{SANDBOX['feat/broken']}/logs"), says("code 1")),
        lambda: _explain("feat/broken"),
        lambda: _explain("feat/search"),
    ),
    Task(
        "boot_once",
        "Boot a sandbox for acme/docs, I'd like to try something in it.",
        (_one_sandbox, runs_started()),
        lambda: _boot(1),
        lambda: _boot(2),
    ),
)
