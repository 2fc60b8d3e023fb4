"""Replays recordings against a simulator, row by row, and says where the answers differ."""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mogplex_mcp.simulator import Fault, JobRun, Simulator
from mogplex_mcp.simulator.formats import new_id
from mogplex_mcp.simulator.limits import UNITS_PER_MINUTE
from mogplex_mcp.simulator.oauth_pages import SESSION_COOKIE

from .recorded_accounts import user_id
from .recorded_rows import start_of
from .recorded_runs import WAITING, event_of
from .recorded_world import recorded_world
from .recordings import Row, difference, shape

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STEP_SECONDS = 0.1
_NAMED = 12  # characters before a placeholder that tell which secret it is: `_token":"`, `?code=`
_SHOWN = 300  # characters of an answer that hold its error or its outcome
_EXACT_HEADERS = ("location", "retry-after", "allow", "access-control-allow-origin", "mcp-protocol-version")
_PRESENT_HEADERS = ("www-authenticate",)
_OAUTH_HEADERS = ("location", "cache-control", "www-authenticate")
_PLACEHOLDER = re.compile(r"<[a-z]+(?:-[a-z]+)*(?:-\d+)?>")
_VERIFIER = "v" * 43
_CHALLENGE = urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass
class SimulatedResponse:
    """A response of the simulator."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """Return the body as JSON, or None."""
        if not self.headers.get("content-type", "").startswith("application/json") or not self.body:
            return None
        return json.loads(self.body)


class Replay:
    """A simulator that has to answer as a recorded deployment did.

    Args:
        rows: the recordings.
    """

    def __init__(self, rows: list[Row]) -> None:
        self._clock = start_of(rows)
        self.simulator = Simulator(recorded_world(rows), now=lambda: self._clock, sleep=self._sleep)
        self._simulated_id: dict[str, str] = {}
        self._lost_runs: list[str] = []
        self._filling: list[str] = []
        self._secrets = {"<verifier>": _VERIFIER, "<challenge>": _CHALLENGE}

    async def ask(self, row: Row) -> SimulatedResponse:
        """Ask what the row asked, in the state that the deployment was in then."""
        self._clock += _STEP_SECONDS
        if not self.simulator.state.planned:
            self.simulator.plan(WAITING)
        self._adopt_lost_run(row)
        for pattern, prepare in _STAGE:
            if re.search(pattern, f"{row.case}: {(row.answer or '')[:_SHOWN]}"):
                prepare(self, row)
        answer = await self._send(row)
        self.simulator.faults.clear()
        self._learn_ids(row, answer)
        self._hide_secrets(row, answer)
        return answer

    def wrong(self, row: Row, answer: SimulatedResponse) -> str | None:
        """Say where an answer differs from the recorded one in what a client can rely on."""
        return next(_differences(row, answer), None)

    async def _sleep(self, seconds: float) -> None:
        self._clock += seconds

    def _mapped(self, text: str) -> str:
        text = _PLACEHOLDER.sub(lambda match: self._secrets.get(match[0], match[0]), text)
        return _UUID.sub(lambda match: self._simulated_id.get(match[0], match[0]), text)

    async def _send(self, row: Row) -> SimulatedResponse:
        path, _, query = self._mapped(row.path).partition("?")
        body = self._mapped(row.body.decode("latin-1")).encode("latin-1")
        headers = {name.lower(): self._mapped(value) for name, value in row.headers.items()}
        headers.setdefault("host", _host_of(row))
        if row.signed_in:
            headers["cookie"] = f"{SESSION_COOKIE}={user_id('carol')}"
        answer = SimulatedResponse()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        scope = {
            "type": "http",
            "method": row.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
        await self.simulator.app(scope, receive, send)
        return answer

    def _learn_ids(self, row: Row, answer: SimulatedResponse) -> None:
        """Pair the ids of what was made, as the answers name them in the same places."""
        if row.method != "POST" or row.json is None or answer.json is None:
            return
        for recorded, simulated in _pairs(row.json, answer.json):
            known = recorded in self.simulator.world.runs or recorded in self.simulator.world.automations
            if recorded != simulated and not known:
                self._simulated_id.setdefault(recorded, simulated)
        if "Failed to start run" in (row.answer or ""):
            self._lost_runs = [run.id for run in self.simulator.world.runs.values() if run.ended == "failed"][-1:]

    def _hide_secrets(self, row: Row, answer: SimulatedResponse) -> None:
        """Learn which secret each placeholder stands for, and put the placeholders into the answer."""
        recorded = row.answer_headers.get("location", "") + (row.answer or "")
        simulated = answer.headers.get("location", "") + answer.body.decode(errors="replace")
        for match in _PLACEHOLDER.finditer(recorded):
            name = re.escape(recorded[max(0, match.start() - _NAMED) : match.start()])
            found = re.search(f"{name}(\\w{{32}})", simulated)
            if found is not None:
                self._secrets[match[0]] = found[1]
        for placeholder, secret in self._secrets.items():
            answer.body = answer.body.replace(secret.encode(), placeholder.encode())
            answer.headers = {name: value.replace(secret, placeholder) for name, value in answer.headers.items()}

    def _adopt_lost_run(self, row: Row) -> None:
        """Pair the id of a run whose start gave only an error with the first unknown id that is asked for."""
        match = re.search(rf"/runs/({_UUID.pattern})/events\Z", row.path)
        if match and self._lost_runs and match[1] not in self.simulator.world.runs and row.status < 300:
            self._simulated_id.setdefault(match[1], self._lost_runs[-1])

    # What the recorded deployment went through between two requests, by the name of the case.

    def fail_queue(self, row: Row) -> None:
        """The queue behind starts is down, while the recorded answer says so."""
        if "Failed to" in (row.answer or ""):
            self.simulator.faults.add(Fault("queue_failure", seconds=9.0))

    def break_limiter(self, row: Row) -> None:
        """The limiter of starts is broken."""
        self.simulator.faults.add(Fault("unavailable", message=row.json["error"]["message"]))

    def drop_table(self, row: Row) -> None:
        """A table is gone."""
        self.simulator.faults.add(Fault("json_500", message=row.json["error"]["message"]))

    def stop_database(self, _: Row) -> None:
        """The database is down."""
        self.simulator.faults.outage(active=True)

    def spend_minute(self, row: Row) -> None:
        """Requests that were not kept in the recording have used the token's minute."""
        while self.simulator.state.rate_limit.spend(row.token or ""):
            pass

    def spend_calls(self, row: Row) -> None:
        """So have JSON-RPC calls, at two units each."""
        number = int(re.findall(r"#(\d+)", row.case)[-1])
        spent = sum(seen.units for seen in self.simulator.requests if seen.token == row.token)
        odd = 1 if "after 1 odd unit" in row.case else 0
        for _ in range(min(2 * (number - 1) + odd - spent, UNITS_PER_MINUTE)):
            self.simulator.state.rate_limit.spend(row.token or "")

    def spend_starts(self, row: Row) -> None:
        """Starts that were not kept have used the token's quota of the minute."""
        while self.simulator.state.quotas.spend(row.token or "") is None:
            pass

    def spend_hour(self, row: Row) -> None:
        """Thirty starts were made within the hour."""
        self.simulator.state.quotas.fill(row.token or "", 30, age=600.0)

    def spend_day(self, row: Row) -> None:
        """A hundred and fifty starts were made within the day."""
        self.simulator.state.quotas.fill(row.token or "", 150, age=7_200.0)

    def expire_tokens(self, _: Row) -> None:
        """An hour has passed."""
        self._clock += 3_600

    def rewrite_events(self, row: Row) -> None:
        """Rows of events were changed in the database."""
        run = self.simulator.world.runs[row.json["data"]["run"]["runId"]]
        run.events = [event_of(item) for item in row.json["data"]["events"]]

    def empty_description(self, row: Row) -> None:
        """A request that was not kept had emptied the automation's description."""
        self.simulator.world.automations[row.path.rpartition("/")[2]].description = None

    def change_default_branch(self, row: Row) -> None:
        """The repo has got another default branch."""
        repo = self.simulator.world.repo(json.loads(row.body)["repoId"])
        if repo is not None:
            repo.default_branch = "renamed"

    def fill_repo_queue(self, row: Row) -> None:
        """Twenty-five job runs of the repo are active."""
        repo_id = json.loads(row.body)["repoId"]
        for _ in range(25):
            job = JobRun(new_id(), new_id(), repo_id, self._clock)
            self.simulator.world.job_runs[job.id] = job
            self._filling.append(job.id)

    def empty_repo_queue(self, _: Row) -> None:
        """Those job runs have ended."""
        while self._filling:
            del self.simulator.world.job_runs[self._filling.pop()]

    def rewrite_job_run(self, row: Row) -> None:
        """The job run has got on, or was changed in the database."""
        shown = (row.json or {"data": {"run": None}})["data"]["run"]
        job = self.simulator.world.job_runs.get(shown["id"]) if shown else None
        if job is not None:
            job.recorded = shown


