"""Data of a simulated Mogplex: users, tokens, repos, sandboxes, runs, automations.

Tests and demos may build and change it freely. Times are epoch seconds. The state of a run at a time is not stored
here but computed from its script (`run_state.py`).
"""

from dataclasses import dataclass, field
from typing import Any

from .oauth_data import OAuthData
from .scripts import RunScript

READ = "read"
WRITE = "write"


@dataclass(slots=True)
class User:
    """A user account.

    Attributes:
        id: UUID.
        name: a label.
        github_connected: without it, creating a sandbox fails ("Connect GitHub account first").
        funded: without a billing balance, requests that need the sandbox provider fail.
        default_model: the model of an agent node that a new automation starts with.
        agents: the response of `GET /agents`.
        agents_of_presets: ids of the agents that presets became when they were first used, by the id of the preset.
        models: the response of `GET /models`.
        mcp_servers: the response of `GET /mcp/servers`, credentials in clear text; None makes that route fail.
        installations: GitHub installations on which this user may create automations.
    """

    id: str
    name: str
    github_connected: bool = True
    funded: bool = True
    default_model: str = "openai/gpt-5.4"
    agents: list[dict[str, Any]] = field(default_factory=list)
    agents_of_presets: dict[str, str] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    mcp_servers: list[dict[str, Any]] | None = field(default_factory=list)
    installations: set[int] = field(default_factory=set)


@dataclass(slots=True)
class ApiToken:
    """A personal access token (`mog_…`) or an OAuth access token.

    Attributes:
        value: what follows `Bearer `.
        user_id: its owner.
        scopes: `read` and `write`, both, or none.
        limited: whether it is limited to 60 requests a minute. OAuth tokens were observed not to be.
        valid: False for an expired or revoked one.
        expires_at: epoch seconds; None for one that does not expire.
        client_id: the OAuth client that it was issued to; None for a personal access token.
    """

    value: str
    user_id: str
    scopes: frozenset[str] = frozenset({READ, WRITE})
    limited: bool = True
    valid: bool = True
    expires_at: float | None = None
    client_id: str | None = None

    @property
    def quota_key(self) -> str:
        """Return whose run starts are counted together: those of a token, or of a user through an OAuth client."""
        return self.value if self.client_id is None else f"{self.user_id}/{self.client_id}"


@dataclass(slots=True)
class EnvVar:
    """An environment variable of a repo's hosting project. Its value is write-only."""

    id: str
    key: str
    value: str
    target: list[str]
    type: str
    updated_at: float


@dataclass(slots=True)
class Repo:
    """A repository row. `full_name` is not unique: monorepo rows differ in `root_directory`."""

    id: str
    user_id: str
    full_name: str
    installation_id: int | None = 1
    default_branch: str = "main"
    root_directory: str | None = None
    hidden: bool = False
    env_vars: list[EnvVar] = field(default_factory=list)


@dataclass(slots=True)
class Sandbox:
    """A cloud machine on a branch.

    Attributes:
        stops_at: from this time on the status is `stopped`, regardless of `status`.
        created_at: the sandbox is not listed before this time.
    """

    id: str
    user_id: str
    repo_id: str
    sandbox_id: str | None
    status: str
    base_branch: str
    working_branch: str
    created_at: float
    last_active_at: float
    root_directory: str | None = None
    preview_url: str | None = None
    error: str | None = None
    install_log: str | None = None
    dev_log: str | None = None
    lifecycle_events: list[dict[str, Any]] = field(default_factory=list)
    stops_at: float | None = None


@dataclass(slots=True)
class Event:
    """An event of a run, `payload` as it was written (the API redacts and truncates it in responses)."""

    id: str
    type: str
    created_at: float
    message: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    tool_name: str | None = None


