"""Records of `--json`, with the field names of Mogplex's own command line where it has one.

There, repositories and sandboxes use snake case, runs and automations use camel case.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mogplex_mcp.api.models import Run, RunEvent
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_name, sanitize_word
from mogplex_mcp.operations.runs import RunDetails
from mogplex_mcp.runs.outcome import Outcome

TEXT_CHARACTERS: Final = 20_000
FAILURE_CHARACTERS: Final = 600
_BRANCH_CHARACTERS: Final = 200


def camel(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with names in camel case, without empty values."""
    return {
        re.sub(r"_(\w)", lambda letter: letter[1].upper(), name): value
        for name, value in facts.items()
        if value is not None and value != ""
    }


def iso(time: datetime | None) -> str:
    """Return a time as ISO 8601 in UTC; empty when it is not known."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if time else ""


def branches(run: Run) -> dict[str, str]:
    """Return the names of a run's branches, cleaned: `base` and `working`, empty for none."""
    return {
        "base": clean_line(run.base_branch or "", _BRANCH_CHARACTERS),
        "working": clean_line(run.working_branch or "", _BRANCH_CHARACTERS),
    }


def run_record(run: Run, *, repo: str, **facts: Any) -> dict[str, Any]:
    """Return a run as `run`, `runs get` and `runs cancel` print it.

    Args:
        run: The run.
        repo: The name of its repository; empty if unknown.
        facts: Further fields, with names in snake case.
    """
    record = camel(
        {
            "run_id": sanitize_word(run.run_id),
            "repo": sanitize_name(repo),
            "repo_id": sanitize_word(run.repo_id, ""),
            "status": sanitize_word(run.status),
            "harness": sanitize_word(run.harness, ""),
            **facts,
        }
    )
    names = {name: branch or None for name, branch in branches(run).items()}
    return record | ({"branch": names} if any(names.values()) else {})


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a run, with names in snake case."""
    return {
        "phase": outcome.phase,
        "pull_request": outcome.pull_request,
        "changed": outcome.changed,
        "exit_code": outcome.exit_code,
        "failure_code": sanitize_word(outcome.failure_code, ""),
        "failure": clean_line(outcome.failure, FAILURE_CHARACTERS),
    }


def details_record(details: RunDetails) -> dict[str, Any]:
    """Return a run as `runs get` prints it."""
    run = details.snapshot.run
    return run_record(
        run,
        repo=details.repo,
        **outcome_facts(details.outcome),
        created_at=iso(run.created_at),
        updated_at=iso(run.updated_at),
        sandbox_id=sanitize_word(run.sandbox_record_id or "", ""),
        truncated_upstream=details.snapshot.saturated or None,
    )


def event_record(event: RunEvent) -> dict[str, Any]:
    """Return an event of a run, without control characters that could affect a terminal or a log."""
    record = {
        "id": sanitize_word(event.id),
        "type": sanitize_word(event.type),
        "toolName": cleaned(event.tool_name),
        "message": cleaned(event.message),
        "payload": cleaned(event.payload),
        "createdAt": _precise(event),
    }
    return {name: value for name, value in record.items() if value not in (None, "", {})}


def cleaned(value: Any) -> Any:
    """Return untrusted JSON with its strings cleaned and truncated."""
    if isinstance(value, str):
        return clean(value, TEXT_CHARACTERS)
    if isinstance(value, Mapping):
        return {clean(str(name), TEXT_CHARACTERS): cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return value


def _precise(event: RunEvent) -> str:
    if event.created_at is None:
        return ""
    return event.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
