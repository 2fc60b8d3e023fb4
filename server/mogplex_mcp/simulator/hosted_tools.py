"""The 23 tools of the hosted JSON-RPC endpoint: their arguments and their routes."""

from . import hosted_summaries as lines
from .graphs import GRAPH_SCHEMA
from .hosted_tool import HostedTool
from .json_schema import Schema


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": description}


def _choice(description: str, *values: str) -> Schema:
    return {"type": "string", "enum": list(values), "description": description}


def _limit(what: str, most: int, default: int) -> Schema:
    description = f"Maximum {what} to return. Defaults to {default}."
    return {"type": "integer", "minimum": 1, "maximum": most, "description": description}


_FLAG: Schema = {"type": "boolean"}
_FREE: Schema = {"type": "string"}
_NULLABLE: Schema = {"type": ["string", "null"]}
_REPO = {"repoId": _text("Repo id.")}
_SANDBOX = {"sandboxId": _text("Sandbox record id.")}
_RUN = {"runId": _text("Run id.")}
_AUTOMATION = {"automationId": _text("Automation id.")}
_KEY = {"idempotencyKey": {"type": "string", "minLength": 1, "maxLength": 200}}
_BRANCHES: dict[str, Schema] = {
    "baseBranch": _FREE,
    "workingBranch": _FREE,
    "createBranch": _FLAG,
    "rootDirectory": _NULLABLE,
}
_DRAFT: dict[str, Schema] = {"name": _FREE, "description": _NULLABLE, "notes": _NULLABLE, "graph": GRAPH_SCHEMA}
_TARGET: Schema = {
    "type": "array",
    "items": {"type": "string", "enum": ["production", "preview", "development"]},
    "minItems": 1,
}