_STAGE: tuple[tuple[str, Callable[[Replay, Row], None]], ...] = (
    (r"\Atrigger (500|422|badjson|reset|hang)|Trigger\.dev|/trigger 500", Replay.fail_queue),
    (r"limiter RPC broken", Replay.break_limiter),
    (r"500: table \S+ missing", Replay.drop_table),
    (r"Postgres DOWN|PAT table missing", Replay.stop_database),
    (r"61st request|\A429 ", Replay.spend_minute),
    (r"mcp tools/call #\d+", Replay.spend_calls),
    (r"11th start|then a valid start|(replay|body) while limited", Replay.spend_starts),
    (r"hourly limit", Replay.spend_hour),
    (r"daily limit|150/day", Replay.spend_day),
    (r"default branch changed", Replay.change_default_branch),
    (r"\Aties after|late arrival: after", Replay.rewrite_events),
    (r"\Aupdate installationId other", Replay.empty_description),
    (r'"outcome":"queued"|/trigger 500', Replay.empty_repo_queue),
    (r"with an expired access token", Replay.expire_tokens),
    (r"repo queue full|REPO_PENDING_LIMIT", Replay.fill_repo_queue),
    (r"\AGET automations/\{id\}/runs/\{id\} 200", Replay.rewrite_job_run),
)


