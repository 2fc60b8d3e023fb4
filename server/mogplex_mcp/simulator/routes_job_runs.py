"""Runs of automations: trigger one, list them, read one with everything in it."""

from typing import Any

from .calls import Call, Endpoint, Routes, text_field, uuid_or_500
from .ids import derived_id, new_id
from .messages import Refusal, Response, bad_request, internal_error, not_found, ok
from .moments import iso, iso_or_none
from .routes_automations import own_automation
from .world import READ, WRITE, Automation, JobRun, Repo

_DEFAULT = 20
_MOST = 50
_ACTIVE = frozenset({"pending", "running"})
_RUNTIME_AFTER = 0.02  # seconds from the trigger until the queue has started the job, as recorded


async def trigger(call: Call) -> Response:
    """Trigger an automation. 202 says that the request was understood, not that anything started."""
    key = call.idempotency_key()
    body = call.json_or(None)
    repo_id = text_field(body, "repoId")
    if repo_id is None:
        raise bad_request("repoId is required")
    given = body.get("input", {})
    if not isinstance(given, dict):
        raise bad_request("input must be an object")
    automation = own_automation(call, "Failed to trigger automation")
    repo = _repo(call, repo_id, automation)
    version = automation.published
    if version is None:
        raise Refusal(409, "CONFLICT", "Automation is not published")
    if automation.status != "active":
        raise Refusal(409, "CONFLICT", "Automation is not active")
    metadata = given | {
        "source": "mcp",
        "flow_id": automation.id,
        "repo_id": repo.id,
        "source_type": "mention",
        "default_branch": repo.default_branch,
        "repo_full_name": repo.full_name,
        "dispatch_source": "mcp",
        "flow_version_id": version.id,
        "installation_id": automation.installation_id,
    }
    known = next((job for job in call.world.job_runs.values() if job.key == key), None)
    if known is not None:
        # The key is looked up among everybody's: also another user's job answers (observed).
        known.dispatch_events.append(_dispatched(call, "enqueue", "suppressed", metadata, "IDEMPOTENT_DUPLICATE"))
        return _outcome(automation, known.id, "suppressed", "IDEMPOTENT_DUPLICATE", None)
    busy = sum(job.repo_id == repo.id and _status(job, call.now) in _ACTIVE for job in call.world.job_runs.values())
    if busy >= call.world.repo_job_limit:
        return _outcome(automation, None, "suppressed", "REPO_PENDING_LIMIT", None)
    job = JobRun(new_id(), automation.id, repo.id, call.now, key=key, version_id=version.id, metadata=metadata)
    job.dispatch_events.append(_dispatched(call, "enqueue", "queued", metadata))
    call.world.job_runs[job.id] = job
    if call.request.queue_failure is not None:
        job.last_start_error = "Connection error."
        await call.request.wait(call.request.queue_failure)
        raise internal_error("Failed to trigger automation")
    job.started_at = call.now + _RUNTIME_AFTER
    job.seconds = call.state.run_seconds
    job.runtime_run_id = f"run_{job.id.replace('-', '')[:24]}"
    started = {"flow_id": automation.id, "start_source": "api", "flow_version_id": version.id}
    job.dispatch_events.append(_dispatched(call, "start", "started", started))
    return _outcome(automation, job.id, "queued", None, job.runtime_run_id)


async def list_job_runs(call: Call) -> Response:
    """List the runs of an automation, newest first."""
    automation = own_automation(call, "Failed to list automation runs")
    jobs = [job for job in call.world.job_runs.values() if job.automation_id == automation.id]
    jobs.sort(key=lambda job: job.created_at, reverse=True)
    return ok({"runs": [_summary(call, job) for job in jobs[: call.limit(_DEFAULT, _MOST)]]})


async def get_job_run(call: Call) -> Response:
    """Answer with a run of an automation and everything in it, unredacted."""
    automation = own_automation(call, "Failed to load automation run logs")
    job = call.world.job_runs.get(call.uuid("run_id", "Failed to load automation run logs"))
    if job is None or job.automation_id != automation.id:
        raise not_found("Run not found")
    if job.recorded is not None:
        return ok({"run": job.recorded})
    details = {"dispatch_events": job.dispatch_events, "ai_calls": [], "review_findings": [], "waits": []}
    return ok({"run": _summary(call, job) | details})


def _repo(call: Call, repo_id: str, automation: Automation) -> Repo:
    repo = call.world.repo(uuid_or_500(repo_id, "Failed to trigger automation"))
    if repo is None or repo.user_id != call.user.id:
        raise not_found("Repository not found")
    if repo.installation_id != automation.installation_id:
        raise bad_request("Repository is outside this automation's GitHub installation")
    return repo