_TOOLS = (
    HostedTool(
        "mogplex_list_repos",
        "List Mogplex Repos",
        "List repositories available to the authenticated Mogplex API token.",
        "GET",
        "/repos",
        lines.listed("Mogplex repos", "repos"),
        {
            "query": {"type": "string", "description": "Optional case-insensitive substring filter for repo name."},
            "limit": _limit("repos", 200, 100),
        },
        query={"query": "q", "limit": "limit"},
    ),
    HostedTool(
        "mogplex_list_env_vars",
        "List Mogplex Env Vars",
        "List the environment variables of a repo's linked Vercel project, without their values.",
        "GET",
        "/repos/{repoId}/env-vars",
        lines.listed("env vars", "envVars"),
        _REPO,
        ("repoId",),
    ),
    HostedTool(
        "mogplex_set_env_var",
        "Set Mogplex Env Var",
        "Create or update an environment variable of a repo's linked Vercel project.",
        "POST",
        "/repos/{repoId}/env-vars",
        lambda _, data: f"{data['action'].capitalize()} env var {data['key']}.",
        _REPO
        | {
            "key": _text("Variable name."),
            "value": {"type": "string", "maxLength": 65_536},
            "target": _TARGET,
            "type": _choice("How it is kept.", "encrypted", "plain", "sensitive"),
        },
        ("repoId", "key", "value"),
    ),
    HostedTool(
        "mogplex_delete_env_var",
        "Delete Mogplex Env Var",
        "Delete an environment variable of a repo's linked Vercel project.",
        "DELETE",
        "/repos/{repoId}/env-vars",
        lambda _, data: f"Deleted {data['deletedCount']} env vars named {data['key']}.",
        _REPO | {"key": _text("Variable name.")},
        ("repoId", "key"),
    ),
    HostedTool(
        "mogplex_list_agents",
        "List Mogplex Agents",
        "List the agents that automations can use.",
        "GET",
        "/agents",
        lines.listed("Mogplex agents", "agents"),
    ),
    HostedTool(
        "mogplex_list_models",
        "List Mogplex Models",
        "List the enabled models.",
        "GET",
        "/models",
        lines.listed("enabled Mogplex models", "models"),
    ),
    HostedTool(
        "mogplex_list_sandboxes",
        "List Mogplex Sandboxes",
        "List sandboxes, newest activity first.",
        "GET",
        "/sandboxes",
        lines.listed("Mogplex sandboxes", "sandboxes"),
        {"repoId": _text("Repo id."), "status": _FREE, "limit": _limit("sandboxes", 200, 100)},
        query={"repoId": "repo_id", "status": "status", "limit": "limit"},
    ),
    HostedTool(
        "mogplex_create_sandbox",
        "Create Mogplex Sandbox",
        "Create a sandbox on a repo and wait until it runs.",
        "POST",
        "/sandboxes",
        lambda _, data: f"Created Mogplex sandbox {data['sandbox']['id']}. Status: {data['sandbox']['status']}.",
        _REPO | _BRANCHES,
        ("repoId",),
    ),
    HostedTool(
        "mogplex_get_sandbox_logs",
        "Get Mogplex Sandbox Logs",
        "Read a sandbox's logs and lifecycle events.",
        "GET",
        "/sandboxes/{sandboxId}/logs",
        lines.logs,
        _SANDBOX,
        ("sandboxId",),
    ),
    HostedTool(
        "mogplex_list_automations",
        "List Mogplex Automations",
        "List automations, newest first.",
        "GET",
        "/automations",
        lines.automations,
        {"limit": _limit("automations", 100, 50), "cursor": _FREE},
        query={"limit": "limit", "cursor": "cursor"},
    ),
    HostedTool(
        "mogplex_get_automation",
        "Get Mogplex Automation",
        "Read an automation with its draft and published graph.",
        "GET",
        "/automations/{automationId}",
        lines.automation("Loaded"),
        _AUTOMATION,
        ("automationId",),
    ),
    HostedTool(
        "mogplex_create_automation",
        "Create Mogplex Automation",
        "Create an automation, as a draft unless publish is set.",
        "POST",
        "/automations",
        lines.automation("Created"),
        {"installationId": {"type": "integer", "minimum": 1}} | _DRAFT | {"publish": _FLAG},
        ("installationId",),
    ),
    HostedTool(
        "mogplex_update_automation",
        "Update Mogplex Automation",
        "Change an automation's draft. A graph replaces the whole graph.",
        "PUT",
        "/automations/{automationId}",
        lines.automation("Updated"),
        _AUTOMATION | _DRAFT | {"installationId": {"type": "integer", "minimum": 1}},
        ("automationId",),
    ),
    HostedTool(
        "mogplex_publish_automation",
        "Publish Mogplex Automation",
        "Publish an automation's draft.",
        "POST",
        "/automations/{automationId}/publish",
        lines.automation("Published"),
        _AUTOMATION,
        ("automationId",),
    ),
    HostedTool(
        "mogplex_set_automation_model",
        "Set Mogplex Automation Model",
        "Choose the model of an agent node.",
        "PUT",
        "/automations/{automationId}/model",
        lambda given, _: f"Updated model for node {given['nodeId']} in automation {given['automationId']}.",
        _AUTOMATION | {"nodeId": _text("Node id."), "modelId": _NULLABLE, "publish": _FLAG},
        ("automationId", "nodeId", "modelId"),
    ),
    HostedTool(
        "mogplex_trigger_automation",
        "Trigger Mogplex Automation",
        "Trigger a published automation on a repo.",
        "POST",
        "/automations/{automationId}/trigger",
        lines.trigger,
        _AUTOMATION | _REPO | {"input": {"type": "object"}} | _KEY,
        ("automationId", "repoId"),
    ),
    HostedTool(
        "mogplex_list_automation_runs",
        "List Mogplex Automation Runs",
        "List the runs of an automation, newest first.",
        "GET",
        "/automations/{automationId}/runs",
        lambda given, data: f"Found {len(data['runs'])} runs for automation {given['automationId']}.",
        _AUTOMATION | {"limit": _limit("runs", 50, 20)},
        ("automationId",),
        query={"limit": "limit"},
    ),
    HostedTool(
        "mogplex_get_automation_run_logs",
        "Get Mogplex Automation Run Logs",
        "Read a run of an automation with its node runs, calls and events.",
        "GET",
        "/automations/{automationId}/runs/{runId}",
        lambda given, data: f"Loaded logs for automation run {given['runId']}. Status: {data['run']['status']}.",
        _AUTOMATION | _RUN,
        ("automationId", "runId"),
    ),
    HostedTool(
        "mogplex_rerun_pr_review",
        "Rerun Mogplex PR Review",
        "Queue another review of a pull request.",
        "POST",
        "/pr-reviews/rerun",
        lambda given, data: f"Queued review of pull request {given['prNumber']}. Job run: {data['jobRunId']}.",
        _REPO | {"prNumber": {"type": "integer", "minimum": 1}},
        ("repoId", "prNumber"),
    ),
    HostedTool(
        "mogplex_start_agent_run",
        "Start Mogplex Agent Run",
        "Start a coding agent on a repo.",
        "POST",
        "/runs",
        lines.started,
        _REPO
        | {
            "prompt": {"type": "string", "minLength": 1, "maxLength": 100_000},
            "harness": _choice("Which agent.", "codex", "claude-code"),
        }
        | _BRANCHES
        | _KEY,
        ("repoId", "prompt"),
        nested="run",
    ),
    HostedTool(
        "mogplex_get_run",
        "Get Mogplex Run",
        "Read a run.",
        "GET",
        "/runs/{runId}",
        lambda given, data: (
            f"Mogplex run {given['runId']} is {data['run']['status']} on branch {data['run']['branch']['working']}."
        ),
        _RUN,
        ("runId",),
    ),
    HostedTool(
        "mogplex_get_run_events",
        "Get Mogplex Run Events",
        "Read the oldest events of a run.",
        "GET",
        "/runs/{runId}/events",
        lines.events,
        _RUN | {"limit": _limit("events", 200, 100)},
        ("runId",),
        query={"limit": "limit"},
    ),
    HostedTool(
        "mogplex_cancel_run",
        "Cancel Mogplex Run",
        "Cancel a run.",
        "POST",
        "/runs/{runId}/cancel",
        lambda given, data: f"Cancellation requested for Mogplex run {given['runId']}. Status: {data['status']}.",
        _RUN,
        ("runId",),
    ),
)

HOSTED_TOOLS: dict[str, HostedTool] = {tool.name: tool for tool in _TOOLS}
"""The tools by name, in the order of `tools/list`."""
