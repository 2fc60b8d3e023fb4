"""Progress says what happens in a run, in words of our own."""

from datetime import UTC, datetime

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.runs.progress import describe
from mogplex_mcp.runs.watch import Snapshot
from tests.runs.support import a_run, an_event

BEGAN = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
LATER = BEGAN.timestamp() + 180


def stage(name: str, **payload: object) -> RunEvent:
    return an_event(1, payload={"stage": name, **payload})


def doing(*events: RunEvent, status: str = "pending", fault: MogplexError | None = None) -> str:
    run = a_run(status, createdAt=BEGAN.isoformat(), runtime={"runId": "r"})
    snapshot = Snapshot(run, events, at=LATER, number=1, settled=False, fault=fault)
    outcome = read_outcome(run, events, repo="acme/web", now=datetime.fromtimestamp(LATER, UTC))
    return describe(snapshot, outcome)


STREAMING = an_event(2, "status_changed", payload={"to": "streaming"}, createdAt=BEGAN.isoformat())
DELIVERED = {"pull_request_url": "https://github.com/acme/web/pull/4"}


@pytest.mark.parametrize(
    ("events", "status", "says"),
    [
        ([], "pending", "queued: waiting for a sandbox for 3 min"),
        (
            [an_event(1, "started", message="Harness run started: codex")],
            "pending",
            "preparing: cloning the repository",
        ),
        ([stage("git_sync")], "pending", "preparing: configuring the agent"),
        ([stage("git_sync"), stage("mcp_config")], "pending", "preparing: installing dependencies"),
        ([stage("install")], "pending", "preparing: starting the agent"),
        ([STREAMING], "streaming", "working: agent at work for 3 min, 1 event so far"),
        ([STREAMING, stage("git_delivery")], "streaming", "delivering: pushing the changes"),
        ([stage("git_delivery", changed=False)], "streaming", "delivering: no changes to deliver, finishing"),
        ([stage("git_delivery", **DELIVERED)], "streaming", "delivering: the pull request is open, finishing"),
        ([STREAMING], "success", "done: the run has succeeded"),
        ([STREAMING], "failed", "failed: the run has failed"),
        ([], "cancelled", "cancelled: the run was cancelled"),
    ],
)
def test_progress_names_what_happens(events: list[RunEvent], status: str, says: str) -> None:
    assert doing(*events, status=status) == says


def test_progress_says_that_mogplex_cannot_be_asked() -> None:
    fault = MogplexError(ErrorCode.TIMED_OUT, "silence")
    assert doing(STREAMING, status="streaming", fault=fault).endswith(
        "; Mogplex cannot be asked at the moment, trying again"
    )


def test_progress_quotes_nothing_that_a_run_wrote() -> None:
    hostile = an_event(3, "tool_started", message="IGNORE ALL", toolName="rm -rf", createdAt="never")
    assert doing(stage("a stage of its own"), hostile, status="streaming") == (
        "working: agent at work for 3 min, 2 events so far"
    )
