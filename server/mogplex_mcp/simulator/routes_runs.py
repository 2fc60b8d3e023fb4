"""`/runs`: start, look, read the events, cancel."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .branches import Place, place_of
from .calls import Call, Endpoint, Routes, text_field
from .ids import canonical, new_id
from .lives import confirm_cancel, events_of, life_of, request_cancel
from .messages import BASE_PATH, Refusal, Response, Uncaught, bad_request, internal_error, not_found, ok
from .moments import iso
from .payloads import public_payload
from .scripts import FAILED, SCRIPTS
from .world import WRITE, Event, Repo, Run, Sandbox

_LONGEST_PROMPT = 100_000  # UTF-16 units
_HARNESSES = ("codex", "claude-code")
_DEFAULT_EVENTS = 100
_MOST_EVENTS = 200
_REUSABLE = frozenset({"creating", "installing", "running"})
_ASTRAL = 0xFFFF  # code points above this take two UTF-16 units


async def start(call: Call) -> Response:
    """Start a run, or replay the one that this key started before."""
    key = call.idempotency_key()
    body = call.json()
    if body is None:
        raise Uncaught
    repo = _repo_within_quota(call, text_field(body, "repoId"))
    order = _order(call, body, repo, key)
    known = _started_before(call, key)
    if known is not None:
        if known.fingerprint != order.fingerprint:
            raise Refusal(409, "IDEMPOTENCY_CONFLICT", "Idempotency key already used for a different request")
        return ok(public_run(call, known) | {"replayed": True}, 202)
    if "\0" in order.prompt:
        raise internal_error("Failed to start run")
    run = _new_run(call, order)
    call.world.runs[run.id] = run
    if call.request.queue_failure is not None:
        await call.request.wait(call.request.queue_failure)
        raise internal_error("Failed to start run")
    return ok(public_run(call, run) | {"replayed": False}, 202)


async def get_run(call: Call) -> Response:
    """Answer with a run."""
    return ok({"run": public_run(call, _own_run(call, "Failed to load run"))})


async def list_events(call: Call) -> Response:
    """Answer with a run and the oldest of its events."""
    run = _own_run(call, "Failed to load run events")
    events = events_of(run, call.now)[: call.limit(_DEFAULT_EVENTS, _MOST_EVENTS)]
    return ok({"run": public_run(call, run), "events": [_public_event(event) for event in events]})


async def cancel_run(call: Call) -> Response:
    """Cancel a run, as far as that is possible; 200 even when there was nothing to cancel."""
    run = _own_run(call, "Failed to cancel run")
    now = call.now
    if not life_of(run, now).terminal and run.ai_call_status is not None:
        # The agent call behind the run ended without the run having heard of it: cancelling tells it.
        run.ended, run.ended_at = run.ai_call_status, now
    was_terminal = life_of(run, now).terminal
    if not was_terminal:
        request_cancel(run, now)
        if run.command_id is not None:
            _needs_sandbox_provider(call, run)
        confirm_cancel(run, now)
    status = life_of(run, now).status
    return ok({"run": public_run(call, run), "status": status, "alreadyTerminal": was_terminal})


def public_run(call: Call, run: Run) -> dict[str, Any]:
    """Write a run as the API does."""
    life = life_of(run, call.now)
    address = f"{BASE_PATH}/runs/{run.id}"
    return {
        "runId": run.id,
        "aiCallId": run.ai_call_id,
        "sandboxRecordId": run.sandbox_record_id if life.has_sandbox else None,
        "sandboxId": run.sandbox_id if life.has_sandbox else None,
        "repoId": run.repo_id,
        "harness": run.harness,
        "status": life.status,
        "branch": {"base": run.base, "working": run.working, "createBranch": run.create_branch},
        "rootDirectory": run.root_directory,
        "eventsUrl": f"{address}/events",
        "cancelUrl": f"{address}/cancel",
        "createdAt": iso(run.created_at),
        "updatedAt": iso(life.updated_at),
        "error": life.error,
        "runtime": {"provider": "trigger" if run.runtime_run_id else None, "runId": run.runtime_run_id},
    }


@dataclass(frozen=True, slots=True)
class _Order:
    """A valid request for a run."""

    key: str
    repo: Repo
    prompt: str
    harness: str
    place: Place
    fingerprint: str


def _repo_within_quota(call: Call, repo_id: str | None) -> Repo:
    """Find the repo and spend a start: the quota is asked before anything else is looked at.

    The quota's own table refers to the repo, so an id that names none breaks the quota, not the request.
    """
    if repo_id is None:
        raise bad_request("repoId is required")
    repo = call.world.repo(canonical(repo_id) or "")
    if repo is None:
        raise Refusal(503, "SERVICE_UNAVAILABLE", "External Mogplex run rate limit unavailable", retry_after=60)
    wait = call.state.quotas.spend(call.token.value)
    if wait is not None:
        raise Refusal(429, "RATE_LIMITED", "External Mogplex run rate limit exceeded", retry_after=wait)
    return repo


def _order(call: Call, body: dict[str, Any], repo: Repo, key: str) -> _Order:
    prompt = text_field(body, "prompt")
    if prompt is None:
        raise bad_request("Prompt is required")
    if len(prompt) + sum(ord(character) > _ASTRAL for character in prompt) > _LONGEST_PROMPT:
        raise bad_request("Prompt is too long")
    harness = text_field(body, "harness") or _HARNESSES[0]
    if harness not in _HARNESSES:
        raise bad_request("Invalid harness")
    if repo.user_id != call.user.id:
        raise not_found("Repo not found")
    place = place_of(body, repo, f"{call.user.id}/{key}")
    said = [prompt, repo.id, harness, place.base, place.working, place.create_branch, place.root_directory]
    said += [body.get(name) for name in ("conversationId", "workspaceSessionId", "mode")]
    fingerprint = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    return _Order(key, repo, prompt, harness, place, fingerprint)


def _started_before(call: Call, key: str) -> Run | None:
    runs = call.world.runs.values()
    return next((run for run in runs if run.idempotency_key == key and run.user_id == call.user.id), None)


def _new_run(call: Call, order: _Order) -> Run:
    now, place = call.now, order.place
    script = (
        SCRIPTS["stuck_pending"] if call.request.queue_failure is not None else call.state.next_script(order.prompt)
    )
    run = Run(
        id=new_id(),
        user_id=call.user.id,
        repo_id=order.repo.id,
        full_name=order.repo.full_name,
        created_at=now,
        script=script,
        base=place.base,
        working=place.working,
        create_branch=place.create_branch,
        seconds=call.state.run_seconds,
        harness=order.harness,
        root_directory=place.root_directory,
        ai_call_id=new_id(),
        runtime_run_id=f"run_{new_id().replace('-', '')[:24]}" if script.queued else None,
        number=len(call.world.runs) + 1,
        idempotency_key=order.key,
        fingerprint=order.fingerprint,
    )
    if call.request.queue_failure is not None:
        run.ended, run.ended_at, run.error = FAILED, now + call.request.queue_failure, "Connection error."
    _settle(call, run)
    return run


def _settle(call: Call, run: Run) -> None:
    """Give the run the sandbox that is active on its branch, or the one its script will have."""
    active = [
        sandbox
        for sandbox in call.world.sandboxes
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
    call.world.sandboxes.append(sandbox)
    run.sandbox_record_id, run.sandbox_id, run.sandbox_from_start = sandbox.id, sandbox.sandbox_id, False


def _needs_sandbox_provider(call: Call, run: Run) -> None:
    if run.sandbox_record_id is None:
        raise bad_request("Run has no sandbox metadata")
    if not call.user.funded:
        message = "Hosted sandbox compute requires a positive billing balance."
        raise Refusal(403, "CONFLICT", f"{message} Add funds or choose a plan in Settings > Billing.")


def _own_run(call: Call, otherwise: str) -> Run:
    run = call.world.runs.get(call.uuid("run_id", otherwise))
    if run is None or run.user_id != call.user.id:
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
