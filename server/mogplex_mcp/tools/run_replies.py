"""Replies about runs, made from snapshots and outcomes, with the next steps."""

from datetime import datetime

from mogplex_mcp.api import models
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.operations import runs
from mogplex_mcp.operations.continuation import Continuation
from mogplex_mcp.reply.model import NextStep
from mogplex_mcp.runs.outcome import Outcome, Phase, read_outcome
from mogplex_mcp.runs.tail import Reason, Tail
from mogplex_mcp.runs.watch import EVENT_WINDOW, Snapshot
from mogplex_mcp.storage.ledger import TERMINAL_STATUSES
from mogplex_mcp.tools.run_events import as_much_as_fits, event_line, newest_that_fit
from mogplex_mcp.tools.run_results import CancelledRun, RunDetails, RunNews, StartedRun

FAILURE_CHARACTERS = 600
# Longer than any time between two polls that do not wait for others.
OLD_SECONDS = 20.0


def started_reply(result: runs.StartedRun, *, now: datetime, base_url: str) -> StartedRun:
    """Return the answer to start_run: the id first, and honest about what is not a new run."""
    started, run = result.started, result.started.run
    repo = sanitize_name(result.repo.full_name, sanitize_word(result.repo.id))
    follow = NextStep(tool="tail_run", arguments={"run_id": sanitize_word(run.run_id)}, why="wait for its pull request")
    notes = []
    if started.is_unqueued:
        summary = f"Mogplex accepted the run on {repo}, but could not queue it: it has failed and nothing was done."
        follow = NextStep(tool="get_run", arguments={"run_id": sanitize_word(run.run_id)}, why="see the reason")
        notes.append("To start it again, call start_run with force_new. If it fails again, Mogplex has an outage.")
    elif started.replayed:
        age = f", started {duration((now - run.created_at).total_seconds())} ago" if run.created_at else ""
        summary = f"This run is already there{age}; no second one was started on {repo}."
        if run.status in TERMINAL_STATUSES:
            summary = f"This run has ended already{age}; no second one was started on {repo}."
            follow = NextStep(
                tool="get_run", arguments={"run_id": sanitize_word(run.run_id)}, why="see what came of it"
            )
            notes.append("If the user really wants another one, call start_run with force_new.")
        elif read_outcome(run, (), repo="", now=now).never_queued:
            notes.append(_never_queued(run, now))
            follow = NextStep(
                tool="cancel_run", arguments={"run_id": sanitize_word(run.run_id)}, why="stop it, if the user agrees"
            )
        elif not run.runtime_run_id and run.status == "pending":
            notes.append("No worker has taken it yet; if that stays so for minutes, it will never run.")
        else:
            notes.append("If the user really wants another one, call start_run with force_new.")
    else:
        summary = f"Run started on {repo}."
    notes += _continued(result.continues)
    if not started.noted:
        notes.append("The journal could not be written: keep this run_id, list_runs will not show it.")
    return StartedRun(
        summary=summary,
        run_id=sanitize_word(run.run_id),
        repo=repo,
        status=sanitize_word(run.status),
        harness=sanitize_word(run.harness, ""),
        replayed=started.replayed,
        pull_request=result.continues.pull_request if result.continues else "",
        web_page=page_of_run(run.run_id, base_url),
        untrusted=branches(run),
        notes=notes,
        next_steps=[follow],
    )


def _continued(continues: Continuation | None) -> list[str]:
    """Return what a run that continues another one will deliver to."""
    if continues is None:
        return []
    branch = f"It works on the branch of run {continues.run_id}"
    if continues.pull_request:
        gone = "if that is not open any more, a new one is opened, or the run fails where its branch was deleted"
        return [f"{branch} and updates this pull request; {gone}."]
    if continues.wanted.working_branch == continues.wanted.base_branch:
        return [f"{branch}, which is the base branch itself: there is no pull request to update."]
    if continues.changed:
        return [f"{branch}, which reported no pull request; an open one of that branch is updated."]
    return [f"{branch}, which reported no changes: if its branch does not exist, this run will fail."]


