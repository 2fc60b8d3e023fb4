"""What `--json` prints: the names that Mogplex's own command line uses, as far as it has one for the fact.

Repositories and sandboxes have names with underscores there, runs and automations have them in camel case.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.untrusted import clean, sanitize_word
from mogplex_mcp.tools.repos import RepoRow
from mogplex_mcp.tools.run_replies import RunNews
from mogplex_mcp.tools.sandboxes import SandboxRow

TEXT_CHARACTERS: Final = 20_000
# A time as tools tell it: "2026-11-22T10:42Z (3 min ago)".
_TIME: Final = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\dZ) \((?P<age>.*)\)")
_NO_FACTS: Final = ("summary", "notes", "untrusted", "next_steps")


def age(text: str) -> str:
    """How long ago a time was that a tool told."""
    told = _TIME.fullmatch(text)
    return told["age"] if told else text


def time(text: str) -> str:
    """The time itself."""
    told = _TIME.fullmatch(text)
    return told["time"] if told else text


def camel(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a reply or of a row of one, in camel case, without what is empty."""
    record: dict[str, Any] = {}
    for name, value in facts.items():
        if name in _NO_FACTS or value is None or value == "":
            continue
        told = _TIME.fullmatch(value) if isinstance(value, str) else None
        if told:
            record[f"{name}At"] = told["time"]
        else:
            record[re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)] = value
    return record


def run_record(reply: Reply, *, repo_id: str = "") -> dict[str, Any]:
    """A run, as `run`, `runs get` and `runs cancel` print it.

    Args:
        reply: What the tool answered.
        repo_id: The id of its repository, where the answer does not have it.
    """
    untrusted = reply.untrusted
    branch = {"base": untrusted.get("base_branch"), "working": untrusted.get("working_branch")}
    record = camel(reply.model_dump(mode="json") | ({"repo_id": repo_id} if repo_id else {}))
    if any(branch.values()):
        record["branch"] = branch
    return record | {name: untrusted[name] for name in ("failure",) if name in untrusted}


def end_record(news: RunNews) -> dict[str, Any]:
    """The last line of a run that was followed."""
    record = run_record(news)
    record.pop("cursor", None)
    return record


def repo_record(row: RepoRow) -> dict[str, Any]:
    """A repository."""
    return {
        "id": row["id"],
        "full_name": row["repo"],
        "default_branch": row["default_branch"] or None,
        "root_directory": row["root_directory"] or None,
    }


def sandbox_record(row: SandboxRow, others_text: Mapping[str, str]) -> dict[str, Any]:
    """A sandbox, with what others called its branches and the like."""
    return {
        "id": row.id,
        "repo_id": row.repo_id,
        "status": row.status,
        "base_branch": others_text.get("base") or None,
        "working_branch": others_text.get("branch") or None,
        "root_directory": others_text.get("directory") or None,
        "preview_url": others_text.get("preview") or None,
        "last_active_at": time(row.last_active) or None,
        "error": others_text.get("error") or None,
    }


def event_record(event: RunEvent) -> dict[str, Any]:
    """An event of a run, without what could do harm in a terminal or a log."""
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
    """JSON of others whose texts are cleaned, and cut where they are longer than anybody reads."""
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
