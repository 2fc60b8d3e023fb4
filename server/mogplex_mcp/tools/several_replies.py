"""The reply about several runs that were followed at once."""

from collections.abc import Sequence
from datetime import datetime

from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.operations.several_runs import FollowedRuns
from mogplex_mcp.reply.model import MOST_NEXT_STEPS, NextStep
from mogplex_mcp.runs.event_groups import group_events
from mogplex_mcp.runs.outcome import Outcome, is_terminal
from mogplex_mcp.runs.several import RunState, Verdict, count_phases
from mogplex_mcp.runs.tail import Reason
from mogplex_mcp.tools.run_events import event_line
from mogplex_mcp.tools.run_replies import OLD_SECONDS, page_of_run
from mogplex_mcp.tools.run_results import FollowedRun, RunNews

# Of all runs together, so that the rows of ten runs are never cut.
LATEST_CHARACTERS = 1_500
MOST_LATEST_CHARACTERS = 300
_SHORT = 8


def several_reply(followed: FollowedRuns, *, waited: float, now: datetime, base_url: str) -> RunNews:
    """Return the answer to tail_run with run_ids: the run with news in front, and a line on each.

    Args:
        followed: The runs.
        waited: How long the call took, in seconds.
        now: The time at Mogplex.
        base_url: Where Mogplex is.
    """
    states = followed.news.states
    # One that could be read at least, which there is, or the call has failed.
    first, outcome = min(_read(states), key=lambda read: (not read[0].news, not read[0].is_open))
    row = _row(first)
    latest = _latest(states)
    return RunNews(
        summary=_summary(states),
        run_id=row.run_id,
        repo=row.repo,
        status=row.status,
        phase=outcome.phase,
        pull_request=row.pull_request,
        changed=outcome.changed,
        exit_code=outcome.exit_code,
        failure_code=sanitize_word(outcome.failure_code, ""),
        stale=first.verdict is Verdict.STALE or None,
        truncated_upstream=(first.snapshot is not None and first.snapshot.saturated) or None,
        web_page=page_of_run(first.run_id, base_url),
        cursor=str(followed.news.cursor.after(waited)) if any(state.is_open for state in states) else "",
        runs=tuple(map(_row, states)),
        untrusted={"latest": latest} if latest else {},
        notes=_notes(followed, now),
        next_steps=_next_steps(followed, waited),
    )


def _read(states: Sequence[RunState]) -> list[tuple[RunState, Outcome]]:
    return [(state, state.outcome) for state in states if state.outcome is not None]


def _has_ended(state: RunState) -> bool:
    """Return whether the run has ended, although its last events may still come."""
    return state.snapshot is not None and is_terminal(state.snapshot.run)


def _row(state: RunState) -> FollowedRun:
    if state.snapshot is None or state.outcome is None:
        return FollowedRun(run_id=state.run_id, status="unknown", phase="unknown")
    return FollowedRun(
        run_id=state.run_id,
        repo=sanitize_name(state.repo),
        status=sanitize_word(state.snapshot.run.status),
        phase=state.outcome.phase,
        pull_request=state.outcome.pull_request,
        news=state.news or "",
        new_events=state.new_events,
    )


def _summary(states: Sequence[RunState]) -> str:
    news = [state for state in states if state.news]
    going = any(state.is_open for state in states)
    if not news:
        said = "No news" if going else "No news, and none will come"
    else:
        said = "; ".join(f"{_named(state)} {_said(state)}" for state in news)
    works = any(state.is_open and not _has_ended(state) for state in states)
    rest = " Those that go on lose nothing by that: do not start them again." if works else ""
    return f"{said}. {counted(len(states), 'run')}: {count_phases(states)}.{rest}"


def _named(state: RunState) -> str:
    repo = sanitize_name(state.repo)
    return f"{state.run_id[:_SHORT]} ({repo})" if repo else state.run_id[:_SHORT]


def _said(state: RunState) -> str:
    pull_request = bool(state.outcome and state.outcome.pull_request)
    match state.news:
        case Reason.ENDED if state.verdict is Verdict.DONE:
            return "is done, its pull request is open" if pull_request else "is done without a pull request"
        case Reason.ENDED:
            return "was cancelled" if state.verdict is Verdict.CANCELLED else "has failed"
        case Reason.MILESTONE:
            return "has opened its pull request" if pull_request else "reports a failure"
        case Reason.NEVER_QUEUED:
            return "was never taken by a worker and will not run"
        case Reason.STALE:
            return "has been silent for long and may be dead"
        case _:
            return f"has {counted(state.new_events, 'new event')}"


def _latest(states: Sequence[RunState]) -> list[str]:
    most = min(MOST_LATEST_CHARACTERS, LATEST_CHARACTERS // len(states))
    lines = []
    for state in states:
        said = ""
        if state.outcome and state.outcome.failure:
            said = clean_line(state.outcome.failure, most)
        elif state.snapshot and state.snapshot.events:
            said = clean_line(event_line(group_events(state.snapshot.events)[-1]), most)
        if said:
            lines.append(f"{state.run_id[:_SHORT]} {said}")
    return lines


def _notes(followed: FollowedRuns, now: datetime) -> list[str]:
    states = followed.news.states
    notes = [f"{run_id} was given more than once." for run_id in followed.repeated]
    notes += [f"{state.run_id} could not be read ({state.error.code})." for state in states if state.error]
    read = [state.snapshot.at for state in states if state.snapshot]
    age = now.timestamp() - min(read, default=now.timestamp())
    if age > OLD_SECONDS:
        notes.append(f"The oldest of these states is of {duration(age)} ago: all runs share the requests of a minute.")
    return notes


def _next_steps(followed: FollowedRuns, waited: float) -> list[NextStep]:
    states = followed.news.states
    steps = []
    if going := [state.run_id for state in states if state.is_open]:
        arguments = {"run_ids": going, "cursor": str(followed.news.cursor.after(waited))}
        why = "go on waiting; one call waits, do not poll"
        if all(_has_ended(state) for state in states if state.is_open):
            why = "get the last events of what has ended"
        steps.append(NextStep(tool="tail_run", arguments=arguments, why=why))
    for state in states:
        if state.verdict in (Verdict.NEVER_QUEUED, Verdict.STALE):
            arguments = {"run_id": state.run_id}
            steps.append(NextStep(tool="cancel_run", arguments=arguments, why="stop it, if the user agrees"))
    return steps[:MOST_NEXT_STEPS]
