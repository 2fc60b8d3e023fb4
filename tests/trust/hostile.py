"""A Mogplex in which somebody else chooses what every field says, and calls that reach all of it."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx2
from mcp import Client

from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN
from tests.tools.people import YES, User
from tests.tools.support import Mode, settings
from tests.virtual_time import virtual_now

UUID: Final = "75ce86aa-b59e-5f62-9d77-426c941e3c32"
TIME: Final = "2027-01-15T07:50:00+00:00"

Say = Callable[[str], Any]
"""The value of a field, by its name."""

# Each tool at least once, with arguments that lead into its corners.
CALLS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("check_connection", {}),
    ("list_repos", {}),
    ("start_run", {"repo": UUID, "prompt": "do it"}),
    ("start_run", {"repo": "acme/web", "prompt": "do it"}),
    ("start_run", {"prompt": "do it", "continue_run": UUID}),
    ("tail_run", {"run_ids": [UUID], "wait_seconds": 0}),
    ("tail_run", {"run_id": UUID, "wait_seconds": 0, "max_events": 100}),
    ("tail_run", {"run_id": UUID, "until": "update"}),
    ("get_run", {"run_id": UUID}),
    ("get_run", {}),
    ("list_runs", {}),
    ("list_runs", {"repo": UUID}),
    ("cancel_run", {"run_id": UUID}),
    ("list_sandboxes", {}),
    ("create_sandbox", {"repo": UUID}),
    ("get_sandbox_logs", {"sandbox_id": UUID}),
    ("get_sandbox_logs", {"sandbox_id": UUID, "log": "dev"}),
    ("get_sandbox_logs", {"sandbox_id": UUID, "log": "lifecycle"}),
    ("list_automations", {}),
    ("get_automation", {"automation_id": UUID}),
    ("get_automation", {"automation_id": UUID, "detail": "graph"}),
    ("get_automation", {"automation_id": UUID, "detail": "published_graph"}),
    ("trigger_automation", {"automation_id": UUID, "repo": UUID}),
    ("list_automation_runs", {"automation_id": UUID}),
    ("get_automation_run", {"automation_id": UUID}),
    ("get_automation_run", {"automation_id": UUID, "run_id": UUID, "wait_seconds": 30}),
    *(
        ("get_automation_run", {"automation_id": UUID, "run_id": UUID, "detail": detail})
        for detail in ("nodes", "findings", "calls", "events", "waits")
    ),
    ("list_hosted_tools", {}),
    ("list_hosted_tools", {"name": "mogplex_odd"}),
    ("call_hosted_tool", {"name": "mogplex_reader", "arguments": {}}),
    ("call_hosted_tool", {"name": "mogplex_odd", "arguments": {"one": 1, "two": 2}}),
    ("call_hosted_tool", {"name": "mogplex_od", "arguments": {}}),
    ("list_agents", {}),
    ("list_models", {}),
    ("create_automation", {"installation_id": 7, "name": "x", "publish": True}),
    ("update_automation", {"automation_id": UUID, "name": "x", "graph": {"nodes": [], "edges": []}}),
    ("publish_automation", {"automation_id": UUID}),
    ("set_automation_model", {"automation_id": UUID, "node_id": "n", "model": "m", "publish": True}),
    ("list_env_vars", {"repo": UUID}),
    ("set_env_var", {"repo": UUID, "key": "KEY", "value": "value"}),
    ("delete_env_var", {"repo": UUID, "key": "KEY"}),
    ("rerun_pr_review", {"repo": UUID, "pr_number": 7}),
    ("list_mcp_servers", {}),
)

RESOURCES: Final = (
    "mogplex://repos",
    f"mogplex://runs/{UUID}",
    f"mogplex://runs/{UUID}/events",
    f"mogplex://sandboxes/{UUID}/logs",
    f"mogplex://automations/{UUID}",
)
PROMPTS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("delegate_task", {"repo": "acme/web", "task": "do it"}),
    ("review_run", {"run_id": UUID}),
    ("triage_failures", {}),
    ("set_up_automation", {"repo": "acme/web", "goal": "do it"}),
)


def data(method: str, path: str, say: Say, *, ids: bool = True) -> Any:
    """The `data` of a route's answer, with every field that the contract has.

    Args:
        method: Of the request.
        path: Below the base URL.
        say: What fields say.
        ids: Whether ids are ids all the same.
    """
    one: Say = (lambda _: UUID) if ids else say
    names = [say("key"), "KEY"]
    repo = {
        "id": one("id"),
        "full_name": say("full_name"),
        "installation_id": 7,
        "default_branch": say("default_branch"),
        "root_directory": say("root_directory"),
    }
    sandbox = {name: say(name) for name in ("sandbox_id", "status", "base_branch", "working_branch", "root_directory")}
    sandbox |= {name: say(name) for name in ("preview_url", "error", "install_log", "dev_log")}
    sandbox |= {"id": one("id"), "repo_id": one("repo_id"), "created_at": TIME, "last_active_at": TIME}
    run = {name: say(name) for name in ("aiCallId", "sandboxId", "harness", "status", "rootDirectory", "error")}
    run |= {"runId": one("runId"), "repoId": one("repoId"), "sandboxRecordId": one("sandboxRecordId")}
    run |= {"createdAt": TIME, "updatedAt": TIME, "runtime": {"provider": say("provider"), "runId": say("runId")}}
    run |= {"branch": {"base": say("base"), "working": say("working"), "createBranch": True}}
    payload = {name: say(name) for name in ("stage", "failure_code", "pull_request_url", "exit_code", "changed", "to")}
    events = [
        {"id": say("id") if number == 2 else f"event-{number}", "type": kind, "toolName": say("toolName")}
        | {"message": say("message"), "payload": body, "createdAt": TIME}
        for number, (kind, body) in enumerate(
            [("log", payload), ("failed", {"payloadPreview": say("payloadPreview")}), (say("type"), say("payload"))]
        )
    ]
    graph = {
        "nodes": [
            {"id": say("id"), "type": kind, "position": {"x": 0, "y": 0}, "data": {"label": say("label")}}
            for kind in ("action", "agent", say("type"))
        ],
        "edges": [{"id": say("id"), "source": say("source"), "target": say("target")}],
        "notes": say("notes"),
    }
    automation = {name: say(name) for name in ("name", "description", "notes", "status")}
    automation |= {"id": one("id"), "installationId": 7, "createdAt": TIME, "updatedAt": TIME, "draftGraph": graph}
    automation |= {"publishedVersion": {"id": say("id"), "versionNumber": 3, "graph": {"nodes": [], "edges": []}}}
    job = {name: say(name) for name in ("status", "source_kind", "source_type", "error", "last_start_error")}
    job |= {"id": one("id"), "flow_id": one("flow_id"), "created_at": TIME, "cost_usd": 0.5, "duration_ms": 9}
    job |= {"repo": {"id": say("id"), "full_name": say("full_name")}, "agent": {"name": say("name")}}
    lists = {
        "node_runs": ("node_id", "node_type", "node_label", "status", "error", "output"),
        "dispatch_events": ("event_kind", "outcome", "reason"),
        "ai_calls": ("type", "model", "status", "error"),
        "review_findings": ("severity", "title", "body", "path", "status", "repo_full_name", "issue_url"),
        "waits": ("node_id", "wait_kind", "status", "prompt"),
    }
    job |= {name: [{field: say(field) for field in fields}] for name, fields in lists.items()}
    routes: dict[str, Any] = {
        r"GET /repos": {"repos": [repo]},
        r"GET /repos/.*/env-vars": {
            "envVars": [
                {"key": name, "target": [say("target")], "type": say("type"), "updatedAt": say("updatedAt")}
                for name in names
            ]
        },
        r"POST /repos/.*/env-vars": {"action": say("action"), "key": "KEY", "updatedCount": 1},
        r"DELETE /repos/.*/env-vars": {"key": "KEY", "deletedCount": 1},
        r"GET /agents": {
            "agents": [{name: say(name) for name in ("id", "name", "slug", "model", "description", "category")}]
        },
        r"GET /models": {
            "models": [
                {name: say(name) for name in ("id", "provider", "name")} | {"capabilities": [say("capabilities")]}
            ]
        },
        r"GET /sandboxes": {"sandboxes": [sandbox]},
        r"POST /sandboxes": {"sandbox": sandbox},
        r"GET /sandboxes/.*/logs": {
            "sandbox": sandbox,
            "lifecycle_events": [
                {name: say(name) for name in ("id", "event_type", "decision_code", "payload")} | {"created_at": TIME}
            ],
        },
        r"POST /runs": {**run, "replayed": False},
        r"GET /runs/[^/]*": {"run": run},
        r"GET /runs/.*/events": {"run": run, "events": events},
        r"POST /runs/.*/cancel": {"run": run, "status": say("status"), "alreadyTerminal": False},
        r"GET /automations": {"automations": [automation], "nextCursor": say("nextCursor")},
        r"(POST|PUT|GET) /automations(/[^/]*)?(/publish|/model)?": {"automation": automation},
        r"POST /automations/.*/trigger": {
            "run": {name: say(name) for name in ("outcome", "reason", "status", "runtime")}
            | {"automationId": one("automationId"), "jobRunId": one("jobRunId"), "started": True}
        },
        r"GET /automations/[^/]*/runs": {"runs": [job]},
        r"GET /automations/[^/]*/runs/.*": {"run": job},
        r"POST /pr-reviews/rerun": {name: say(name) for name in ("reason", "status")}
        | {"queued": True, "jobRunId": one("jobRunId"), "prNumber": 7, "repoId": one("repoId")},
        r"GET /mcp/servers": {
            "servers": [
                {
                    "name": say("name"),
                    "enabled": True,
                    "config": {
                        "url": f"https://{say('url')}/mcp",
                        "command": say("command"),
                        "headers": {str(say("header")): say("value")},
                        "env": {str(say("variable")): say("value")},
                    },
                }
            ]
        },
    }
    return next(body for route, body in routes.items() if re.fullmatch(route, f"{method} {path}"))


def hosted(method: str, say: Say) -> Any:
    """The `result` of the hosted endpoint."""
    if method == "tools/call":
        return {"content": [{"type": "text", "text": say("text")}], "structuredContent": {"data": say("data")}}
    reads = {"annotations": {"readOnlyHint": True}}
    odd = {str(say("property")): {"description": say("description")}, "one": {"enum": [say("enum")]}}
    return {
        "tools": [
            {"name": "mogplex_reader", "description": say("description"), "inputSchema": {"type": "object"}, **reads},
            {"name": "mogplex_odd", "description": say("description"), "inputSchema": {"properties": odd}, **reads},
            {"name": str(say("name")), "description": say("description"), "inputSchema": {"type": "object"}},
        ]
    }


class Hostile(httpx2.AsyncBaseTransport):
    """A network behind which somebody else answers.

    Args:
        say: What fields say.
        ids: Whether ids are ids all the same.
        otherwise: Answers instead, if it gives an answer.
    """

    def __init__(
        self, say: Say, *, ids: bool = True, otherwise: Callable[[httpx2.Request], httpx2.Response | None] | None = None
    ) -> None:
        self._say = say
        self._ids = ids
        self._otherwise = otherwise
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self._otherwise and (answer := self._otherwise(request)):
            return answer
        path = request.url.path.removeprefix("/api/v1/mogplex")
        body: Any
        if path == "/mcp":
            message = json.loads(await request.aread())
            body = {"jsonrpc": "2.0", "id": 1, "result": hosted(message["method"], self._say)}
        else:
            body = {"ok": True, "data": data(request.method, path, self._say, ids=self._ids)}
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=json.dumps(body))


@contextlib.asynccontextmanager
async def client_on(
    transport: httpx2.AsyncBaseTransport, *, mode: Mode = "auto", user: User | None = None, **environment: str
) -> AsyncIterator[Client]:
    """A client with all tools and a user who agrees to everything, in front of such a network."""
    chosen = settings(DEMO_TOKEN, MOGPLEX_MCP_TOOLSETS="all", MOGPLEX_MCP_MAX_WAIT="20", **environment)
    server = create_server(chosen, transport=transport, now=virtual_now)
    async with Client(server, mode=mode, elicitation_callback=user or User(YES)) as client:
        yield client
