"""What only the run card shows of a run: times of phases, events as data, the task. No model reads it.

It is given to clients with MCP Apps, under `_meta` ("Data Passing" in SEP-1865). Text that others wrote stands under
`untrusted` here, too, cleaned and cut as in the result.
"""

from collections.abc import Sequence
from typing import Any, Final

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.reply.model import in_utc
from mogplex_mcp.reply.untrusted import clean_line, sanitize_name
from mogplex_mcp.runs.event_groups import EventGroup
from mogplex_mcp.runs.outcome import is_terminal, phase_times
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.tools.run_replies import EVENT_CHARACTERS, branches, event_kind
from mogplex_mcp.ui.run_card import DATA

TASK_CHARACTERS: Final = 200


def card_meta(
    call: Call,
    run: Run,
    events: Sequence[RunEvent] = (),
    groups: Sequence[EventGroup] = (),
    *,
    repo: str,
    task: str,
    can_continue: bool,
) -> dict[str, Any]:
    """Return what goes under `_meta` of a result about a run.

    Args:
        call: The call that is answered.
        run: The run.
        events: All its events that are known.
        groups: The events that the result tells.
        repo: The name of its repository; empty when unknown.
        task: The beginning of its prompt; empty when unknown.
        can_continue: Whether `start_run` takes a run to continue.
    """
    allowed = {
        "follow": "tail_run" in call.offered,
        "stop": "cancel_run" in call.offered,
        "continue": can_continue and is_terminal(run) and bool(run.working_branch) and "start_run" in call.offered,
    }
    data: dict[str, Any] = {
        "run_id": run.run_id,
        "repo": sanitize_name(repo),
        "phases": [{"name": phase, "at": in_utc(at)} for phase, at in phase_times(run, events)],
        "actions": [name for name, offered in allowed.items() if offered],
        "untrusted": {
            "task": clean_line(task, TASK_CHARACTERS),
            **branches(run),
            "events": [_event(one) for one in groups],
        },
    }
    if run.created_at:
        data["age_seconds"] = round((call.now - run.created_at).total_seconds(), 1)
    return {DATA: data}


def _event(one: EventGroup) -> dict[str, Any]:
    event = one.last
    data: dict[str, Any] = {"kind": event_kind(one), "message": clean_line(event.message or "", EVENT_CHARACTERS)}
    if len(one.events) > 1:
        data["count"] = len(one.events)
    if event.created_at:
        data["at"] = in_utc(event.created_at)
    return data
