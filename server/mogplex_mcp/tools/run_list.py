"""The list of runs: the journal, with the live state of what is not over yet."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import anyio

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.core.humanize import ago, counted
from mogplex_mcp.reply.model import NextStep
from mogplex_mcp.reply.untrusted import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.storage.ledger import Entry
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.tools.run_replies import RunList, RunRow

MOST_REFRESHED: Final = 8
REFRESH_SECONDS: Final = 8.0
REFRESHED_BEFORE_SECONDS: Final = 10.0


async def list_journal(call: Call, *, repo_id: str, status: str, max_age_hours: int, limit: int) -> RunList:
    """The runs of the journal, filtered, the newest first.

    Raises:
        StateError: The journal cannot be read.
    """
    since = call.clock() - max_age_hours * 3_600
    entries = await call.tenant.ledger.runs(repo_id=repo_id, since=since)
    entries, missed = await _refreshed(call, entries)
    matching = [entry for entry in entries if status in ("any", entry.status) or (status == "open" and entry.is_open)]
    notes = [f"{missed} open runs show their last known state: Mogplex was not asked about all."] if missed else []
    if any(entry.is_unknown for entry in matching):
        notes.append(
            "fate unknown: within ten minutes of that start, call start_run again with the same arguments; it will not "
            "start twice."
        )
    if len(matching) > limit:
        notes.append(f"{len(matching) - limit} older ones are left out; raise limit.")
    shown = matching[:limit]
    steps = [
        NextStep(
            tool="tail_run", arguments={"run_id": sanitize_word(entry.run_id)}, why="follow the newest one that is open"
        )
        for entry in shown
        if entry.is_open and entry.run_id
    ]
    return RunList(
        summary=f"{counted(len(shown), 'run')} known on this machine.",
        runs=[_row(call, entry) for entry in shown],
        notes=notes,
        next_steps=steps[:1],
    )


async def _refreshed(call: Call, entries: Sequence[Entry]) -> tuple[list[Entry], int]:
    """The entries with live state, and how many of the open ones are shown as they were."""
    due = [entry for entry in entries if entry.is_open and entry.run_id]
    due = [entry for entry in due if call.clock() - entry.checked_at > REFRESHED_BEFORE_SECONDS]
    fresh: dict[str, Entry] = {}

    async def refresh(entry: Entry) -> None:
        try:
            snapshot = await call.tenant.watches.of(entry.run_id).look()
        except MogplexError:
            return
        outcome = read_outcome(snapshot.run, snapshot.events, now=call.now)
        run = snapshot.run
        fresh[entry.key] = replace(entry, status=run.status, pull_request=outcome.pull_request or entry.pull_request)
        # A journal that can only be read is still a list.
        with contextlib.suppress(StateError):
            await call.tenant.ledger.see_run(
                entry.run_id,
                repo_id=run.repo_id,
                status=run.status,
                pull_request=outcome.pull_request,
                created_at=entry.created_at,
            )

    with anyio.move_on_after(min(REFRESH_SECONDS, call.remaining)):
        async with anyio.create_task_group() as tasks:
            for entry in due[:MOST_REFRESHED]:
                tasks.start_soon(refresh, entry)
    return [fresh.get(entry.key, entry) for entry in entries], len(due) - len(fresh)


def _row(call: Call, entry: Entry) -> RunRow:
    status = sanitize_word(entry.status) if entry.status else "fate unknown"
    started = datetime.fromtimestamp(entry.created_at, UTC)
    return RunRow(
        run_id=sanitize_word(entry.run_id, "(not known)"),
        repo=sanitize_name(entry.repo, sanitize_word(entry.repo_id, "")),
        status=status,
        started=ago(started, call.now),
        pull_request=entry.pull_request,
        task=clean_line(entry.prompt_line, 100),
    )
