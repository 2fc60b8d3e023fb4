"""`mogplex-mcp runs`: look at runs, follow them, stop them."""

from argparse import Namespace

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.following import again, follow, goes_on, look
from mogplex_mcp.cli.terminal.records import age, camel, end_record, run_record
from mogplex_mcp.cli.terminal.watching import watcher
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.runs.outcome import Phase
from mogplex_mcp.tools.run_replies import CancelledRun, RunDetails, RunList, RunNews

_ENDED = (Phase.DONE, Phase.FAILED, Phase.CANCELLED)


@in_terminal
async def list_runs(session: Session, given: Namespace) -> int:
    """List the runs that the journal knows."""
    found = await session.caller.ask_for(
        RunList,
        "list_runs",
        repo=given.repo,
        status=given.status,
        max_age_hours=given.max_age_hours,
        limit=given.limit,
    )
    session.output.listed(
        found,
        [camel(row.model_dump()) for row in found.runs],
        ("run", "status", "repo", "started", "pr", "task"),
        [
            (row.run_id, row.status, row.repo, age(row.started), _pull_request(row.pull_request), row.task)
            for row in found.runs
        ],
    )
    return ExitCode.OK


@in_terminal
async def get_run(session: Session, given: Namespace) -> int:
    """Show a run as it stands."""
    run = await session.caller.ask_for(RunDetails, "get_run", run_id=given.run)
    if session.output.as_json:
        session.output.record(run_record(run))
    else:
        base, working = (run.untrusted.get(name, "") for name in ("base_branch", "working_branch"))
        session.output.facts(
            {
                "run": run.run_id,
                "status": run.status if run.phase == run.status else f"{run.status} ({run.phase})",
                "harness": run.harness,
                "repo": run.repo or run.repo_id,
                "branch": f"{working} (base {base})" if working else base,
                "sandbox": run.sandbox_id,
                "created": run.created,
                "updated": run.updated,
                "pull request": run.pull_request,
                "failure": run.untrusted.get("failure", ""),
            }
        )
    session.output.notes(run.notes)
    return ExitCode.OK


@in_terminal
async def show_events(session: Session, given: Namespace) -> int:
    """Show the events of a run, or follow it."""
    if given.follow:
        return await follow_run(session, given.run, given.timeout)
    with watcher(session.output) as shown:
        news = await look(session.caller, given.run, shown)
    session.output.notes(news.notes)
    return ExitCode.OK


@in_terminal
async def cancel_run(session: Session, given: Namespace) -> int:
    """Ask for the end of a run."""
    cancelled = await session.caller.ask_for(CancelledRun, "cancel_run", run_id=given.run)
    if session.output.as_json:
        session.output.record(run_record(cancelled))
    else:
        session.output.line(cancelled.summary)
        session.output.facts({"run": cancelled.run_id, "status": cancelled.status})
    return ExitCode.OK


async def follow_run(session: Session, run_id: str, timeout_seconds: float | None) -> int:
    """Follow a run to its end; the exit code says whether it succeeded.

    Raises:
        Refusal: The run cannot be followed, or the time is up.
    """
    with watcher(session.output) as shown:
        news = await follow(session.caller, run_id, shown, timeout_seconds=timeout_seconds)
    if session.caller.shutdown.has_begun and goes_on(news):
        # Only now: a live view breaks what is said below it into lines, and this is to be copied.
        say(f"The run goes on. Follow it again: {again(news.run_id)}")
    if session.output.as_json:
        session.output.record(end_record(news))
    elif news.phase in _ENDED:
        _show_end(session, news)
    elif not session.caller.shutdown.has_begun:
        session.output.line(news.summary)
    session.output.notes(news.notes)
    return ExitCode.OK if news.phase == Phase.DONE else ExitCode.FAILURE


def _show_end(session: Session, news: RunNews) -> None:
    style = "bold green" if news.phase == Phase.DONE else "bold red"
    session.output.line(f"--- run {news.run_id} {news.status} ---", style=style)
    session.output.facts({"pull request": news.pull_request, "failure": news.untrusted.get("failure", "")})
    if news.phase == Phase.DONE and not news.pull_request:
        session.output.line(news.summary)


def _pull_request(address: str) -> str:
    """The number of a pull request: beside the name of the repository that is enough to find it."""
    return f"#{address.rpartition('/')[2]}" if address else ""
