"""What Mogplex answers, as typed values (mogplex-api.md, section 1).

Ids that everything hangs on are required. What the contract promises beside them is text, "" when it is missing all the
same; what may be absent is None. Names of states and kinds are plain text, since Mogplex adds new ones. All text is
others' text: raw, of any length, with control characters.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasPath, Field, model_validator

from mogplex_mcp.api.automation_models import (
    AiCall,
    Automation,
    AutomationDetail,
    AutomationPage,
    AutomationRun,
    AutomationRunDetail,
    DispatchEvent,
    NodeRun,
    PublishedVersion,
    ReviewFinding,
    ReviewRerun,
    Trigger,
    Wait,
)
from mogplex_mcp.api.lenient import Flag, Id, Int, Items, Json, Lenient, Moment, Record, Text, Texts, Uuid

__all__ = [
    "Agent",
    "AiCall",
    "Automation",
    "AutomationDetail",
    "AutomationPage",
    "AutomationRun",
    "AutomationRunDetail",
    "CancelledRun",
    "DispatchEvent",
    "EnvVar",
    "EnvVarDeleted",
    "EnvVarSet",
    "LifecycleEvent",
    "McpServer",
    "Model",
    "NodeRun",
    "PublishedVersion",
    "Repo",
    "ReviewFinding",
    "ReviewRerun",
    "Run",
    "RunEvent",
    "RunEvents",
    "Sandbox",
    "SandboxLogs",
    "StartedRun",
    "Trigger",
    "Wait",
]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Repo(Record):
    """A repository. `full_name` is not unique: rows of a monorepo differ in `root_directory`."""

    id: Id
    full_name: Text = ""
    installation_id: Lenient[Int] = None
    default_branch: Lenient[str] = None
    root_directory: Lenient[str] = None


class EnvVar(Record):
    """An environment variable of a repo's deployment; values are never told, `updated_at` comes as it was sent."""

    key: Id
    id: Lenient[str] = None
    target: Texts = Field(default_factory=list)
    type: Text = ""
    updated_at: Lenient[Int | str] = None


class EnvVarSet(Record):
    """What setting a variable did: `action` is "created" or "updated"."""

    key: Id
    action: Text = ""
    updated_count: Lenient[Int] = None


class EnvVarDeleted(Record):
    """What deleting a variable did."""

    key: Id
    deleted_count: Lenient[Int] = None


class Agent(Record):
    """An agent that automations can be built of; `preset` ones come with Mogplex."""

    id: Id
    name: Text = ""
    slug: Lenient[str] = None
    model: Lenient[str] = None
    description: Lenient[str] = None
    category: Lenient[str] = None
    preset: Flag = False


class Model(Record):
    """A language model that the user enabled; prices are US dollars a token."""

    id: Id
    provider: Text = ""
    name: Text = ""
    context_length: Lenient[Int] = None
    capabilities: Texts = Field(default_factory=list)
    input_price: Lenient[float] = Field(default=None, validation_alias=AliasPath("pricing", "input"))
    output_price: Lenient[float] = Field(default=None, validation_alias=AliasPath("pricing", "output"))


class Sandbox(Record):
    """A cloud machine. Statuses seen: creating, installing, running, pausing, paused, stopped, error."""

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
    """One step in the life of a sandbox."""

    id: Text = ""
    event_type: Text = ""
    decision_code: Lenient[str] = None
    worker_run_id: Lenient[str] = None
    payload: Json = Field(default_factory=dict)
    created_at: Moment = None


class SandboxLogs(Record):
    """A sandbox with its logs, which are raw and may be long."""

    sandbox: Sandbox
    install_log: Lenient[str] = Field(default=None, validation_alias=AliasPath("sandbox", "install_log"))
    dev_log: Lenient[str] = Field(default=None, validation_alias=AliasPath("sandbox", "dev_log"))
    lifecycle_events: Items[LifecycleEvent] = Field(default_factory=list)


class Run(Record):
    """A coding-agent run. Statuses: pending, streaming, success, failed, cancelled; terminal is not always final.

    `sandbox_id` may be "pending"; `runtime_run_id` is None for a run that nothing executes yet, and may stay so.
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
    """Something that a run reported. A field of `payload` can change its type, and the whole can be cut."""

    id: Id
    type: Text = ""
    tool_name: Lenient[str] = None
    message: Lenient[str] = None
    payload: Json = Field(default_factory=dict)
    created_at: Moment = None


class RunEvents(Record):
    """A run with its oldest events (200 at most; what comes after them cannot be read), in no dependable order."""

    run: Run
    events: list[RunEvent]


class StartedRun(Record):
    """A run that was started, or with `replayed` the one that an earlier request with the same key had started."""

    run: Run
    replayed: Flag = False


class CancelledRun(Record):
    """A run after a cancel; `already_terminal` means that there was nothing to cancel."""

    run: Run
    status: Text = ""
    already_terminal: Flag = False


class McpServer(Record):
    """An MCP server that the user connected to Mogplex. Values of its configuration are dropped: they are secrets.

    Attributes:
        transport: "stdio" or "http"; "" when neither can be told.
        host: Of an http server.
        header_names: Headers that Mogplex sends to it.
        variable_names: Environment variables that it is started with.
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
    """The host of an address, without user, password, path and query."""
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None


def _names(config: Mapping[str, Any], *keys: str) -> list[str]:
    """The keys of objects inside a configuration; what is no plain name might be a value in a wrong place."""
    objects = (config[key] for key in keys if isinstance(config.get(key), Mapping))
    return sorted({str(name) for values in objects for name in values if _NAME.fullmatch(str(name))})
