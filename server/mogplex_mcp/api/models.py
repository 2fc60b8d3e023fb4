"""Response models of the Mogplex API (mogplex-api.md, section 1).

An id is required. Any other field that the API documents as present is "" when it is missing, an optional one is None.
Statuses and kinds are plain strings, since Mogplex adds new ones. All text is untrusted: raw, of any length, and with
control characters.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasPath, Field, model_validator

from mogplex_mcp.api.lenient import Flag, Id, Int, Items, Json, Lenient, Moment, Record, Rows, Text, Texts, Uuid

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Repo(Record):
    """A repository. `full_name` is not unique: rows of a monorepo differ in `root_directory`."""

    id: Id
    full_name: Text = ""
    installation_id: Lenient[Int] = None
    default_branch: Lenient[str] = None
    root_directory: Lenient[str] = None


class EnvVar(Record):
    """An environment variable of a repository's deployment, without its value; `updated_at` is unparsed."""

    key: Id
    id: Lenient[str] = None
    target: Texts = Field(default_factory=list)
    type: Text = ""
    updated_at: Lenient[Int | str] = None


class EnvVarSet(Record):
    """The result of setting a variable; `action` is "created" or "updated"."""

    key: Id
    action: Text = ""
    updated_count: Lenient[Int] = None


class EnvVarDeleted(Record):
    """The result of deleting a variable."""

    key: Id
    deleted_count: Lenient[Int] = None


class Agent(Record):
    """An agent for automations; a `preset` one comes with Mogplex."""

    id: Id
    name: Text = ""
    slug: Lenient[str] = None
    model: Lenient[str] = None
    description: Lenient[str] = None
    category: Lenient[str] = None
    preset: Flag = False


class Model(Record):
    """A language model that the user enabled; prices are in US dollars per token."""

    id: Id
    provider: Text = ""
    name: Text = ""
    context_length: Lenient[Int] = None
    capabilities: Texts = Field(default_factory=list)
    input_price: Lenient[float] = Field(default=None, validation_alias=AliasPath("pricing", "input"))
    output_price: Lenient[float] = Field(default=None, validation_alias=AliasPath("pricing", "output"))


class Sandbox(Record):
    """A cloud sandbox. Known statuses: creating, installing, running, pausing, paused, stopped, error."""

    id: Id
    sandbox_id: Lenient[str] = None
    repo_id: Text = ""
    status: Text = ""
    base_branch: Lenient[str] = None
    working_branch: Lenient[str] = None
    root_directory: Lenient[str] = None
    preview_url: Lenient[str] = None
    created_at: Moment = None
    last_active_at: Moment = None
    error: Lenient[str] = None


class LifecycleEvent(Record):
    """A lifecycle event of a sandbox."""

    id: Text = ""
    event_type: Text = ""
    decision_code: Lenient[str] = None
    worker_run_id: Lenient[str] = None
    payload: Json = Field(default_factory=dict)
    created_at: Moment = None


class SandboxLogs(Record):
    """A sandbox with its raw logs, which may be long."""

    sandbox: Sandbox
    install_log: Lenient[str] = Field(default=None, validation_alias=AliasPath("sandbox", "install_log"))
    dev_log: Lenient[str] = Field(default=None, validation_alias=AliasPath("sandbox", "dev_log"))
    lifecycle_events: Items[LifecycleEvent] = Field(default_factory=list)


class Run(Record):
    """A coding-agent run. Statuses: pending, streaming, success, failed, cancelled; a terminal one may still change.

    `sandbox_id` may be "pending". `runtime_run_id` is None until a worker takes the run, which may never happen.
    """

    run_id: Uuid
    ai_call_id: Lenient[str] = None
    sandbox_record_id: Lenient[str] = None
    sandbox_id: Lenient[str] = None
    repo_id: Text = ""
    harness: Text = ""
    status: Text = ""
    base_branch: Lenient[str] = Field(default=None, validation_alias=AliasPath("branch", "base"))
    working_branch: Lenient[str] = Field(default=None, validation_alias=AliasPath("branch", "working"))
    create_branch: Lenient[bool] = Field(default=None, validation_alias=AliasPath("branch", "createBranch"))
    root_directory: Lenient[str] = None
    created_at: Moment = None
    updated_at: Moment = None
    error: Lenient[str] = None
    runtime_provider: Lenient[str] = Field(default=None, validation_alias=AliasPath("runtime", "provider"))
    runtime_run_id: Lenient[str] = Field(default=None, validation_alias=AliasPath("runtime", "runId"))


class RunEvent(Record):
    """An event of a run. A field of `payload` may change its type, and the payload may be truncated."""

    id: Id
    type: Text = ""
    tool_name: Lenient[str] = None
    message: Lenient[str] = None
    payload: Json = Field(default_factory=dict)
    created_at: Moment = None


class RunEvents(Record):
    """A run with its oldest events (at most 200; later ones can't be read), in no reliable order."""

    run: Run
    events: Rows[RunEvent]


class StartedRun(Record):
    """A run that was started; with `replayed`, by an earlier request with the same idempotency key."""

    run: Run
    replayed: Flag = False


class CancelledRun(Record):
    """A run after a cancel request; `already_terminal` if it had ended before."""

    run: Run
    status: Text = ""
    already_terminal: Flag = False


class ReviewRerun(Record):
    """The result of requesting another review of a pull request."""

    repo_id: Text = ""
    pr_number: Lenient[Int] = None
    queued: Lenient[bool] = None
    job_run_id: Lenient[str] = None
    started: Flag = False
    deferred: Flag = False
    reason: Lenient[str] = None
    status: Lenient[str] = None


class McpServer(Record):
    """An MCP server that the user connected to Mogplex. Values of its configuration are dropped, as they are secrets.

    Attributes:
        transport: "stdio" or "http"; "" when unknown.
        host: The host of an http server.
        header_names: The names of the headers that Mogplex sends to it.
        variable_names: The names of its environment variables.
    """

    name: Id
    enabled: Flag = False
    transport: Text = ""
    host: Lenient[str] = None
    header_names: Texts = Field(default_factory=list)
    variable_names: Texts = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _drop_values(cls, value: object) -> object:
        if not isinstance(value, Mapping) or "config" not in value:
            return value
        config = value["config"] if isinstance(value["config"], Mapping) else {}
        host = _host(config.get("url"))
        return {
            "name": value.get("name"),
            "enabled": value.get("enabled"),
            "transport": "http" if host else "stdio" if isinstance(config.get("command"), str) else "",
            "host": host,
            "header_names": _names(config, "http_headers", "headers", "env_http_headers"),
            "variable_names": _names(config, "env"),
        }


def _host(url: object) -> str | None:
    """Return the host of a URL, which is all of it that can't hold a secret."""
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None


def _names(config: Mapping[str, Any], *keys: str) -> list[str]:
    """Return the keys of objects in a configuration, except those that may be misplaced values."""
    objects = (config[key] for key in keys if isinstance(config.get(key), Mapping))
    return sorted({str(name) for values in objects for name in values if _NAME.fullmatch(str(name))})