def news_reply(followed: runs.FollowedRun, *, now: datetime, base_url: str) -> RunNews:
    """Return the answer to tail_run: how the run stands, what is new, and the next call spelled out."""
    news = as_much_as_fits(followed.news, followed.seen)
    snapshot, outcome, run = news.snapshot, news.outcome, news.snapshot.run
    ended = news.reason is Reason.ENDED
    events = [event_line(one) for one in news.groups]
    untrusted: dict[str, object] = {"events": events} if events else {}
    if ended and outcome.failure:
        untrusted["failure"] = clean_line(outcome.failure, FAILURE_CHARACTERS)
    untrusted |= _other_link(outcome)
    notes = _latest(is_latest=followed.is_latest) + _notes(snapshot, now, asleep=news.asleep)
    if news.more:
        notes.append(f"{counted(news.more, 'more event')} there; the next call with this cursor tells what.")
    return RunNews(
        summary=_news_summary(news, now),
        run_id=sanitize_word(run.run_id),
        repo=sanitize_name(followed.repo),
        status=sanitize_word(run.status),
        phase=outcome.phase,
        pull_request=outcome.pull_request,
        changed=outcome.changed,
        exit_code=outcome.exit_code,
        failure_code=sanitize_word(outcome.failure_code, ""),
        stale=news.reason is Reason.STALE or None,
        truncated_upstream=snapshot.saturated or None,
        web_page=page_of_run(run.run_id, base_url),
        cursor="" if ended and not news.more else str(news.cursor),
        untrusted=untrusted,
        notes=notes,
        next_steps=_steps_after(news),
    )


def details_reply(details: runs.RunDetails, *, now: datetime, base_url: str) -> RunDetails:
    """Return the answer to get_run."""
    snapshot, outcome, groups = details.snapshot, details.outcome, details.groups
    run = snapshot.run
    untrusted: dict[str, object] = {**branches(run)}
    if outcome.failure:
        untrusted["failure"] = clean_line(outcome.failure, FAILURE_CHARACTERS)
    untrusted |= _other_link(outcome)
    # The newest events say how it stands; tail_run has what came before.
    events = [event_line(one) for one in newest_that_fit(groups)]
    untrusted |= {"events": events} if events else {}
    notes = _latest(is_latest=details.is_latest) + _notes(snapshot, now)
    if len(events) < len(groups):
        notes.append(f"{len(groups) - len(events)} earlier events are left out; tail_run without a cursor tells all.")
    is_stale = snapshot.is_stale(outcome)
    if outcome.never_queued:
        notes.append(_never_queued(run, now))
    elif is_stale:
        notes.append(_stale(outcome))
    arguments = {"run_id": sanitize_word(run.run_id)}
    follow = (
        NextStep(tool="cancel_run", arguments=arguments, why="stop it, if the user agrees")
        if outcome.never_queued or is_stale
        else NextStep(tool="tail_run", arguments=arguments, why="wait for its end")
    )
    return RunDetails(
        summary=f"The run is {outcome.phase}{' (pull request open)' if outcome.pull_request else ''}.",
        run_id=sanitize_word(run.run_id),
        repo=sanitize_name(details.repo),
        repo_id=sanitize_word(run.repo_id, ""),
        status=sanitize_word(run.status),
        phase=outcome.phase,
        harness=sanitize_word(run.harness, ""),
        created=run.created_at,
        updated=run.updated_at,
        pull_request=outcome.pull_request,
        changed=outcome.changed,
        exit_code=outcome.exit_code,
        failure_code=sanitize_word(outcome.failure_code, ""),
        sandbox_id=sanitize_word(run.sandbox_record_id or "", ""),
        truncated_upstream=snapshot.saturated or None,
        web_page=page_of_run(run.run_id, base_url),
        left_out=len(groups) - len(events) or None,
        untrusted=untrusted,
        notes=notes,
        next_steps=[] if outcome.is_terminal else [follow],
    )


def cancelled_reply(cancellation: runs.RunCancellation) -> CancelledRun:
    """Return the answer to cancel_run, which is honest when there was nothing to stop."""
    cancelled, run = cancellation.cancelled, cancellation.cancelled.run
    stopped = run.status == "cancelled" and not cancelled.already_terminal
    if cancelled.already_terminal:
        summary = f"The run was over before: {sanitize_word(run.status)}. Nothing was stopped."
    elif stopped:
        summary = "The run is cancelled."
    else:
        summary = f"Mogplex was asked to stop the run; it is still {sanitize_word(run.status)}."
    follow = NextStep(tool="tail_run", arguments={"run_id": sanitize_word(run.run_id)}, why="see it stop")
    return CancelledRun(
        summary=summary,
        run_id=sanitize_word(run.run_id),
        repo=sanitize_name(cancellation.repo),
        status=sanitize_word(run.status),
        already_terminal=cancelled.already_terminal,
        next_steps=[follow] if run.status not in TERMINAL_STATUSES else [],
    )


def _never_queued(run: models.Run, now: datetime) -> str:
    age = f" {duration((now - run.created_at).total_seconds())} ago" if run.created_at else ""
    return (
        f"Mogplex accepted this run{age}, but no worker ever took it: it "
        "will not run. Stop it with cancel_run and start it again with force_new."
    )


