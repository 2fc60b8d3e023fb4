"""Builds a world out of recordings: what a deployment must have held to answer as it did."""

import re
from collections.abc import Iterator
from typing import Any

from mogplex_mcp.simulator import (
    Automation,
    Event,
    JobRun,
    Repo,
    Run,
    RunScript,
    Sandbox,
    Token,
    User,
    Version,
    World,
)
from mogplex_mcp.simulator.graphs import default_draft
from mogplex_mcp.simulator.ids import canonical, derived_id
from mogplex_mcp.simulator.lives import finished_script
from mogplex_mcp.simulator.moments import epoch
from mogplex_mcp.simulator.scripts import ACCEPTED

from .recordings import Row

START = epoch("2026-11-22T01:51:20+00:00")
"""The moment at which a replay begins: after everything that was there before the recording."""

WAITING = RunScript("waiting", (ACCEPTED,))
"""What a run does in the recorded deployment, whose queue takes runs and never starts them."""

_NAMED_TOKEN = re.compile(r"(?:mog_GT|gtoauth)(alice|bob|carol)(\w*)")
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CHOSEN_SCOPES = {"readonly": {"read"}, "writeonly": {"write"}, "noscope": set[str]()}
_TERMINAL = {"success", "failed", "cancelled"}


def recorded_world(rows: list[Row]) -> World:
    """Build the world in which the first of these rows was recorded."""
    return _Builder(rows).build()


def user_id(name: str) -> str:
    """The id of a recorded user."""
    return derived_id("recorded user", name)


