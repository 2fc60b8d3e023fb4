"""`mogplex-mcp automations runs` and `get-run`: look at runs of automations, follow them."""

from argparse import Namespace
from typing import Any

from mogplex_mcp.api.automation_models import AutomationRun, AutomationRunDetail
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.records import FAILURE_CHARACTERS, camel, iso
from mogplex_mcp.cli.terminal.run_view import run_view
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import ago, duration
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations import automation_runs
from mogplex_mcp.runs.automation_run_state import AutomationRunState
from mogplex_mcp.runs.progress import describe_automation_run

_DEFAULT_LIMIT = 20
_WAIT_SECONDS = 3_600
_ID_CHARACTERS = 100
_LINE_CHARACTERS = 300


@in_terminal
async def list_runs(session: Session, given: Namespace) -> int:
    """List what an automation did."""
    limit = _DEFAULT_LIMIT if given.limit is None else given.limit
    found = await session.perform(
        "list_automation_runs",
        lambda context: automation_runs.list_automation_runs(context, automation_id=given.automation, limit=limit),
    )
    notes = [] if found.runs else ["No runs of this automation."]
    if found.may_be_more:
        most = automation_runs.MOST_RUNS
        notes.append(f"There may be older ones{f'; raise --limit (at most {most})' if limit < most else ''}.")
    session.output.listed(
        [_run_record(run) for run in found.runs],
        ("run", "status", "repo", "created", "took", "error"),
        [
            (
                sanitize_word(run.id),
                sanitize_word(run.status),
                _repo(run),
                ago(run.created_at, session.now),
                _took(run),
                _problem(run),
            )
            for run in found.runs
        ],
        notes=notes,
    )
    return ExitCode.OK


@in_terminal
async def get_run(session: Session, given: Namespace) -> int:
    """Show a run of an automation, now or when it has ended."""
    if given.follow:
        return await follow_run(session, given.automation, given.run)
    state = await session.perform(
        "get_automation_run",
        lambda context: automation_runs.get_automation_run(
            context, automation_id=given.automation, run_id=given.run or ""
        ),
    )
    _show_run(session, state)
    return ExitCode.OK


async def follow_run(session: Session, automation_id: str, run_id: str) -> int:
    """Wait until a run ends or needs an answer: one call after the other, each as long as a call may take.

    Returns:
        The exit code, which says whether the run succeeded.

    Raises:
        CommandError: The run cannot be followed.
    """
    with run_view(session.output) as shown:

        async def look(run: AutomationRunDetail) -> None:
            await shown.progress(describe_automation_run(run))

        async def wait(run_id: str) -> AutomationRunState:
            return await session.perform(
                "get_automation_run",
                lambda context: automation_runs.get_automation_run(
                    context, automation_id=automation_id, run_id=run_id, wait_seconds=_WAIT_SECONDS, listener=look
                ),
            )

        state = await wait(run_id or "")
        while state.is_going_on and not session.shutdown.has_begun:
            state = await wait(state.run.id)
    if state.is_going_on:
        known = f"{state.automation_id} {sanitize_word(state.run.id)}"
        again = session.command(f"automations get-run {known} --follow")
        say(f"The run goes on. Follow it again: {again}")
    _show_run(session, state)
    return ExitCode.OK if state.run.status == "success" else ExitCode.FAILURE


def _show_run(session: Session, state: AutomationRunState) -> None:
    run = state.run
    tables = {"nodes": _nodes(run), "findings": _findings(run), "waits": _waits(run)}
    counts = [count for count in (run.input_tokens, run.output_tokens) if count is not None]
    tokens = sum(counts) if counts else None
    if session.output.as_json:
        session.output.record(
            _run_record(run)
            | camel(
                {
                    "automation_id": state.automation_id,
                    "ended": state.has_ended,
                    "needs_answer": state.needs_answer,
                    "source": _source(run),
                    "tokens": tokens,
                    "cost_usd": run.cost_usd,
                }
            )
            | {name: rows for name, rows in tables.items() if rows}
        )
    else:
        session.output.line(_sentence(state), style="bold")
        session.output.facts(
            {
                "run": sanitize_word(run.id),
                "automation": state.automation_id,
                "repo": _repo(run),
                "source": _source(run),
                "created": ago(run.created_at, session.now),
                "took": _took(run),
                "tokens": "" if tokens is None else str(tokens),
                "cost": "" if run.cost_usd is None else f"${run.cost_usd:g}",
                "error": _problem(run),
            }
        )
        for rows in filter(None, tables.values()):
            session.output.line()
            columns = list(rows[0])
            session.output.table(columns, [[row[column] for column in columns] for row in rows])
    if state.fault:
        session.output.notes(["Mogplex could not be asked again just now: this is the last known state."])


def _sentence(state: AutomationRunState) -> str:
    status = sanitize_word(state.run.status)
    if state.has_ended:
        return f"The run has ended: {status}."
    if state.needs_answer:
        return "The run waits for a person. Answer it on the Mogplex web page."
    if state.never_started:
        return (
            "Mogplex accepted this run, but no worker ever took it: it never started and will not run. "
            "`mogplex-mcp automations trigger` with --force-new starts another one."
        )
    if state.is_stale:
        return f"The run is {status}, but has reported nothing for {duration(state.silence.total_seconds())}."
    return f"The run is {status}."


def _run_record(run: AutomationRun) -> dict[str, Any]:
    return camel(
        {
            "run_id": sanitize_word(run.id),
            "status": sanitize_word(run.status),
            "repo": _repo(run),
            "created_at": iso(run.created_at),
            "duration_ms": run.duration_ms,
            "error": _problem(run),
        }
    )


def _nodes(run: AutomationRunDetail) -> list[dict[str, str]]:
    return [
        {
            "node": clean_line(one.node_id, _ID_CHARACTERS),
            "type": sanitize_word(one.node_type),
            "status": sanitize_word(one.status),
            "error": clean_line(one.error or "", _LINE_CHARACTERS),
        }
        for one in run.node_runs
    ]


def _findings(run: AutomationRunDetail) -> list[dict[str, str]]:
    return [
        {
            "severity": sanitize_word(one.severity),
            "finding": clean_line(one.title, _LINE_CHARACTERS),
            "path": clean_line(one.path or "", _LINE_CHARACTERS),
        }
        for one in run.review_findings
    ]


def _waits(run: AutomationRunDetail) -> list[dict[str, str]]:
    return [
        {
            "wait": clean_line(one.node_id, _ID_CHARACTERS),
            "kind": sanitize_word(one.wait_kind),
            "status": sanitize_word(one.status),
            "prompt": clean_line(one.prompt or "", _LINE_CHARACTERS),
        }
        for one in run.waits
    ]


def _repo(run: AutomationRun) -> str:
    return sanitize_name(run.repo_full_name or "", sanitize_word(run.repo_id or "", ""))


def _source(run: AutomationRun) -> str:
    return sanitize_word(run.source_type or run.source_kind or "", "")


def _took(run: AutomationRun) -> str:
    return "" if run.duration_ms is None else duration(run.duration_ms / 1_000)


def _problem(run: AutomationRun) -> str:
    return clean_line(run.error or run.last_start_error or run.cancel_reason or "", FAILURE_CHARACTERS)
