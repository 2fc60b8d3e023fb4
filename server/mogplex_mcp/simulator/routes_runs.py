"""Routes below `/runs`: start, read, list events, cancel."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .branches import Checkout, checkout_of
from .context import Endpoint, RouteContext, Routes, require_funds, text_field
from .formats import canonical, iso, new_id
from .messages import BASE_PATH, ApiError, Response, UncaughtError, bad_request, internal_error, not_found, ok
from .payloads import public_payload
from .pull_requests import pull_request_number
from .run_state import confirm_cancel, events_of, request_cancel, run_state_at
from .scripts import FAILED, SCRIPTS
from .world import WRITE, Event, Repo, Run, Sandbox

_LONGEST_PROMPT = 100_000  # UTF-16 units
_HARNESSES = ("codex", "claude-code")
_DEFAULT_EVENTS = 100
_MOST_EVENTS = 200
_REUSABLE = frozenset({"creating", "installing", "running"})
_ASTRAL = 0xFFFF  # code points above this take two UTF-16 units


async def start(context: RouteContext) -> Response:
    """Start a run, or replay the run that was started with the same key."""
    key = context.idempotency_key()
    body = context.json()
    if body is None:
        raise UncaughtError
    repo = _repo_within_quota(context, text_field(body, "repoId"))
    requested = _parse_request(context, body, repo, key)
    known = _started_before(context, key)
    if known is not None:
        if known.fingerprint != requested.fingerprint:
            raise ApiError(409, "IDEMPOTENCY_CONFLICT", "Idempotency key already used for a different request")
        return ok(public_run(context, known) | {"replayed": True}, 202)
    if "\0" in requested.prompt:
        raise internal_error("Failed to start run")
    run = _new_run(context, requested)
    context.world.runs[run.id] = run
    if context.request.queue_failure is not None:
        await context.request.wait(context.request.queue_failure)
        raise internal_error("Failed to start run")
    if context.request.queue_hang is not None:
        await context.request.wait(context.request.queue_hang)
        raise internal_error("Failed to start run")
    return ok(public_run(context, run) | {"replayed": False}, 202)


async def get_run(context: RouteContext) -> Response:
    """Return a run."""
    return ok({"run": public_run(context, _own_run(context, "Failed to load run"))})


async def list_events(context: RouteContext) -> Response:
    """Return a run and its oldest events."""
    run = _own_run(context, "Failed to load run events")
    number = pull_request_number(context.world, run, context.now)
    events = events_of(run, context.now, number=number)[: context.limit(_DEFAULT_EVENTS, _MOST_EVENTS)]
    return ok({"run": public_run(context, run), "events": [_public_event(event) for event in events]})


async def cancel_run(context: RouteContext) -> Response:
    """Cancel a run if possible; 200 even if there was nothing to cancel."""
    run = _own_run(context, "Failed to cancel run")
    now = context.now
    if not run_state_at(run, now).terminal and run.ai_call_status is not None:
        # The agent call behind the run has ended without an update of the run row: cancelling updates it.
        run.ended, run.ended_at = run.ai_call_status, now
    was_terminal = run_state_at(run, now).terminal
    if not was_terminal:
        request_cancel(run, now)
        if run.command_id is not None:
            _needs_sandbox_provider(context, run)
        confirm_cancel(run, now)
    status = run_state_at(run, now).status
    return ok({"run": public_run(context, run), "status": status, "alreadyTerminal": was_terminal})


def public_run(context: RouteContext, run: Run) -> dict[str, Any]:
    """Return the JSON of a run."""
    run_state = run_state_at(run, context.now)
    address = f"{BASE_PATH}/runs/{run.id}"
    return {
        "runId": run.id,
        "aiCallId": run.ai_call_id,
        "sandboxRecordId": run.sandbox_record_id if run_state.has_sandbox else None,
        "sandboxId": run.sandbox_id if run_state.has_sandbox else None,
        "repoId": run.repo_id,
        "harness": run.harness,
        "status": run_state.status,
        "branch": {"base": run.base, "working": run.working, "createBranch": run.create_branch},
        "rootDirectory": run.root_directory,
        "eventsUrl": f"{address}/events",
        "cancelUrl": f"{address}/cancel",
        "createdAt": iso(run.created_at),
        "updatedAt": iso(run_state.updated_at),
        "error": run_state.error,
        "runtime": {"provider": "trigger" if run.runtime_run_id else None, "runId": run.runtime_run_id},
    }


@dataclass(frozen=True, slots=True)
class _RunRequest:
    """A validated request for a run."""

    key: str
    repo: Repo
    prompt: str
    harness: str
    checkout: Checkout
    fingerprint: str


def _repo_within_quota(context: RouteContext, repo_id: str | None) -> Repo:
    """Return the repo and spend a start: the quota is checked before everything else.

    The quota's own table references the repo, so an unknown id breaks the quota, not the request.
    """
    if repo_id is None:
        raise bad_request("repoId is required")
    repo = context.world.repo(canonical(repo_id) or "")
    if repo is None:
        raise ApiError(503, "SERVICE_UNAVAILABLE", "External Mogplex run rate limit unavailable", retry_after=60)
    wait = context.state.quotas.spend(context.token.quota_key)
    if wait is not None:
        raise ApiError(429, "RATE_LIMITED", "External Mogplex run rate limit exceeded", retry_after=wait)
    return repo


def _parse_request(context: RouteContext, body: dict[str, Any], repo: Repo, key: str) -> _RunRequest:
    prompt = text_field(body, "prompt")
    if prompt is None:
        raise bad_request("Prompt is required")
    if len(prompt) + sum(ord(character) > _ASTRAL for character in prompt) > _LONGEST_PROMPT:
        raise bad_request("Prompt is too long")
    harness = text_field(body, "harness") or _HARNESSES[0]
    if harness not in _HARNESSES:
        raise bad_request("Invalid harness")
    if repo.user_id != context.user.id:
        raise not_found("Repo not found")
    checkout = checkout_of(body, repo, f"{context.user.id}/{key}")
    fields = [
        prompt,
        repo.id,
        harness,
        checkout.base,
        checkout.working,
        checkout.create_branch,
        checkout.root_directory,
    ]
    fields += [body.get(name) for name in ("conversationId", "workspaceSessionId", "mode")]
    fingerprint = hashlib.sha256(json.dumps(fields).encode()).hexdigest()
    return _RunRequest(key, repo, prompt, harness, checkout, fingerprint)


def _started_before(context: RouteContext, key: str) -> Run | None:
    runs = context.world.runs.values()
    return next((run for run in runs if run.idempotency_key == key and run.user_id == context.user.id), None)


def _new_run(context: RouteContext, requested: _RunRequest) -> Run:
    now, checkout = context.now, requested.checkout
    broken = context.request.queue_failure is not None or context.request.queue_hang is not None
    script = SCRIPTS["stuck_pending"] if broken else context.state.next_script(requested.prompt)
    run = Run(
        id=new_id(),
        user_id=context.user.id,
        repo_id=requested.repo.id,
        full_name=requested.repo.full_name,
        created_at=now,
        script=script,
        base=checkout.base,
        working=checkout.working,
        create_branch=checkout.create_branch,
        seconds=context.state.run_seconds,
        harness=requested.harness,
        root_directory=checkout.root_directory,
        ai_call_id=new_id(),
        runtime_run_id=f"run_{new_id().replace('-', '')[:24]}" if script.queued else None,
        number=len(context.world.runs) + 1,
        idempotency_key=requested.key,
        fingerprint=requested.fingerprint,
    )
    if context.request.queue_failure is not None:
        run.ended, run.ended_at, run.error = FAILED, now + context.request.queue_failure, "Connection error."
    _assign_sandbox(context, run)
    return run


def _assign_sandbox(context: RouteContext, run: Run) -> None:
    """Assign the sandbox that is active on the run's branch, or the one that its script will create."""
    active = [
        sandbox
        for sandbox in context.world.sandboxes
        if sandbox.repo_id == run.repo_id and sandbox.working_branch == run.working and sandbox.status in _REUSABLE
        if sandbox.created_at <= run.created_at and (sandbox.stops_at is None or sandbox.stops_at > run.created_at)
    ]
    if active:
        run.sandbox_record_id, run.sandbox_id = active[0].id, active[0].sandbox_id
        return
    born = next((step.at for step in run.script.steps if step.sandbox), None)
    if born is None:
        return
    sandbox = Sandbox(
        id=new_id(),
        user_id=run.user_id,
        repo_id=run.repo_id,
        sandbox_id=f"sbx_{run.id[:8]}",
        status="running",
        base_branch=run.base,
        working_branch=run.working,
        root_directory=run.root_directory,
        created_at=run.created_at + born * run.seconds,
        last_active_at=run.created_at + run.seconds,
        stops_at=run.created_at + run.seconds,
    )
    context.world.sandboxes.append(sandbox)
    run.sandbox_record_id, run.sandbox_id, run.sandbox_from_start = sandbox.id, sandbox.sandbox_id, False


def _needs_sandbox_provider(context: RouteContext, run: Run) -> None:
    if run.sandbox_record_id is None:
        raise bad_request("Run has no sandbox metadata")
    require_funds(context)


def _own_run(context: RouteContext, otherwise: str) -> Run:
    run = context.world.runs.get(context.uuid("run_id", otherwise))
    if run is None or run.user_id != context.user.id:
        raise not_found("Run not found")
    return run


def _public_event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "toolName": event.tool_name,
        "message": event.message,
        "payload": public_payload(event.payload),
        "createdAt": iso(event.created_at),
    }


ROUTES: Routes = {
    "/runs": {"POST": Endpoint(start, WRITE)},
    "/runs/{run_id}": {"GET": Endpoint(get_run)},
    "/runs/{run_id}/events": {"GET": Endpoint(list_events)},
    "/runs/{run_id}/cancel": {"POST": Endpoint(cancel_run, WRITE)},
}