def _outcome(
    automation: Automation, job_id: str | None, outcome: str, reason: str | None, runtime_id: str | None
) -> Response:
    started = runtime_id is not None
    run = {
        "automationId": automation.id,
        "jobRunId": job_id,
        "outcome": outcome,
        "reason": reason,
        "started": started,
        "status": "running" if started else outcome,
        "runtime": {"provider": "trigger", "runId": runtime_id} if started else None,
    }
    return ok({"run": run}, 202)


def _dispatched(
    call: Call, kind: str, outcome: str, metadata: dict[str, Any], reason: str | None = None
) -> dict[str, Any]:
    moment = iso(call.now)
    return {
        "id": new_id(),
        "event_kind": kind,
        "outcome": outcome,
        "reason": reason,
        "metadata": metadata,
        "created_at": moment,
    }


def _status(job: JobRun, now: float) -> str:
    if job.recorded is not None:
        return str(job.recorded["status"])
    if job.started_at is None:
        return "pending"
    return "running" if job.seconds is None or now < job.started_at + job.seconds else "success"


def _summary(call: Call, job: JobRun) -> dict[str, Any]:
    if job.recorded is not None:
        details = ("dispatch_events", "ai_calls", "review_findings", "waits")
        return {name: value for name, value in job.recorded.items() if name not in details}
    now, status = call.now, _status(job, call.now)
    ended = job.started_at + job.seconds if status == "success" and job.started_at and job.seconds else None
    repo = call.world.repo(job.repo_id)
    return {
        "id": job.id,
        "assignment_id": None,
        "trigger_id": None,
        "flow_id": job.automation_id,
        "flow_version_id": job.version_id,
        "runtime_provider": "trigger" if job.runtime_run_id else None,
        "runtime_run_id": job.runtime_run_id,
        "workflow_run_id": None,
        "retry_of_job_run_id": None,
        "status": status,
        "created_at": iso(job.created_at),
        "started_at": iso_or_none(job.started_at),
        "completed_at": iso_or_none(ended),
        "input_tokens": 1_200 if ended else None,
        "output_tokens": 340 if ended else None,
        "duration_ms": round(job.seconds * 1000) if ended and job.seconds else None,
        "error": None,
        "start_attempts": 1,
        "last_start_attempt_at": iso(job.created_at + _RUNTIME_AFTER),
        "last_start_error": job.last_start_error,
        "last_start_source": "api",
        "cancel_requested_at": None,
        "cancelled_at": None,
        "cancel_reason": None,
        "cancel_error": None,
        "metadata": job.metadata,
        "source_kind": "flow",
        "source_type": "mention",
        "repo": {"id": job.repo_id, "full_name": repo.full_name if repo else None},
        "agent": {"id": None, "name": None, "slug": None},
        "cost_usd": None,
        "latest_ai_call": None,
        "repairable": False,
        "requeueable": False,
        "cancelable": status in _ACTIVE,
        "active_wait_count": 0,
        "latest_dispatch_event": job.dispatch_events[-1] if job.dispatch_events else None,
        "node_runs": _node_runs(call, job, ended, now),
    }


def _node_runs(call: Call, job: JobRun, ended: float | None, now: float) -> list[dict[str, Any]]:
    if ended is None or ended > now or job.started_at is None:
        return []
    automation = call.world.automations[job.automation_id]
    graph = automation.published.graph if automation.published else automation.draft
    return [
        {
            "id": derived_id(job.id, node["id"]),
            "user_id": automation.user_id,
            "job_run_id": job.id,
            "flow_id": automation.id,
            "flow_version_id": job.version_id,
            "node_id": node["id"],
            "node_type": node["type"],
            "node_label": node["data"].get("label", node["id"]),
            "status": "success",
            "started_at": iso(job.started_at),
            "completed_at": iso(ended),
            "duration_ms": round((ended - job.started_at) * 1000),
            "error": None,
            "output": {"text": "done"},
            "created_at": iso(job.started_at),
        }
        for node in graph["nodes"]
    ]


ROUTES: Routes = {
    "/automations/{automation_id}/trigger": {"POST": Endpoint(trigger, WRITE)},
    "/automations/{automation_id}/runs": {"GET": Endpoint(list_job_runs, READ)},
    "/automations/{automation_id}/runs/{run_id}": {"GET": Endpoint(get_job_run, READ)},
}
