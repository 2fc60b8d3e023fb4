"""Truncation of runs and events before they are cached, so that no response can exhaust the memory."""

from typing import Any, Final

from mogplex_mcp.api.lenient import LARGEST_NUMBER
from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.runs.outcome import reported_link

MESSAGE_CHARACTERS: Final = 2_000
"""Limit of a message. Replies show less, but sanitizing removes characters first."""

FIELD_CHARACTERS: Final = 300
"""Limit of any other text."""

_PAYLOAD_FIELDS: Final = ("changed", "exit_code", "failure_code", "stage", "to")


def truncate_run(run: Run) -> Run:
    """Return the run with each text truncated to its limit."""
    values = {name: getattr(run, name) for name in Run.model_fields}
    long = {name: value for name, value in values.items() if isinstance(value, str) and len(value) > FIELD_CHARACTERS}
    if not long:
        return run
    short = {
        name: _truncate_message(value) if name == "error" else value[:FIELD_CHARACTERS] for name, value in long.items()
    }
    return run.model_copy(update=short)


def truncate_event(event: RunEvent) -> RunEvent:
    """Return the event with truncated texts and only those fields of its payload that `outcome` reads."""
    payload: dict[str, Any] = {}
    for name in _PAYLOAD_FIELDS:
        value = event.payload.get(name)
        if isinstance(value, str):
            payload[name] = value[:FIELD_CHARACTERS]
        elif isinstance(value, int) and abs(value) <= LARGEST_NUMBER:
            payload[name] = value
    if link := reported_link(event):
        # In a payload that Mogplex truncated, the address is somewhere in the preview, which is dropped here.
        payload["pull_request_url"] = link[:FIELD_CHARACTERS]
    return event.model_copy(
        update={
            "id": event.id[:FIELD_CHARACTERS],
            "type": event.type[:FIELD_CHARACTERS],
            "tool_name": event.tool_name and event.tool_name[:FIELD_CHARACTERS],
            "message": event.message and _truncate_message(event.message),
            "payload": payload,
        }
    )


def count_characters(event: RunEvent) -> int:
    """Return the approximate size of an event, in characters."""
    texts = (event.id, event.type, event.tool_name, event.message, *event.payload.values())
    return sum(len(text) for text in texts if isinstance(text, str))


def _truncate_message(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARACTERS else text[: MESSAGE_CHARACTERS - 1] + "…"
