"""What only the run card shows of a run: times of phases, events as data, the task. No model reads it.

It is given to clients with MCP Apps, under `_meta` ("Data Passing" in SEP-1865). Text that others wrote stands under
`untrusted` here, too, cleaned and cut as in the result.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.core.cleaning import clean_line, sanitize_name
from mogplex_mcp.operations.known_runs import task_of
from mogplex_mcp.reply.model import Reply, in_utc
from mogplex_mcp.runs.event_groups import EventGroup
from mogplex_mcp.runs.outcome import is_terminal, phase_times
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.tools.run_events import EVENT_CHARACTERS, event_kind
from mogplex_mcp.tools.run_replies import branches
from mogplex_mcp.ui.run_card import DATA

TASK_CHARACTERS: Final = 200

_ReplyT = TypeVar("_ReplyT", bound=Reply)


async def with_card(
    call: Call,
    reply: _ReplyT,
    run: Run,
    events: Sequence[RunEvent] = (),
    groups: Sequence[EventGroup] = (),
    *,
    repo: str,
    task: str | None = None,
) -> _ReplyT:
    """Return the reply with what the card shows, for a client that may have it.

    Args:
        call: The call that is answered.
        reply: The reply to it.
        run: The run that it is about.
        events: All events of the run that are known.
        groups: The events that the reply tells.
        repo: The name of the run's repository; empty when unknown.
        task: The first line of its prompt; None for that of the journal.
    """
    if not call.shows_cards:
        return reply
    if task is None:
        task = await task_of(call, run.run_id)
    allowed = {
        "follow": "tail_run" in call.offered,
        "stop": "cancel_run" in call.offered,
        "continue": is_terminal(run) and bool(run.working_branch) and "start_run" in call.offered,
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
    return reply.with_meta({DATA: data})


def _event(one: EventGroup) -> dict[str, Any]:
    event = one.last
    data: dict[str, Any] = {"kind": event_kind(one), "message": clean_line(event.message or "", EVENT_CHARACTERS)}
    if len(one.events) > 1:
        data["count"] = len(one.events)
    if event.created_at:
        data["at"] = in_utc(event.created_at)
    return data
