"""Automations and their runs, out of a recording."""

import re
from typing import Any

from mogplex_mcp.simulator import Automation, JobRun, User, Version
from mogplex_mcp.simulator.formats import canonical, derived_id, epoch
from mogplex_mcp.simulator.graphs import default_draft

from .recorded_accounts import user_id
from .recorded_rows import START, UUID, Recording, data_of, start_of
from .recordings import Row


def add_automations(recording: Recording) -> None:
    """Add the automations that answers show or paths name, and as many more as there were."""
    for row, owner, item in recording.found("draftGraph", "publishedVersion"):
        if item["id"] not in recording.created and item["id"] not in recording.world.automations:
            _add_automation(recording, row, owner, item)
    for _, owner, item in recording.found("installationId", "publishedVersionId", "createdAt"):
        if item["id"] not in recording.created and item["id"] not in recording.world.automations:
            automation = _plain_automation(recording, item["id"], owner, epoch(item["createdAt"]))
            automation.description, automation.status = item["description"], item["status"]
            if item["publishedVersionId"] is None:
                automation.published = None
    for row in recording.rows:
        _automation_of_a_path(recording, row)
    for number in range(59):
        identifier = derived_id("filler automation", number)
        _plain_automation(recording, identifier, recording.world.user(user_id("alice")), START - 90_000 + number)


def _add_automation(recording: Recording, row: Row, owner: User, item: dict[str, Any]) -> None:
    version = item["publishedVersion"]
    published = None
    if version is not None:
        published = Version(version["id"], version["versionNumber"], version["graph"], epoch(version["createdAt"]))
    automation = Automation(
        id=item["id"],
        user_id=owner.id,
        installation_id=item["installationId"],
        name=item["name"],
        created_at=epoch(item["createdAt"]),
        updated_at=epoch(item["updatedAt"]),
        draft=item["draftGraph"],
        description=item["description"],
        notes=item["notes"],
        status=item["status"],
        published=published,
    )
    if row.path.endswith("/publish") and version is not None and version["versionNumber"] == 1:
        automation.published, automation.status = None, "inactive"
    recording.world.automations[automation.id] = automation


def _plain_automation(recording: Recording, identifier: str, owner: User, created_at: float) -> Automation:
    agents = [agent["id"] for agent in owner.agents if not agent["preset"]] or [derived_id("agent")]
    draft = default_draft(9001 if owner.name == "alice" else 9101, agents[0], "openai/gpt-5.4")
    automation = Automation(
        id=identifier,
        user_id=owner.id,
        installation_id=9001 if owner.name == "alice" else 9101,
        name=f"Flow {identifier[:8]}",
        created_at=created_at,
        updated_at=created_at,
        draft=draft,
        status="active",
        published=Version(derived_id("version", identifier), 1, draft, created_at),
    )
    recording.world.automations[identifier] = automation
    return automation


def _automation_of_a_path(recording: Recording, row: Row) -> None:
    """Learn of automations that no answer shows: from what publishing or using them gave."""
    match = re.search(rf"/automations/({UUID})(/\w+)?", row.path)
    match = match or re.search(rf'"(?:automationId)": ?"({UUID})"()', row.body.decode("latin-1"))
    owner = recording.owner_of(row)
    if match is None or owner is None or row.status in (401, 403, 404, 405) or row.method == "OPTIONS":
        return
    identifier = canonical(match[1]) or ""
    if identifier in recording.created:
        return
    automation = recording.world.automations.get(identifier) or _plain_automation(
        recording, identifier, owner, START - 9e4
    )
    data = automation.draft["nodes"]
    answer = row.answer or ""
    if not row.path.endswith("/publish") or automation.name != f"Flow {identifier[:8]}":
        return
    automation.published, automation.status = None, "inactive"
    if "must have a model selected" in answer:
        data[1]["data"]["modelOverride"] = None
    elif "Webhook triggers" in answer:
        data[0]["data"] = {"label": "hook", "event": "webhook", "filter": {"repoIds": []}}
    elif "must define a command" in answer:
        data.append({"id": "action-1", "type": "action", "position": {"x": 0, "y": 0}, "data": {"label": "Comment"}})


def add_job_runs(recording: Recording) -> None:
    """Add the runs of automations that were there before the recording."""
    # What was kept whole first: an answer that was cut lacks fields.
    shown = sorted(
        recording.found("flow_id", "node_runs"), key=lambda found: (found[0].is_cut, "dispatch_events" not in found[2])
    )
    for _, _, item in shown:
        before = "dispatch_events" in item or epoch(item["created_at"]) < start_of(recording.rows)
        if before and item["id"] not in recording.world.job_runs and item["id"] not in recording.created:
            recording.world.job_runs[item["id"]] = JobRun(
                id=item["id"],
                automation_id=item["flow_id"],
                repo_id=item["repo"]["id"],
                created_at=epoch(item["created_at"]),
                recorded=item,
            )
    used: set[str] = set()
    for row in recording.rows:
        key = row.headers.get("Idempotency-Key", "")
        if row.path.endswith("/trigger") and key not in used:
            _seed_job_key(recording, row, key)
            used.add(key)


def _seed_job_key(recording: Recording, row: Row, key: str) -> None:
    run = data_of(row).get("run", {})
    if run.get("reason") != "IDEMPOTENT_DUPLICATE":
        return
    known = recording.world.job_runs.setdefault(
        run["jobRunId"], JobRun(run["jobRunId"], run["automationId"], derived_id("nowhere"), START - 60)
    )
    known.key = key