@dataclass(slots=True)
class Run:
    """A run of a coding agent.

    Attributes:
        sandbox_from_start: False hides the sandbox until the script's step that has one.
        script: what happens by itself; a cancellation or a failed queue is in the fields below.
        seconds: how long the script takes from start to end.
        events: rows in addition to those of the script.
        ended: a status that was set from outside at `ended_at` and ends the script there.
        ai_call_status: the status of the agent call behind the run, if it differs from the run's.
        number: that of its pull request, unless its delivery updates an open one (`pull_requests`).
        command_id: the process in the sandbox, which a cancellation has to stop.
        updated_at: the last change of the run row, if the script does not determine it.
        idempotency_key: belongs to the user, never expires.
        fingerprint: a hash of the request; another request under the same key is a conflict.
    """

    id: str
    user_id: str
    repo_id: str
    full_name: str
    created_at: float
    script: RunScript
    base: str = "main"
    working: str = "main"
    create_branch: bool = False
    seconds: float = 600.0
    harness: str = "codex"
    root_directory: str | None = None
    ai_call_id: str = ""
    sandbox_record_id: str | None = None
    sandbox_id: str | None = None
    sandbox_from_start: bool = True
    runtime_run_id: str | None = None
    number: int = 1
    events: list[Event] = field(default_factory=list)
    ended: str | None = None
    ended_at: float | None = None
    error: str | None = None
    ai_call_status: str | None = None
    command_id: str | None = None
    updated_at: float | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""


@dataclass(slots=True)
class Version:
    """A published version of an automation."""

    id: str
    number: int
    graph: dict[str, Any]
    created_at: float


@dataclass(slots=True)
class Automation:
    """A flow of nodes, triggered by events or by people."""

    id: str
    user_id: str
    installation_id: int
    name: str
    created_at: float
    updated_at: float
    draft: dict[str, Any]
    description: str | None = None
    notes: str | None = None
    status: str = "inactive"
    published: Version | None = None


@dataclass(slots=True)
class JobRun:
    """A run of an automation.

    Attributes:
        recorded: a complete detail response that is used unchanged; the other fields are then for lists only.
        started_at: None while it never started, for example since no worker came.
        seconds: how long it runs until it ends; None if it never does.
        ending: the status in which it ends, `success` or `failed`.
    """

    id: str
    automation_id: str
    repo_id: str
    created_at: float
    key: str | None = None
    version_id: str | None = None
    started_at: float | None = None
    seconds: float | None = 600.0
    ending: str = "success"
    last_start_attempt_at: float | None = None
    last_start_error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    dispatch_events: list[dict[str, Any]] = field(default_factory=list)
    runtime_run_id: str | None = None
    recorded: dict[str, Any] | None = None


@dataclass(slots=True)
class World:
    """All data of a simulated Mogplex.

    Attributes:
        canonical_host: requests for `www.` in front of it are redirected to it.
        canonical_scheme: the scheme of those redirects.
        env_vars_available: False for 501 as observed; True for the published contract.
        pr_reviews_available: False for a Mogplex without `/pr-reviews/rerun` and its hosted tool, as observed.
        sandbox_boot_seconds: how long `POST /sandboxes` blocks.
        sandbox_boot_error: why no sandbox boots; None if they do.
        repo_job_limit: active automation runs per repo at which triggers are suppressed.
        default_script: the script of runs without a planned one.
        closed_pull_requests: when pull requests were closed or merged, epoch seconds by `owner/name#number`.
        oauth: the data of the authorization server.
    """

    users: list[User] = field(default_factory=list)
    tokens: list[ApiToken] = field(default_factory=list)
    repos: list[Repo] = field(default_factory=list)
    sandboxes: list[Sandbox] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    automations: dict[str, Automation] = field(default_factory=dict)
    job_runs: dict[str, JobRun] = field(default_factory=dict)
    canonical_host: str = "mogplex.com"
    canonical_scheme: str = "https"
    env_vars_available: bool = False
    pr_reviews_available: bool = True
    sandbox_boot_seconds: float = 90.0
    sandbox_boot_error: str | None = None
    repo_job_limit: int = 25
    default_script: str = "success"
    closed_pull_requests: dict[str, float] = field(default_factory=dict)
    oauth: OAuthData = field(default_factory=OAuthData)

    def user(self, user_id: str) -> User:
        """Return the user of an id.

        Raises:
            StopIteration: the id is unknown.
        """
        return next(user for user in self.users if user.id == user_id)

    def token(self, value: str) -> ApiToken | None:
        """Return the token of a value; None if it is unknown."""
        return next((token for token in self.tokens if token.value == value), None)

    def repo(self, repo_id: str) -> Repo | None:
        """Return the repo of a canonical id, of any user; None if it is unknown."""
        return next((repo for repo in self.repos if repo.id == repo_id), None)

    def sandbox(self, sandbox_id: str) -> Sandbox | None:
        """Return the sandbox of a record id, of any user; None if it is unknown."""
        return next((sandbox for sandbox in self.sandboxes if sandbox.id == sandbox_id), None)
