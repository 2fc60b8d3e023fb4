"""Routes for automation runs: trigger, list, read with all details."""

from typing import Any

from .context import Endpoint, RouteContext, Routes, text_field, uuid_or_500
from .formats import derived_id, iso, iso_or_none, new_id
from .messages import ApiError, Response, bad_request, internal_error, not_found, ok
from .routes_automations import own_automation
from .scripts import FAILED, PENDING
from .world import READ, WRITE, Automation, JobRun, Repo

_DEFAULT = 20
_MOST = 50
_ACTIVE = frozenset({PENDING, "running"})
_REPAIRABLE_AFTER = 600.0  # seconds; a pending one of three hours was repairable, one of a second was not
_RUNTIME_AFTER = 0.02  # seconds from the trigger until the queue has started the job, as recorded


async def trigger(context: RouteContext) -> Response:
    """Trigger an automation. 202 means that the request was valid, not that a run started."""
    key = context.idempotency_key()
    body = context.json_or(None)
    repo_id = text_field(body, "repoId")
    if repo_id is None:
        raise bad_request("repoId is required")
    given = body.get("input", {})
    if not isinstance(given, dict):
        raise bad_request("input must be an object")
    automation = own_automation(context, "Failed to trigger automation")
    repo = _repo(context, repo_id, automation)
    version = automation.published
    if version is None:
        raise ApiError(409, "CONFLICT", "Publish the automation before triggering it")
    if automation.status != "active":
        raise ApiError(409, "CONFLICT", "Activate the automation before triggering it")
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
    known = next((job for job in context.world.job_runs.values() if job.key == key), None)
    if known is not None:
        # Keys are global: the job of another user under the same key counts as a duplicate (observed).
        known.dispatch_events.append(_dispatched(context, "enqueue", "suppressed", metadata, "IDEMPOTENT_DUPLICATE"))
        return _outcome(automation, known.id, "suppressed", "IDEMPOTENT_DUPLICATE", None)
    busy = sum(
        job.repo_id == repo.id and _status(job, context.now) in _ACTIVE for job in context.world.job_runs.values()
    )
    if busy >= context.world.repo_job_limit:
        return _outcome(automation, None, "suppressed", "REPO_PENDING_LIMIT", None)
    job = JobRun(new_id(), automation.id, repo.id, context.now, key=key, version_id=version.id, metadata=metadata)
    job.dispatch_events.append(_dispatched(context, "enqueue", "queued", metadata))
    context.world.job_runs[job.id] = job
    job.ending = context.state.next_job_ending()
    job.seconds = context.state.run_seconds
    await _queue(context, job)
    return _outcome(automation, job.id, "queued", None, job.runtime_run_id)


async def _queue(context: RouteContext, job: JobRun) -> None:
    """Hand a job run to the queue.

    Raises:
        ApiError: 500, the queue is down; the job run stays behind, pending.
    """
    request = context.request
    start = {"flow_id": job.automation_id, "start_source": "api", "flow_version_id": job.version_id}
    job.last_start_attempt_at = round(context.now + _RUNTIME_AFTER, 3)
    if request.queue_failure is not None:
        await request.wait(request.queue_failure)
        job.last_start_error = "Connection error."
        job.dispatch_events.append(_dispatched(context, "start", "start_failed", start, job.last_start_error))
        raise internal_error("Failed to trigger automation")
    if job.ending == PENDING:
        return
    job.started_at = job.last_start_attempt_at
    if request.queue_hang is not None:
        await request.wait(request.queue_hang)  # a caller that goes away leaves it running, without a runtime id
    job.runtime_run_id = f"run_{job.id.replace('-', '')[:24]}"
    job.dispatch_events.append(_dispatched(context, "start", "started", start))


async def list_job_runs(context: RouteContext) -> Response:
    """List the runs of an automation, newest first."""
    automation = own_automation(context, "Failed to list automation runs")
    known = context.world.job_runs.values()
    jobs = [job for job in known if job.automation_id == automation.id and job.created_at <= context.now]
    jobs.sort(key=lambda job: job.created_at, reverse=True)
    return ok({"runs": [_summary(context, job) for job in jobs[: context.limit(_DEFAULT, _MOST)]]})


async def get_job_run(context: RouteContext) -> Response:
    """Return an automation run with all details, unredacted."""
    automation = own_automation(context, "Failed to load automation run logs")
    job = context.world.job_runs.get(context.uuid("run_id", "Failed to load automation run logs"))
    if job is None or job.automation_id != automation.id:
        raise not_found("Run not found")
    if job.recorded is not None:
        return ok({"run": job.recorded})
    details = {"dispatch_events": job.dispatch_events, "ai_calls": [], "review_findings": [], "waits": []}
    return ok({"run": _summary(context, job) | details})


def _repo(context: RouteContext, repo_id: str, automation: Automation) -> Repo:
    repo = context.world.repo(uuid_or_500(repo_id, "Failed to trigger automation"))
    if repo is None or repo.user_id != context.user.id:
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
    context: RouteContext, kind: str, outcome: str, metadata: dict[str, Any], reason: str | None = None
) -> dict[str, Any]:
    moment = iso(context.now)
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
        return PENDING
    # Without a runtime id the queue has not responded, and nothing runs that could end.
    if job.runtime_run_id is None or job.seconds is None or now < job.started_at + job.seconds:
        return "running"
    return job.ending


def _summary(context: RouteContext, job: JobRun) -> dict[str, Any]:
    if job.recorded is not None:
        details = ("dispatch_events", "ai_calls", "review_findings", "waits")
        return {name: value for name, value in job.recorded.items() if name not in details}
    now, status = context.now, _status(job, context.now)
    ended = job.started_at + job.seconds if status not in _ACTIVE and job.started_at and job.seconds else None
    repo = context.world.repo(job.repo_id)
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
        "error": "Agent node failed" if status == FAILED else None,
        "start_attempts": int(job.last_start_attempt_at is not None),
        "last_start_attempt_at": iso_or_none(job.last_start_attempt_at),
        "last_start_error": job.last_start_error,
        "last_start_source": "api" if job.last_start_attempt_at else None,
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
        "repairable": status == PENDING and now - job.created_at > _REPAIRABLE_AFTER,
        "requeueable": status == FAILED,
        "cancelable": status in _ACTIVE,
        "active_wait_count": 0,
        "latest_dispatch_event": job.dispatch_events[-1] if job.dispatch_events else None,
        "node_runs": _node_runs(context, job, ended, now),
    }


def _node_runs(context: RouteContext, job: JobRun, ended: float | None, now: float) -> list[dict[str, Any]]:
    if ended is None or ended > now or job.started_at is None:
        return []
    automation = context.world.automations[job.automation_id]
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
            "status": job.ending,
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