class _Builder:
    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._world = World(
            canonical_host="localhost:3100",
            canonical_scheme="http",
            sandbox_boot_seconds=0.0,
            default_script="stuck_pending",
        )
        self._created = self._created_ids()

    def build(self) -> World:
        self._users_and_tokens()
        self._repos()
        self._sandboxes()
        self._runs()
        self._automations()
        self._job_runs()
        return self._world

    def _owner(self, row: Row) -> User | None:
        token = self._world.token(row.token or "")
        return self._world.user(token.user_id) if token else None

    def _found(self, *keys: str) -> Iterator[tuple[Row, User, dict[str, Any]]]:
        """Find the objects with all these keys in successful answers, with the user who saw them."""
        for row in self._rows:
            owner = self._owner(row)
            if owner is not None and row.json is not None and row.status < 300:
                for item in _objects(row.json):
                    if all(key in item for key in keys):
                        yield row, owner, item

    def _created_ids(self) -> set[str]:
        """List the ids that were made during the recording."""
        made: set[str] = set()
        for row in self._rows:
            data = row.json
            if row.method != "POST" or data is None:
                continue
            for item in _objects(data):
                if item.get("replayed") is False:
                    made.add(item["runId"])
                if row.status == 201:
                    made.add(item.get("id", ""))
        return made

    def _users_and_tokens(self) -> None:
        for name in ("alice", "bob", "carol"):
            self._world.users.append(User(user_id(name), name))
        for row in self._rows:
            match = _NAMED_TOKEN.fullmatch(row.token or "")
            if match is None or self._world.token(match[0]) is not None:
                continue
            kind = match[2].lower()
            chosen = [scopes for word, scopes in _CHOSEN_SCOPES.items() if kind.startswith(word)]
            scopes = frozenset(chosen[0] if chosen else {"read", "write"})
            valid = not kind.startswith(("expired", "revoked"))
            limited = match[0].startswith("mog_")
            self._world.tokens.append(Token(match[0], user_id(match[1]), scopes, limited, valid))
        for row in self._rows:
            self._learn_about_user(row)

    def _learn_about_user(self, row: Row) -> None:
        owner = self._owner(row)
        if owner is None:
            return
        data = _data(row)
        match row.path.partition("?")[0].removeprefix("/api/v1/mogplex"):
            case "/agents" if data and not owner.agents:
                owner.agents = data["agents"]
            case "/models" if data and not owner.models:
                owner.models = data["models"]
            case "/mcp/servers" if data or row.status == 500:
                owner.mcp_servers = data.get("servers")
        owner.github_connected = owner.github_connected and "Connect GitHub account first" not in (row.answer or "")
        owner.funded = owner.funded and "requires a positive billing balance" not in (row.answer or "")

    def _repos(self) -> None:
        for _, owner, item in self._found("full_name", "installation_id", "root_directory"):
            repo = Repo(
                item["id"],
                owner.id,
                item["full_name"],
                item["installation_id"],
                item["default_branch"],
                item["root_directory"],
            )
            self._add_repo(repo)
        for _, owner, item in self._found("full_name", "id"):
            self._add_repo(Repo(item["id"], owner.id, item["full_name"], 9001))
        for row, owner, item in self._found("runId", "repoId", "branch"):
            # Not in any list that was kept: a hidden one, or one of those that were cut.
            root = item["rootDirectory"]
            if row.method == "POST":
                self._add_repo(Repo(item["repoId"], owner.id, "acme/hidden", 9001, root_directory=root, hidden=True))
        for row in self._rows:
            self._repo_of_a_refusal(row)
        for number in range(205):
            self._add_repo(Repo(derived_id("filler", number), user_id("alice"), f"acme/zz-{number:03d}", 9001))
        for repo in self._world.repos:
            owner = self._world.user(repo.user_id)
            owner.installations.add(repo.installation_id or 0)
        for _, owner, item in self._found("installationId", "draftGraph"):
            owner.installations.add(item["installationId"])

    def _repo_of_a_refusal(self, row: Row) -> None:
        """Learn of repos that only errors speak of: somebody else's, or in another installation."""
        match = re.search(rf'"repoId": ?"({_UUID})"', row.body.decode("latin-1"))
        owner = self._owner(row)
        if match is None or owner is None:
            return
        if "outside this automation's GitHub installation" in (row.answer or ""):
            self._add_repo(Repo(match[1], owner.id, "acme/elsewhere", 9002))
        elif row.status in (409, 500) and "external" not in row.case:
            self._add_repo(Repo(match[1], owner.id, "acme/other", 9001, hidden=True))

    def _add_repo(self, repo: Repo) -> None:
        if self._world.repo(repo.id) is None and repo.id not in self._created:
            self._world.repos.append(repo)

    def _sandboxes(self) -> None:
        for row, owner, item in self._found("sandbox_id", "working_branch", "error"):
            known = self._world.sandbox(item["id"])
            if known is None:
                known = Sandbox(
                    user_id=owner.id,
                    created_at=epoch(item["created_at"]),
                    last_active_at=epoch(item["last_active_at"]),
                    **{
                        key: item[key]
                        for key in (
                            *("id", "sandbox_id", "repo_id", "status", "base_branch", "working_branch"),
                            *("root_directory", "preview_url", "error"),
                        )
                    },
                )
                self._world.sandboxes.append(known)
            if "install_log" in item and not row.is_cut:
                known.install_log, known.dev_log = item["install_log"], item["dev_log"]
                known.lifecycle_events = next(
                    (found["lifecycle_events"] for found in _objects(row.json) if "lifecycle_events" in found), []
                )
        for _, owner, item in self._found("runId", "sandboxRecordId", "branch"):
            identifier = item["sandboxRecordId"]
            if identifier and self._world.sandbox(identifier) is None and item["runId"] in self._created:
                self._world.sandboxes.append(
                    Sandbox(
                        id=identifier,
                        user_id=owner.id,
                        repo_id=item["repoId"],
                        sandbox_id=item["sandboxId"],
                        status="creating" if item["sandboxId"] == "pending" else "running",
                        base_branch=item["branch"]["base"],
                        working_branch=item["branch"]["working"],
                        created_at=START - 7_200,
                        last_active_at=START - 3_600,
                    )
                )

    def _runs(self) -> None:
        for row, owner, item in self._found("runId", "aiCallId", "runtime"):
            if item["runId"] not in self._created and item["runId"] not in self._world.runs:
                self._add_run(row, owner, item)
        for row in self._rows:
            self._learn_from_cancel(row)
            self._seed_key(row)
        for row, _, item in self._found("run", "events"):
            run = self._world.runs.get(item["run"].get("runId", ""))
            if run is not None and not run.events and not row.is_cut:
                cancelled = self._cancelled_before(row, run.id)
                run.events = [
                    event_of(event) for event in item["events"] if not ("cancel" in event["type"] and cancelled)
                ]
        for row, _, item in self._found("run"):
            # The events themselves were cut out of the record; that there are some is all that counts.
            run = self._world.runs.get((item["run"] or {}).get("runId", ""))
            if run is not None and row.is_cut and "/events" in row.path and not run.events:
                run.events = [Event(derived_id(run.id, n), "log", run.created_at + n, "cut") for n in range(500)]

    def _add_run(self, row: Row, owner: User, item: dict[str, Any]) -> None:
        status = item["status"]
        repo = self._world.repo(item["repoId"])
        cancelled_here = any(
            other.path.endswith(f"{item['runId']}/cancel") and '"alreadyTerminal":false' in (other.answer or "")
            for other in self._rows
        ) or (status == "cancelled" and '"alreadyTerminal":false' in (row.answer or ""))
        if cancelled_here and not self._was_terminal(item["runId"]):
            status = "pending"
        self._world.runs[item["runId"]] = Run(
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

    def _cancelled_before(self, row: Row, run_id: str) -> bool:
        return any(
            other.n < row.n and other.method == "POST" and f"{run_id}/cancel" in other.path
            for other in self._rows
            if "Missing required scope" not in (other.answer or "")
        )

    def _was_terminal(self, run_id: str) -> bool:
        looks = [row for row in self._rows if row.method == "GET" and row.path.endswith(f"/runs/{run_id}")]
        return bool(looks) and looks[0].json is not None and looks[0].json["data"]["run"]["status"] in _TERMINAL

    def _learn_from_cancel(self, row: Row) -> None:
        match = re.search(rf"/runs/({_UUID})/cancel\Z", row.path)
        run = self._world.runs.get(match[1]) if match else None
        answer = row.answer or ""
        if run is None or row.method != "POST":
            return
        if "no sandbox metadata" in answer or "billing balance" in answer:
            run.command_id = f"cmd_{run.id[:4]}"
        if row.status < 300 and row.json["data"]["alreadyTerminal"] and run.script.status not in _TERMINAL:
            status = row.json["data"]["status"]
            if status != "cancelled":
                run.ai_call_status = status

    def _seed_key(self, row: Row) -> None:
        """Seed the run behind a key that conflicts although no row that was kept had used it before."""
        key, owner = row.headers.get("Idempotency-Key", "").strip(), self._owner(row)
        conflict = "IDEMPOTENCY_CONFLICT" in (row.answer or "") and row.path.endswith("/runs")
        before = any(
            other.n < row.n and other.headers.get("Idempotency-Key", "").strip() == key and self._owner(other) is owner
            for other in self._rows
        )
        if conflict and not before and owner is not None:
            identifier = derived_id("seeded by key", owner.id, key)
            self._world.runs[identifier] = Run(
                id=identifier,
                user_id=owner.id,
                repo_id=derived_id("nowhere"),
                full_name="acme/unknown",
                created_at=START - 86_400,
                script=finished_script("success"),
                idempotency_key=key,
                fingerprint="another request",
            )

    def _automations(self) -> None:
        for row, owner, item in self._found("draftGraph", "publishedVersion"):
            if item["id"] not in self._created and item["id"] not in self._world.automations:
                self._add_automation(row, owner, item)
        for _, owner, item in self._found("installationId", "publishedVersionId", "createdAt"):
            if item["id"] not in self._created and item["id"] not in self._world.automations:
                automation = self._plain_automation(item["id"], owner, epoch(item["createdAt"]))
                automation.description, automation.status = item["description"], item["status"]
                if item["publishedVersionId"] is None:
                    automation.published = None
        for row in self._rows:
            self._automation_of_a_path(row)
        for number in range(59):
            identifier = derived_id("filler automation", number)
            self._plain_automation(identifier, self._world.user(user_id("alice")), START - 90_000 + number)

    def _add_automation(self, row: Row, owner: User, item: dict[str, Any]) -> None:
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
        self._world.automations[automation.id] = automation

    def _plain_automation(self, identifier: str, owner: User, created_at: float) -> Automation:
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
        self._world.automations[identifier] = automation
        return automation

    def _automation_of_a_path(self, row: Row) -> None:
        """Learn of automations that no answer shows: from what publishing or using them gave."""
        match = re.search(rf"/automations/({_UUID})(/\w+)?", row.path)
        match = match or re.search(rf'"(?:automationId)": ?"({_UUID})"()', row.body.decode("latin-1"))
        owner = self._owner(row)
        if match is None or owner is None or row.status in (401, 403, 404, 405) or row.method == "OPTIONS":
            return
        identifier = canonical(match[1]) or ""
        if identifier in self._created:
            return
        automation = self._world.automations.get(identifier) or self._plain_automation(identifier, owner, START - 9e4)
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
            data.append(
                {"id": "action-1", "type": "action", "position": {"x": 0, "y": 0}, "data": {"label": "Comment"}}
            )

    def _job_runs(self) -> None:
        for row, _, item in self._found("flow_id", "dispatch_events", "waits"):
            if not row.is_cut and item["id"] not in self._world.job_runs:
                self._world.job_runs[item["id"]] = JobRun(
                    id=item["id"],
                    automation_id=item["flow_id"],
                    repo_id=item["repo"]["id"],
                    created_at=epoch(item["created_at"]),
                    recorded=item,
                )
        used: set[str] = set()
        for row in self._rows:
            key = row.headers.get("Idempotency-Key", "")
            if row.path.endswith("/trigger") and key not in used:
                self._seed_job_key(row, key)
                used.add(key)

    def _seed_job_key(self, row: Row, key: str) -> None:
        run = _data(row).get("run", {})
        if run.get("reason") != "IDEMPOTENT_DUPLICATE":
            return
        known = self._world.job_runs.setdefault(
            run["jobRunId"], JobRun(run["jobRunId"], run["automationId"], derived_id("nowhere"), START - 60)
        )
        known.key = key


def _data(row: Row) -> dict[str, Any]:
    """The data of an envelope that was kept whole and says that all is well."""
    well = isinstance(row.json, dict) and row.json.get("ok") and not row.is_cut
    return row.json["data"] if well else {}


def event_of(item: dict[str, Any]) -> Event:
    """Make the event that an answer shows."""
    return Event(item["id"], item["type"], epoch(item["createdAt"]), item["message"], item["payload"], item["toolName"])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)