def _stale(outcome: Outcome) -> str:
    return (
        f"Nothing was heard of this run for {duration(outcome.silence.total_seconds())}. It may be dead: look at its "
        "sandbox, or stop it with cancel_run and start it again with force_new, if the user agrees."
    )


def _other_link(outcome: Outcome) -> dict[str, str]:
    """Return what the run reports in place of a pull request of its own repository."""
    return {"reported_link": clean_line(outcome.other_link, 300)} if outcome.other_link else {}


def _news_summary(news: Tail, now: datetime) -> str:
    run, outcome = news.snapshot.run, news.outcome
    age = f" after {duration((now - run.created_at).total_seconds())}" if run.created_at else ""
    count = sum(len(one.events) for one in news.groups)
    new = f" {counted(count, 'new event')}." if count else " Nothing new."
    match news.reason:
        case Reason.NEVER_QUEUED:
            summary = _never_queued(run, now)
        case Reason.STALE:
            summary = _stale(outcome)
        case Reason.ENDED:
            summary = _ended_summary(outcome, news.snapshot)
        case Reason.MILESTONE if outcome.pull_request:
            summary = f"The pull request is open; the run itself is still {outcome.phase}{age}."
        case Reason.MILESTONE:
            summary = f"The run reports a failure; it is {outcome.phase}{age}."
        case Reason.UPDATE:
            summary = f"The run is {outcome.phase}{age}.{new}"
        case Reason.TIME_UP if news.snapshot.fault:
            seen = duration(now.timestamp() - news.snapshot.at)
            summary = f"Mogplex cannot be asked: {seen} ago the run was {outcome.phase}. Do not start it again.{new}"
        case Reason.TIME_UP:
            summary = f"Still running on Mogplex ({outcome.phase}{age}). Nothing is lost. Do not start it again.{new}"
    return summary


def _ended_summary(outcome: Outcome, snapshot: Snapshot) -> str:
    if outcome.phase is Phase.CANCELLED:
        return "The run was cancelled."
    if outcome.phase is Phase.FAILED:
        pull_request = " A pull request was opened all the same." if outcome.pull_request else ""
        return f"The run failed.{pull_request}"
    if outcome.pull_request:
        return "The run is done. Its pull request is open for review."
    if outcome.changed is False:
        return "The run is done; the agent changed nothing, so there is no pull request."
    if snapshot.saturated:
        return "The run is done. Whether there is a pull request cannot be read here; look at its branch on GitHub."
    return "The run is done. It reported no pull request."


def _steps_after(news: Tail) -> list[NextStep]:
    run_id = sanitize_word(news.snapshot.run.run_id)
    if news.reason in (Reason.NEVER_QUEUED, Reason.STALE):
        return [NextStep(tool="cancel_run", arguments={"run_id": run_id}, why="stop it, if the user agrees")]
    if news.reason is Reason.ENDED and not news.more:
        sandbox = sanitize_word(news.snapshot.run.sandbox_record_id or "", "")
        if news.outcome.phase is Phase.FAILED and sandbox:
            return [NextStep(tool="get_sandbox_logs", arguments={"sandbox_id": sandbox}, why="look for the reason")]
        return []
    arguments = {"run_id": run_id, "cursor": str(news.cursor)}
    return [NextStep(tool="tail_run", arguments=arguments, why="go on waiting; one call waits, do not poll")]


def _latest(*, is_latest: bool) -> list[str]:
    return ["No run_id was given: this is the latest run that was started from this client."] if is_latest else []


def _notes(snapshot: Snapshot, now: datetime, *, asleep: float = 0.0) -> list[str]:
    notes = []
    if snapshot.saturated:
        notes.append(f"Mogplex shows the first {EVENT_WINDOW} events only; later ones cannot be read.")
    age = now.timestamp() - snapshot.at
    if snapshot.fault:
        notes.append(
            f"Mogplex could not be asked again just now ({snapshot.fault.code}): this is the last known state."
        )
    elif asleep:
        notes.append(
            f"This is how it stood before this machine slept, this server was stopped or the clock was set, for "
            f"{duration(asleep)} while the call waited; call again to see how it stands now."
        )
    elif age > OLD_SECONDS:
        notes.append(
            f"This is how it stood {duration(age)} ago: all that watch share half of the requests of a minute."
        )
    return notes


def page_of_run(run_id: str, base_url: str) -> str:
    """Return the address of a run's page on the web."""
    return f"{web_url(base_url)}/runs/{sanitize_word(run_id)}"


def branches(run: models.Run) -> dict[str, str]:
    """Return the names of branches, which agents and strangers choose."""
    named = {"base_branch": run.base_branch, "working_branch": run.working_branch}
    return {name: clean_line(text, 200) for name, text in named.items() if text}
