"""What came of a run is read out of whatever its events hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.runs.outcome import Phase, is_stale, is_terminal, own_pull_request, read_outcome, reported_link
from tests.runs.support import a_run, an_event

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PULL_REQUEST = "https://github.com/acme/web/pull/4"

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["stage", "to", "pull_request_url", "changed", "exit_code", "failure_code", "payloadPreview", "x"]),
    JSON_VALUES,
)


def delivery(**payload: Any) -> Any:
    return an_event(1, payload={"stage": "git_delivery", **payload})


def test_outcome_of_delivered_run() -> None:
    events = [
        delivery(pull_request_url=PULL_REQUEST, changed=True),
        an_event(2, "finished", payload={"exit_code": 0, "failure_code": None}),
    ]
    outcome = read_outcome(a_run("success"), events, repo="acme/web", now=NOW)
    assert (outcome.phase, outcome.pull_request, outcome.changed, outcome.exit_code, outcome.failure_code) == (
        Phase.DONE,
        PULL_REQUEST,
        True,
        0,
        "",
    )


def test_outcome_has_the_exit_code_of_the_agent_and_not_of_a_step_or_tool() -> None:
    steps = [
        an_event(1, payload={"stage": "install", "exit_code": 0}),
        an_event(2, "tool_finished", payload={"exit_code": 1}),
    ]
    assert read_outcome(a_run("streaming"), steps, repo="acme/web", now=NOW).exit_code is None
    killed = [*steps, an_event(3, "finished", payload={"exit_code": None, "failure_code": "harness_killed"})]
    assert read_outcome(a_run("failed"), killed, repo="acme/web", now=NOW).exit_code is None
    ended = [*steps, an_event(3, "finished", payload={"exit_code": 137})]
    assert read_outcome(a_run("failed"), ended, repo="acme/web", now=NOW).exit_code == 137


def test_outcome_prefers_error_of_run_to_error_of_event() -> None:
    events = [an_event(1, "failed", message="from the event", payload={"failure_code": "sandbox_launch_failed"})]
    assert read_outcome(a_run("failed"), events, repo="acme/web", now=NOW).failure == "from the event"
    outcome = read_outcome(a_run("failed", error="from the run"), events, repo="acme/web", now=NOW)
    assert (outcome.failure, outcome.failure_code) == ("from the run", "sandbox_launch_failed")


@given(st.lists(st.tuples(st.sampled_from(["log", "finished", "status_changed", "new"]), PAYLOADS), max_size=10))
def test_outcome_accepts_any_payload_and_has_right_types(rows: list[tuple[str, Any]]) -> None:
    events = [an_event(number, kind, payload=payload) for number, (kind, payload) in enumerate(rows)]
    outcome = read_outcome(a_run(), events, repo="acme/web", now=NOW)
    assert outcome.changed in (True, False, None)
    assert outcome.exit_code is None or type(outcome.exit_code) is int
    assert isinstance(outcome.failure_code, str)
    assert outcome.pull_request == "" or outcome.pull_request.startswith("https://github.com/")


@pytest.mark.parametrize(
    "address",
    [
        "http://github.com/acme/web/pull/4",
        "https://github.com.evil.example/acme/web/pull/4",
        "https://github.com@evil.example/acme/web/pull/4",
        "https://user@github.com/acme/web/pull/4",
        "https://github.com./acme/web/pull/4",
        "https://github.com:443/acme/web/pull/4",
        "https://www.github.com/acme/web/pull/4",
        "https://g\u0456thub.com/acme/web/pull/4",
        "https://github.com/\u0430cme/web/pull/4",
        "https://github.com/acme/web/pull/4?x=1",
        "https://github.com/acme/web/pull/4/files",
        "https://github.com/acme/web/pull/0",
        "https://github.com/acme/web/issues/4",
        "https://github.com/acme/web/pull/4\nhttps://evil.example",
        "https://github.com/acme/other/pull/4",
        "https://github.com/evil/web/pull/4",
        "https://github.com/acme/web/../other/pull/4",
        "https://github.com/acme/web.git/pull/4",
        "javascript:alert(1)",
    ],
)
def test_read_outcome_takes_only_a_pull_request_of_the_own_repository_as_fact(address: str) -> None:
    events = [delivery(pull_request_url=PULL_REQUEST), delivery(pull_request_url=address)]
    assert own_pull_request(address, "acme/web") == ""
    assert read_outcome(a_run(), events[1:], repo="acme/web", now=NOW).pull_request == ""
    outcome = read_outcome(a_run(), events, repo="acme/web", now=NOW)
    assert (outcome.pull_request, outcome.other_link) == (PULL_REQUEST, address)


def test_own_pull_request_ignores_case_and_needs_the_name_of_the_repository() -> None:
    assert own_pull_request("https://github.com/Acme/WEB/pull/4", "acme/web")
    assert own_pull_request(PULL_REQUEST, "Acme/Web") == PULL_REQUEST
    assert own_pull_request(PULL_REQUEST, "") == ""
    assert own_pull_request("https://github.com/acme/kit/pull/4", "acme/\u212ait") == ""


def test_reported_link_is_read_from_a_truncated_payload_unless_it_is_cut_itself() -> None:
    preview = f'{{"stage":"git_delivery","pull_request_url":"{PULL_REQUEST}","auto_committed_files":["a'
    assert reported_link(an_event(1, payload={"truncated": True, "payloadPreview": preview})) == PULL_REQUEST
    cut = f'{{"stage":"git_delivery","pull_request_url":"{PULL_REQUEST}'
    assert reported_link(an_event(1, payload={"truncated": True, "payloadPreview": cut})) == ""
    elsewhere = f'{{"note":"see {PULL_REQUEST}","x'
    assert reported_link(an_event(1, payload={"truncated": True, "payloadPreview": elsewhere})) == ""


@pytest.mark.parametrize("status", ["pending", "streaming", "a_new_one", ""])
def test_is_terminal_is_false_for_unknown_status(status: str) -> None:
    assert not is_terminal(a_run(status))


def test_is_stale_after_35_silent_minutes() -> None:
    run = a_run(createdAt=(NOW - timedelta(hours=1)).isoformat())
    heard = an_event(1, createdAt=(NOW - timedelta(minutes=34)).isoformat())

    def stale(run: Run, *events: RunEvent, now: datetime = NOW) -> bool:
        return is_stale(run, read_outcome(run, events, repo="", now=now))

    assert stale(run)
    assert not stale(run, heard)
    assert stale(run, heard, now=NOW + timedelta(minutes=2))
    assert not stale(a_run("success", createdAt=run.created_at))


def test_outcome_never_queued_after_minutes_without_worker() -> None:
    fresh = a_run("pending", createdAt=(NOW - timedelta(minutes=2)).isoformat())
    old = a_run("pending", createdAt=(NOW - timedelta(minutes=4)).isoformat())
    queued = a_run("pending", createdAt=(NOW - timedelta(minutes=4)).isoformat(), runtime={"runId": "r"})
    never = [read_outcome(run, [], repo="", now=NOW).never_queued for run in (fresh, old, queued)]
    assert never == [False, True, False]
