"""`mogplex-mcp runs`: list, show, follow and cancel runs."""

from argparse import Namespace
from datetime import UTC, datetime

from mogplex_mcp.api.models import Run
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.following import follow, follow_command, is_unfinished, show_events_so_far
from mogplex_mcp.cli.terminal.records import (
    FAILURE_CHARACTERS,
    branches,
    camel,
    details_record,
    iso,
    outcome_facts,
    run_record,
)
from mogplex_mcp.cli.terminal.run_view import run_view
from mogplex_mcp.cli.terminal.short_ids import short_length, whole_run_id
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import ago, counted, duration
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations import run_list, runs
from mogplex_mcp.operations.runs import FollowedRun
from mogplex_mcp.runs.outcome import Phase
from mogplex_mcp.runs.tail import Reason
from mogplex_mcp.runs.watch import EVENT_WINDOW, Snapshot
from mogplex_mcp.storage.ledger import Entry

_TASK_CHARACTERS = 100
_DEFAULT_AGE_HOURS = 168
_DEFAULT_LIMIT = 20
NEVER_QUEUED = (
    "Mogplex accepted this run minutes ago but never queued it, so it will not start. "
    "Cancel it with `mogplex-mcp runs cancel {run_id}`, then start it again with --force-new."
)


@in_terminal
async def list_runs(session: Session, given: Namespace) -> int:
    """List the runs in the journal."""
    session.refuse_secrets(**{"--repo": given.repo})
    found = await session.perform(
        "list_runs",
        lambda context: run_list.list_runs(
            context,
            repo=given.repo or "",
            status=given.status or "any",
            max_age_hours=_DEFAULT_AGE_HOURS if given.max_age_hours is None else given.max_age_hours,
            limit=_DEFAULT_LIMIT if given.limit is None else given.limit,
        ),
    )
    notes = [] if found.entries else ["No runs known on this machine."]
    if found.not_refreshed:
        notes.append(f"{counted(found.not_refreshed, 'open run')} not refreshed: the last known state is shown.")
    if any(entry.is_unknown for entry in found.entries):
        notes.append(
            "Not confirmed: Mogplex may have started the run. "
            "The same `mogplex-mcp run` command within ten minutes finds it."
        )
    if found.left_out:
        notes.append(f"{counted(found.left_out, 'older run')} not shown; raise --limit.")
    # A program that reads the table needs whole ids.
    length = short_length(entry.run_id for entry in found.entries) if session.output.console.is_terminal else None
    session.output.listed(
        [_entry_record(entry) for entry in found.entries],
        ("run", "status", "repo", "started", "pr", "task"),
        [_entry_row(entry, found.now, length) for entry in found.entries],
        notes=notes,
    )
    return ExitCode.OK


@in_terminal
async def get_run(session: Session, given: Namespace) -> int:
    """Show a run."""
    run_id = await whole_run_id(session.tenant.ledger, given.run)
    details = await session.perform("get_run", lambda context: runs.get_run(context, run_id=run_id))
    run, outcome = details.snapshot.run, details.outcome
    now = session.now
    if session.output.as_json:
        session.output.record(details_record(details))
    else:
        status = sanitize_word(run.status)
        session.output.facts(
            {
                "run": sanitize_word(run.run_id),
                "status": status if outcome.phase == run.status else f"{status} ({outcome.phase})",
                "harness": sanitize_word(run.harness, ""),
                "repo": sanitize_name(details.repo) or sanitize_word(run.repo_id, ""),
                "branch": branch_line(run),
                "sandbox": sanitize_word(run.sandbox_record_id or "", ""),
                "created": ago(run.created_at, now),
                "updated": ago(run.updated_at, now),
                "pull request": outcome.pull_request,
                "failure": clean_line(outcome.failure, FAILURE_CHARACTERS),
            }
        )
    session.output.notes(_notes(session, details.snapshot))
    if outcome.never_queued:
        session.output.notes([NEVER_QUEUED.format(run_id=sanitize_word(run.run_id))])
    return ExitCode.OK


@in_terminal
async def show_events(session: Session, given: Namespace) -> int:
    """Show the events of a run, or follow it."""
    run_id = await whole_run_id(session.tenant.ledger, given.run)
    if given.follow:
        return await follow_run(session, run_id, given.timeout)
    with run_view(session.output) as view:
        await show_events_so_far(session, run_id, view)
    return ExitCode.OK


