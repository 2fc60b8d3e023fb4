"""Runs and their events, out of a recording."""

import re
from typing import Any

from mogplex_mcp.simulator import Event, Run, RunScript, User
from mogplex_mcp.simulator.formats import derived_id, epoch
from mogplex_mcp.simulator.run_state import finished_script
from mogplex_mcp.simulator.scripts import ACCEPTED, STREAMING

from .recorded_rows import START, UUID, Recording
from .recordings import Row

WAITING = RunScript("waiting", (ACCEPTED,))
"""What a run does in the recorded deployment, whose queue takes runs and never starts them."""

_TERMINAL = {"success", "failed", "cancelled"}


def add_runs(recording: Recording) -> None:
    """Add the runs that were there before the recording, as they then stood."""
    for row, owner, item in recording.found("runId", "aiCallId", "runtime"):
        if item["runId"] not in recording.created and item["runId"] not in recording.world.runs:
            _add_run(recording, row, owner, item)
    for row in recording.rows:
        _learn_from_cancel(recording, row)
        _seed_key(recording, row)
    for row, _, item in recording.found("run", "events"):
        run = recording.world.runs.get(item["run"].get("runId", ""))
        if run is not None and not run.events and not row.is_cut:
            cancelled = _cancelled_before(recording, row, run.id)
            run.events = [event_of(event) for event in item["events"] if not ("cancel" in event["type"] and cancelled)]
    for row, _, item in recording.found("run"):
        # The events themselves were cut out of the record; that there are some is all that counts.
        run = recording.world.runs.get((item["run"] or {}).get("runId", ""))
        if run is not None and row.is_cut and "/events" in row.path and not run.events:
            run.events = [Event(derived_id(run.id, n), "log", run.created_at + n, "cut") for n in range(500)]


def event_of(item: dict[str, Any]) -> Event:
    """Make the event that an answer shows."""
    return Event(item["id"], item["type"], epoch(item["createdAt"]), item["message"], item["payload"], item["toolName"])


def _add_run(recording: Recording, row: Row, owner: User, item: dict[str, Any]) -> None:
    status = item["status"]
    repo = recording.world.repo(item["repoId"])
    cancelled_here = any(
        other.path.endswith(f"{item['runId']}/cancel") and '"alreadyTerminal":false' in (other.answer or "")
        for other in recording.rows
    ) or (status == "cancelled" and '"alreadyTerminal":false' in (row.answer or ""))
    if cancelled_here and not _was_terminal(recording, item["runId"]):
        status = "pending"
    recording.world.runs[item["runId"]] = Run(
        id=item["runId"],
        user_id=owner.id,
        repo_id=item["repoId"],
        full_name=repo.full_name if repo else "acme/unknown",
        created_at=epoch(item["createdAt"]),
        updated_at=epoch(item["updatedAt"]),
        script=finished_script(status),
        base=item["branch"]["base"],
        working=item["branch"]["working"],
        create_branch=item["branch"]["createBranch"],
        harness=item["harness"],
        root_directory=item["rootDirectory"],
        ai_call_id=item["aiCallId"],
        sandbox_record_id=item["sandboxRecordId"],
        sandbox_id=item["sandboxId"],
        runtime_run_id=item["runtime"]["runId"],
        error=item["error"],
    )


def _cancelled_before(recording: Recording, row: Row, run_id: str) -> bool:
    return any(
        other.n < row.n and other.method == "POST" and f"{run_id}/cancel" in other.path
        for other in recording.rows
        if "Missing required scope" not in (other.answer or "")
    )


def _was_terminal(recording: Recording, run_id: str) -> bool:
    looks = [row for row in recording.rows if row.method == "GET" and row.path.endswith(f"/runs/{run_id}")]
    return bool(looks) and looks[0].json is not None and looks[0].json["data"]["run"]["status"] in _TERMINAL


def _learn_from_cancel(recording: Recording, row: Row) -> None:
    match = re.search(rf"/runs/({UUID})/cancel\Z", row.path)
    answer = row.answer or ""
    if match is None or row.method != "POST":
        return
    refused = "no sandbox metadata" in answer or "billing balance" in answer
    run = recording.world.runs.get(match[1])
    owner = recording.owner_of(row)
    if run is None and refused and owner is not None:
        run = recording.world.runs[match[1]] = _unseen_run(match[1], owner)
        run.sandbox_record_id = derived_id("sandbox of", run.id) if "billing balance" in answer else None
    if run is None:
        return
    if refused:
        run.command_id = f"cmd_{run.id[:4]}"
    if row.status < 300 and row.json["data"]["alreadyTerminal"] and run.script.status not in _TERMINAL:
        status = row.json["data"]["status"]
        if status != "cancelled":
            run.ai_call_status = status


def _unseen_run(identifier: str, owner: User) -> Run:
    return Run(
        id=identifier,
        user_id=owner.id,
        repo_id=derived_id("nowhere"),
        full_name="acme/unknown",
        created_at=START - 86_400,
        script=finished_script(STREAMING),
    )


def _seed_key(recording: Recording, row: Row) -> None:
    """Seed the run behind a key that conflicts although no row that was kept had used it before."""
    key, owner = row.headers.get("Idempotency-Key", "").strip(), recording.owner_of(row)
    conflict = "IDEMPOTENCY_CONFLICT" in (row.answer or "") and row.path.endswith("/runs")
    before = any(
        other.n < row.n
        and other.headers.get("Idempotency-Key", "").strip() == key
        and recording.owner_of(other) is owner
        for other in recording.rows
    )
    if conflict and not before and owner is not None:
        identifier = derived_id("seeded by key", owner.id, key)
        run = recording.world.runs[identifier] = _unseen_run(identifier, owner)
        run.script, run.idempotency_key, run.fingerprint = finished_script("success"), key, "another request"