def _differences(row: Row, answer: SimulatedResponse) -> Iterator[str]:
    if answer.status != row.status:
        yield f"status {answer.status} instead of {row.status}: {answer.body[:120]!r}"
    if row.answer_headers:
        yield from _header_differences(row, answer)
    if row.group == "oauth" and row.json is not None and answer.json is not None:
        same_moment = {name: row.json[name] for name in ("client_id_issued_at",) if name in row.json}
        if answer.json | same_moment != row.json:
            yield f"body {answer.body[:300]!r}"
    if row.json is None or answer.json is None:
        if bool(answer.body) != bool(row.answer):
            yield f"body {answer.body[:80]!r}"
        return
    expected = _errors(row.json)
    errors = _errors(answer.json)[: len(expected)] if row.is_cut else _errors(answer.json)
    if errors != expected:
        yield f"error {errors} instead of {expected}"
    found = difference(shape(row.json), shape(answer.json), part=row.is_cut)
    if found is not None:
        yield found


def _header_differences(row: Row, answer: SimulatedResponse) -> Iterator[str]:
    for name in _OAUTH_HEADERS if row.group == "oauth" else _EXACT_HEADERS:
        if answer.headers.get(name) != row.answer_headers.get(name):
            yield f"{name}: {answer.headers.get(name)} instead of {row.answer_headers.get(name)}"
    for name in _PRESENT_HEADERS:
        if (name in answer.headers) != (name in row.answer_headers):
            yield f"{name}: {answer.headers.get(name)}"
    kinds = [headers.get("content-type", "").partition(";")[0] for headers in (answer.headers, row.answer_headers)]
    if kinds[0] != kinds[1]:
        yield f"content-type {kinds[0]!r} instead of {kinds[1]!r}"


def _host_of(row: Row) -> str:
    if row.group == "oauth":
        return "mogplex.test"
    return "www.localhost:3100" if row.case.startswith("www host") else "127.0.0.1:3100"


def _errors(value: Any) -> list[Any]:
    """List the codes and messages of the errors in an answer, envelope or JSON-RPC."""
    if isinstance(value, list):
        return [found for item in value for found in _errors(item)]
    if not isinstance(value, dict):
        return []
    error = value.get("error")
    own = [(error.get("code"), error.get("status"), error.get("message"))] if isinstance(error, dict) else []
    inner = value.get("result", {})
    structured = inner.get("structuredContent") if isinstance(inner, dict) else None
    return own + (_errors(structured) if inner and inner.get("isError") else [])


def _pairs(recorded: Any, simulated: Any) -> list[tuple[str, str]]:
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        return [pair for key in recorded.keys() & simulated.keys() for pair in _pairs(recorded[key], simulated[key])]
    if isinstance(recorded, list) and isinstance(simulated, list):
        return [pair for items in zip(recorded, simulated, strict=False) for pair in _pairs(*items)]
    if isinstance(recorded, str) and isinstance(simulated, str) and _UUID.fullmatch(recorded):
        return [(recorded, simulated)] if _UUID.fullmatch(simulated) else []
    return []
