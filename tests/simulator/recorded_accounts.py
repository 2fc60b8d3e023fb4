"""Users, tokens, repos and sandboxes, out of a recording."""

import re
from http import HTTPStatus

from mogplex_mcp.simulator import ApiToken, Repo, Sandbox, User
from mogplex_mcp.simulator.formats import derived_id, epoch

from .recorded_rows import START, UUID, Recording, data_of, objects_in
from .recordings import Row

_NAMED_TOKEN = re.compile(r"(?:mog_GT|gtoauth)(alice|bob|carol)(\w*)")
_KEPT_LETTERS = 6
_CHOSEN_SCOPES = {"readonly": {"read"}, "writeonly": {"write"}, "noscope": set[str]()}


def user_id(name: str) -> str:
    """Return the id of a recorded user."""
    return derived_id("recorded user", name)


def add_users_and_tokens(recording: Recording) -> None:
    """Add the users of all recorded tokens, with their scopes."""
    for name in ("alice", "bob", "carol"):
        recording.world.users.append(User(user_id(name), name))
    for row in recording.rows:
        match = _NAMED_TOKEN.fullmatch(row.token or "")
        if match is None or recording.world.token(match[0]) is not None:
            continue
        kind = match[2].lower()
        # Some recordings keep the beginning of a token only: "readon".
        chosen = [
            scopes
            for word, scopes in _CHOSEN_SCOPES.items()
            if kind.startswith(word) or (len(kind) == _KEPT_LETTERS and word.startswith(kind))
        ]
        scopes = frozenset(chosen[0] if chosen else {"read", "write"})
        valid = not kind.startswith(("expired", "revoked"))
        limited = match[0].startswith("mog_")
        recording.world.tokens.append(ApiToken(match[0], user_id(match[1]), scopes, limited, valid))
    for row in recording.rows:
        _learn_about_user(recording, row)
    for row in recording.rows:
        _learn_from_graph(recording, row)


def _learn_about_user(recording: Recording, row: Row) -> None:
    owner = recording.owner_of(row)
    if owner is None:
        return
    data = data_of(row)
    match row.path.partition("?")[0].removeprefix("/api/v1/mogplex"):
        case "/agents" if data and not owner.agents:
            owner.agents = data["agents"]
        case "/models" if data and not owner.models:
            owner.models = data["models"]
        case "/mcp/servers" if data or row.status == 500:
            owner.mcp_servers = data.get("servers")
    owner.github_connected = owner.github_connected and "Connect GitHub account first" not in (row.answer or "")
    owner.funded = owner.funded and "requires a positive billing balance" not in (row.answer or "")


def _learn_from_graph(recording: Recording, row: Row) -> None:
    """Infer agents and models that no list shows from the graphs that they were accepted in."""
    owner = recording.owner_of(row)
    if owner is None or row.method == "GET" or row.status != HTTPStatus.OK or "/automations/" not in row.path:
        return
    body = row.body.decode("latin-1")
    for identifier in re.findall(r'"agentId": ?"([^"]+)"', body + (row.answer or "")):
        if identifier not in {agent["id"] for agent in owner.agents}:
            preset = identifier.startswith("preset:")
            owner.agents.append({"id": identifier, "name": identifier.removeprefix("preset:"), "preset": preset})
    for identifier in re.findall(r'"modelId": ?"([^"]+)"', body):
        if identifier not in {model["id"] for model in owner.models}:
            owner.models.append({"id": identifier})


def add_repos(recording: Recording) -> None:
    """Add the repos that answers show or speak of, and as many more as there were."""
    for _, owner, item in recording.found("full_name", "installation_id", "root_directory"):
        repo = Repo(
            item["id"],
            owner.id,
            item["full_name"],
            item["installation_id"],
            item["default_branch"],
            item["root_directory"],
        )
        _add_repo(recording, repo)
    for _, owner, item in recording.found("full_name", "id"):
        _add_repo(recording, Repo(item["id"], owner.id, item["full_name"], 9001))
    for row, owner, item in recording.found("runId", "repoId", "branch"):
        # Not in any list that was kept: a hidden one, or one of those that were cut.
        root = item["rootDirectory"]
        if row.method == "POST":
            _add_repo(recording, Repo(item["repoId"], owner.id, "acme/hidden", 9001, root_directory=root, hidden=True))
    for row in recording.rows:
        _repo_of_a_refusal(recording, row)
    for number in range(205):
        _add_repo(recording, Repo(derived_id("filler", number), user_id("alice"), f"acme/zz-{number:03d}", 9001))
    for repo in recording.world.repos:
        owner = recording.world.user(repo.user_id)
        owner.installations.add(repo.installation_id or 0)
    for _, owner, item in recording.found("installationId", "draftGraph"):
        owner.installations.add(item["installationId"])


def _repo_of_a_refusal(recording: Recording, row: Row) -> None:
    """Infer repos that only appear in errors: another user's, or in another installation."""
    match = re.search(rf'"repoId": ?"({UUID})"', row.body.decode("latin-1"))
    owner = recording.owner_of(row)
    if match is not None and (row.token or "").startswith("<") and "Repo not found" in (row.answer or ""):
        _add_repo(recording, Repo(match[1], user_id("alice"), "acme/other", 9001, hidden=True))
    if match is None or owner is None:
        return
    if "outside this automation's GitHub installation" in (row.answer or ""):
        _add_repo(recording, Repo(match[1], owner.id, "acme/elsewhere", 9002))
    elif row.status in (409, 500) and "external" not in row.case:
        _add_repo(recording, Repo(match[1], owner.id, "acme/other", 9001, hidden=True))


def _add_repo(recording: Recording, repo: Repo) -> None:
    if recording.world.repo(repo.id) is None and repo.id not in recording.created:
        recording.world.repos.append(repo)


def add_sandboxes(recording: Recording) -> None:
    """Add the sandboxes that answers show, and those that runs were given."""
    for row, owner, item in recording.found("sandbox_id", "working_branch", "error"):
        known = recording.world.sandbox(item["id"])
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
            recording.world.sandboxes.append(known)
        if "install_log" in item:
            known.install_log, known.dev_log = item["install_log"], item["dev_log"]
            known.lifecycle_events = next(
                (found["lifecycle_events"] for found in objects_in(row.json) if "lifecycle_events" in found), []
            )
    for _, owner, item in recording.found("runId", "sandboxRecordId", "branch"):
        identifier = item["sandboxRecordId"]
        if identifier and recording.world.sandbox(identifier) is None and item["runId"] in recording.created:
            recording.world.sandboxes.append(
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
