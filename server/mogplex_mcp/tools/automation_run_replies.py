"""Replies about runs of automations. Resume tokens and ids of users are in none of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel

from mogplex_mcp.api.automation_models import AutomationRun, AutomationRunDetail
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.operations import automation_runs
from mogplex_mcp.operations.automation_runs import MOST_RUNS
from mogplex_mcp.reply.model import NextStep
from mogplex_mcp.runs.automation_run_state import AutomationRunState
from mogplex_mcp.tools.automation_run_results import (
    AutomationRunDetails,
    AutomationRunList,
    AutomationRunRow,
    TriggeredAutomation,
)
from mogplex_mcp.tools.pages import page_of

Section = Literal["summary", "nodes", "findings", "calls", "events", "waits"]

_FIELDS: Final[Mapping[str, str]] = {
    "nodes": "node_runs",
    "findings": "review_findings",
    "calls": "ai_calls",
    "events": "dispatch_events",
    "waits": "waits",
}
_LEFT_OUT: Final = frozenset({"resumetoken", "userid"})
_ERROR_CHARACTERS: Final = 600
_REASONS: Final = {
    "REPO_PENDING_LIMIT": "too many runs of automations are pending on this repository; try again when some have ended"
}


def runs_reply(found: automation_runs.AutomationRunList, limit: int) -> AutomationRunList:
    """Return the answer to list_automation_runs."""
    runs = found.runs
    steps = []
    if runs:
        arguments = {"automation_id": found.automation_id, "run_id": sanitize_word(runs[0].id)}
        steps.append(NextStep(tool="get_automation_run", arguments=arguments, why="look at the newest one"))
    raised = "" if limit == MOST_RUNS else f"; raise limit (at most {MOST_RUNS})"
    problems = [{"run_id": sanitize_word(run.id), "error": _problem(run, 200)} for run in runs]
    return AutomationRunList(
        summary=f"{counted(len(runs), 'run')} of this automation.",
        automation_id=found.automation_id,
        runs=[
            AutomationRunRow(
                run_id=sanitize_word(run.id),
                status=sanitize_word(run.status),
                repo=sanitize_name(run.repo_full_name or "", sanitize_word(run.repo_id or "", "")),
                created=run.created_at,
                seconds=_seconds(run),
                never_started=found.never_started(run) or None,
            )
            for run in runs
        ],
        notes=[f"There may be older ones, and Mogplex has no pages{raised}."] if found.may_be_more else [],
        untrusted={"runs": problems} if any(one["error"] for one in problems) else {},
        next_steps=steps,
    )


def run_reply(state: AutomationRunState, *, section: Section, page: int) -> AutomationRunDetails:
    """Return the answer to get_automation_run.

    Raises:
        InvalidArgumentError: There is no such page.
    """
    run = state.run
    arguments = {"automation_id": state.automation_id, "run_id": sanitize_word(run.id)}
    notes = []
    if state.is_latest:
        notes.append("No run_id was given: this is the latest run that was triggered from this client.")
    if state.fault:
        notes.append(f"Mogplex could not be asked again just now ({state.fault.code}): this is the last known state.")
    untrusted: dict[str, Any] = {}
    shown = None
    steps = []
    if section == "summary":
        untrusted, steps = _summary(run), _steps(state, arguments)
        notes += _notes(state)
    elif _items(run, section):
        shown = page_of("\n".join(map(_line, _items(run, section))), page)
        untrusted = {"json_lines": shown.text}
        if page < shown.count:
            following = arguments | {"detail": section, "page": page + 1}
            steps = [NextStep(tool="get_automation_run", arguments=following, why="the next page")]
    else:
        notes.append(f"This run has no {section}.")
    tokens = [count for count in (run.input_tokens, run.output_tokens) if count is not None]
    return AutomationRunDetails(
        summary=_sentence(state),
        run_id=sanitize_word(run.id),
        automation_id=state.automation_id,
        status=sanitize_word(run.status),
        ended=state.has_ended,
        repo=sanitize_name(run.repo_full_name or "", sanitize_word(run.repo_id or "", "")),
        created=run.created_at,
        seconds=_seconds(run),
        source=sanitize_word(run.source_type or run.source_kind or "", ""),
        tokens=sum(tokens) if tokens else None,
        cost_usd=run.cost_usd,
        parts={part: len(items) for part in _FIELDS if (items := _items(run, part))},
        page=shown.number if shown else None,
        pages=shown.count if shown else None,
        notes=notes,
        untrusted=untrusted,
        next_steps=steps,
    )


def triggered_reply(result: automation_runs.TriggeredAutomation) -> TriggeredAutomation:
    """Return the answer to trigger_automation, honest about what was not started."""
    automation_id, triggered = result.automation_id, result.triggered
    notes = []
    follow = NextStep(
        tool="get_automation_run",
        arguments={"automation_id": automation_id, "run_id": sanitize_word(triggered.run_id), "wait_seconds": 3_600},
        why="wait for its end",
    )
    if triggered.is_unqueued:
        summary = "Mogplex accepted the run, but could not queue it: nothing was done."
        notes.append(
            "As it stands it will never run: to trigger it again, call trigger_automation with force_new. "
            "If that fails too, Mogplex has an outage."
        )
        arguments = {"automation_id": automation_id, "run_id": sanitize_word(triggered.run_id)}
        follow = NextStep(tool="get_automation_run", arguments=arguments, why="see the reason")
    elif result.has_started:
        summary = "The automation was triggered."
    elif triggered.replayed:
        summary = "This run was triggered before; no second one was started."
        notes.append("If the user really wants another one, call trigger_automation with force_new.")
    else:
        summary = f"Mogplex started nothing: {_REASONS.get(triggered.reason, 'it gave the reason below')}."
    later = NextStep(tool="list_automation_runs", arguments={"automation_id": automation_id}, why="see what is running")
    return TriggeredAutomation(
        summary=summary,
        automation_id=automation_id,
        run_id=sanitize_word(triggered.run_id, ""),
        started=result.has_started,
        replayed=triggered.replayed,
        status=sanitize_word(triggered.status, ""),
        reason=sanitize_word(triggered.reason, ""),
        notes=notes,
        next_steps=[follow if triggered.run_id else later],
    )


def _sentence(state: AutomationRunState) -> str:
    status = sanitize_word(state.run.status)
    if state.has_ended:
        return f"The run has ended: {status}."
    if state.needs_answer:
        return "The run waits for a person: see waits. It can be answered on the Mogplex web page."
    if state.is_unqueued:
        return (
            "Mogplex accepted the run, but could not queue it: nothing was done. If the user wants "
            "another one, call trigger_automation with force_new."
        )
    if state.never_started:
        age = f" {duration((state.now - state.run.created_at).total_seconds())} ago" if state.run.created_at else ""
        return (
            f"Mogplex accepted this run{age}, but no worker ever took it: it never started and will not run. If the "
            "user wants another one, call trigger_automation with force_new."
        )
    if state.is_stale:
        return (
            f"The run is {status}, but nothing was heard of it for {duration(state.silence.total_seconds())}. It may "
            "be dead: let the user look at it on the Mogplex web page before another one is triggered with force_new."
        )
    return f"The run is {status}. Nothing is lost; do not trigger it again."


def _notes(state: AutomationRunState) -> list[str]:
    run = state.run
    notes = []
    parts = [part for part in _FIELDS if _items(run, part)]
    if parts:
        notes.append(f"Call get_automation_run with detail {', '.join(parts)} for all of it.")
    return notes


def _steps(state: AutomationRunState, arguments: Mapping[str, Any]) -> list[NextStep]:
    if not state.is_going_on:
        return []
    return [
        NextStep(
            tool="get_automation_run",
            arguments={**arguments, "wait_seconds": 3_600},
            why="wait for its end; one call waits, do not poll",
        )
    ]


def _summary(run: AutomationRunDetail) -> dict[str, Any]:
    nodes = [
        {
            "node": clean_line(node.node_id, 60),
            "type": sanitize_word(node.node_type),
            "status": sanitize_word(node.status),
        }
        | ({"error": clean_line(node.error, 300)} if node.error else {})
        for node in run.node_runs
    ]
    findings = [
        {
            "severity": sanitize_word(one.severity),
            "title": clean_line(one.title, 120),
            "path": clean_line(one.path or "", 120),
        }
        for one in run.review_findings
    ]
    waits = [
        {
            "node": clean_line(wait.node_id, 60),
            "kind": sanitize_word(wait.wait_kind),
            "status": sanitize_word(wait.status),
        }
        | ({"prompt": clean_line(wait.prompt, 300)} if wait.prompt else {})
        for wait in run.waits
    ]
    parts = {"error": _problem(run, _ERROR_CHARACTERS), "nodes": nodes, "findings": findings, "waits": waits}
    return {part: value for part, value in parts.items() if value}


def _items(run: AutomationRunDetail, section: str) -> Sequence[BaseModel]:
    items: Sequence[BaseModel] = getattr(run, _FIELDS[section])
    return items


def _line(item: BaseModel) -> str:
    """Return everything that is known of a part of a run, on one line of JSON."""
    text = json.dumps(_shown(item.model_dump(mode="json", exclude_none=True)), ensure_ascii=False)
    return clean(text, len(text))


def _shown(value: Any) -> Any:
    """Return the value without resume tokens and ids of users, at any depth."""
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items() if _plain(key) not in _LEFT_OUT}
    return [_shown(inner) for inner in value] if isinstance(value, list) else value


def _plain(key: object) -> str:
    return str(key).casefold().replace("-", "").replace("_", "")


def _problem(run: AutomationRun, limit: int) -> str:
    return clean_line(run.error or run.last_start_error or run.cancel_reason or "", limit)


def _seconds(run: AutomationRun) -> float | None:
    return None if run.duration_ms is None else run.duration_ms / 1_000
