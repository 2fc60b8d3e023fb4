"""What is kept of an answer about a run: what is read from it later, cut, so that no answer can fill the memory."""

from typing import Any, Final

from mogplex_mcp.api.lenient import LARGEST_NUMBER
from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.runs.outcome import find_pull_request

MESSAGE_CHARACTERS: Final = 2_000
"""Several times what is shown: characters that are taken out count here."""

WORD_CHARACTERS: Final = 300
_READ: Final = ("changed", "exit_code", "failure_code", "stage", "to")


def kept_run(run: Run) -> Run:
    """The same run, with texts of a bounded length."""
    values = {name: getattr(run, name) for name in Run.model_fields}
    long = {name: value for name, value in values.items() if isinstance(value, str) and len(value) > WORD_CHARACTERS}
    if not long:
        return run
    kept = {name: _kept_text(value) if name == "error" else value[:WORD_CHARACTERS] for name, value in long.items()}
    return run.model_copy(update=kept)


def kept_event(event: RunEvent) -> RunEvent:
    """The same event, with texts of a bounded length and of its payload only what tells how the run stands."""
    payload: dict[str, Any] = {}
    for name in _READ:
        value = event.payload.get(name)
        if isinstance(value, str):
            payload[name] = value[:WORD_CHARACTERS]
        elif isinstance(value, int) and abs(value) <= LARGEST_NUMBER:
            payload[name] = value
    if pull_request := find_pull_request(event):
        # Out of a payload that Mogplex cut, it is found by a search through all that is left of it.
        payload["pull_request_url"] = pull_request
    return event.model_copy(
        update={
            "id": event.id[:WORD_CHARACTERS],
            "type": event.type[:WORD_CHARACTERS],
            "tool_name": event.tool_name and event.tool_name[:WORD_CHARACTERS],
            "message": event.message and _kept_text(event.message),
            "payload": payload,
        }
    )


def characters(event: RunEvent) -> int:
    """About how many characters an event takes."""
    texts = (event.id, event.type, event.tool_name, event.message, *event.payload.values())
    return sum(len(text) for text in texts if isinstance(text, str))


def _kept_text(text: str) -> str:
    return text if len(text) <= MESSAGE_CHARACTERS else text[: MESSAGE_CHARACTERS - 1] + "…"
