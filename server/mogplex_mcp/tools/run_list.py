"""The reply of list_runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, Field

from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import run_list
from mogplex_mcp.reply.model import Link, ListReply, NextStep, Time, Uuid
from mogplex_mcp.storage.ledger import Entry


class RunRow(BaseModel):
    """One run of the list."""

    run_id: Uuid = Field("", description="Id of the run; none while it is not known.")
    repo: str = Field("", description="Repository as owner/name, or its id where the name is not known.")
    status: str = Field(description="Mogplex's word for its state, when last looked at.")
    started: Time | None = Field(None, description="When the run was started.")
    pull_request: Link = Field("", description="Address of its pull request, once it is open.")
    task: str = Field("", description="First words of its prompt.")


class RunList(ListReply):
    """Runs, the newest first."""

    narrow: ClassVar[str] = "Call list_runs with repo, status or a smaller max_age_hours."
    runs: Sequence[RunRow] = Field(description="Newest first: one row for each run.")


def list_reply(found: run_list.RunList, now: datetime) -> RunList:
    """Return the answer to list_runs."""
    notes = []
    if found.is_recent:
        notes.append(
            "Runs from before your client last renewed its sign-in are not listed; tail_run and get_run take their ids."
        )
    if found.not_refreshed:
        notes.append(f"{found.not_refreshed} open runs show their last known state: Mogplex was not asked about all.")
    if any(entry.is_unknown for entry in found.entries):
        notes.append(
            "fate unknown: within ten minutes of that start, call start_run again with the same arguments; it will not "
            "start twice."
        )
    if found.left_out:
        notes.append(f"{found.left_out} older ones are left out; raise limit.")
    steps = [
        NextStep(
            tool="tail_run", arguments={"run_id": sanitize_word(entry.run_id)}, why="follow the newest one that is open"
        )
        for entry in found.entries
        if entry.is_open and entry.run_id
    ]
    return RunList(
        summary=f"{counted(len(found.entries), 'run')} known on this machine.",
        runs=[_row(entry, now - timedelta(seconds=found.now - entry.created_at)) for entry in found.entries],
        left_out=found.left_out or None,
        notes=notes,
        next_steps=steps[:1],
    )


def _row(entry: Entry, started: datetime) -> RunRow:
    return RunRow(
        run_id=sanitize_word(entry.run_id, ""),
        repo=sanitize_name(entry.repo, sanitize_word(entry.repo_id, "")),
        status=sanitize_word(entry.status) if entry.status else "fate unknown",
        started=started,
        pull_request=entry.pull_request,
        task=clean_line(entry.prompt_line, 100),
    )