@in_terminal
async def cancel_run(session: Session, given: Namespace) -> int:
    """Cancel a run."""
    run_id = await whole_run_id(session.tenant.ledger, given.run)
    done = await session.perform("cancel_run", lambda context: runs.cancel_run(context, run_id=run_id), changes=True)
    run, already = done.cancelled.run, done.cancelled.already_terminal
    status = sanitize_word(run.status)
    if session.output.as_json:
        session.output.record(run_record(run, repo=done.repo, already_terminal=already))
        return ExitCode.OK
    if already:
        session.output.line(f"The run had already ended: {status}. Nothing was cancelled.")
    elif run.status == "cancelled":
        session.output.line("The run is cancelled.")
    else:
        session.output.line(f"Cancellation requested; the run is still {status}.")
    session.output.facts({"run": sanitize_word(run.run_id), "status": status})
    return ExitCode.OK


async def follow_run(session: Session, run_id: str, timeout_seconds: float | None) -> int:
    """Follow a run to its end, and return the exit status: 0 if it succeeded, otherwise 1.

    Raises:
        CommandError: The run cannot be followed, or the timeout is over.
    """
    with run_view(session.output) as view:
        followed = await follow(session, run_id, view, timeout_seconds=timeout_seconds)
    if session.shutdown.has_begun and is_unfinished(followed):
        # Printed after the live view is closed, which would wrap the command to the width of the terminal.
        latest = followed.news.snapshot.run.run_id if followed else run_id
        say(f"The run continues. Follow it again: {follow_command(session, latest)}")
    if followed is None:
        return ExitCode.FAILURE
    if session.output.as_json:
        run = followed.news.snapshot.run
        stale = followed.news.reason is Reason.STALE or None
        session.output.record(run_record(run, repo=followed.repo, **outcome_facts(followed.news.outcome), stale=stale))
    else:
        _show_end(session, followed)
    session.output.notes(_notes(session, followed.news.snapshot))
    return ExitCode.OK if followed.news.outcome.phase == Phase.DONE else ExitCode.FAILURE


def branch_line(run: Run) -> str:
    """Return the branches of a run on one line."""
    names = branches(run)
    return f"{names['working']} (base {names['base']})" if names["working"] else names["base"]


def _show_end(session: Session, followed: FollowedRun) -> None:
    news, outcome = followed.news, followed.news.outcome
    run_id = sanitize_word(news.snapshot.run.run_id)
    if news.reason is Reason.NEVER_QUEUED:
        session.output.line(NEVER_QUEUED.format(run_id=run_id))
    elif news.reason is Reason.STALE:
        session.output.line(
            f"The run has reported nothing for {duration(outcome.silence.total_seconds())} and may be dead. Check its "
            f"sandbox, or cancel it with `mogplex-mcp runs cancel {run_id}`."
        )
    elif outcome.is_terminal:
        done = outcome.phase == Phase.DONE
        status = sanitize_word(news.snapshot.run.status)
        session.output.line(f"--- run {run_id} {status} ---", style="bold green" if done else "bold red")
        failure = "" if done else clean_line(outcome.failure, FAILURE_CHARACTERS)
        session.output.facts({"pull request": outcome.pull_request, "failure": failure})
        if done and not outcome.pull_request:
            session.output.line(_without_pull_request(followed))


def _without_pull_request(followed: FollowedRun) -> str:
    if followed.news.outcome.changed is False:
        return "The agent changed nothing, so there is no pull request."
    if followed.news.snapshot.saturated:
        return "The events do not show whether there is a pull request; check the branch on GitHub."
    return "The run reported no pull request."


def _notes(session: Session, snapshot: Snapshot) -> list[str]:
    notes = []
    if snapshot.saturated:
        notes.append(f"The API returns the first {EVENT_WINDOW} events only; later ones are not available.")
    if snapshot.fault:
        age = duration(session.now.timestamp() - snapshot.at)
        notes.append(f"Mogplex could not be reached just now: this is the state of {age} ago.")
    return notes


def _entry_record(entry: Entry) -> dict[str, object]:
    return camel(
        {
            "run_id": sanitize_word(entry.run_id, ""),
            "repo": sanitize_name(entry.repo, sanitize_word(entry.repo_id, "")),
            "status": _entry_status(entry),
            "started_at": iso(datetime.fromtimestamp(entry.created_at, UTC)),
            "pull_request": entry.pull_request,
            "task": clean_line(entry.prompt_line, _TASK_CHARACTERS),
        }
    )


def _entry_row(entry: Entry, now: float, id_length: int | None) -> tuple[str, ...]:
    return (
        sanitize_word(entry.run_id[:id_length], "(unknown)"),
        _entry_status(entry),
        sanitize_name(entry.repo, sanitize_word(entry.repo_id, "")),
        f"{duration(now - entry.created_at)} ago",
        # The repository is in the same row, so the number identifies the pull request.
        f"#{entry.pull_request.rpartition('/')[2]}" if entry.pull_request else "",
        clean_line(entry.prompt_line, _TASK_CHARACTERS),
    )


def _entry_status(entry: Entry) -> str:
    return sanitize_word(entry.status) if entry.status else "not confirmed"
