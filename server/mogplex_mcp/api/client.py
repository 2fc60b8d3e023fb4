"""Mogplex: one typed method for each v1 route (mogplex-api.md, section 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mogplex_mcp.api.automations import Automations
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT, check_uuid
from mogplex_mcp.api.lenient import parse, parse_list
from mogplex_mcp.api.models import (
    Agent,
    CancelledRun,
    EnvVar,
    EnvVarDeleted,
    EnvVarSet,
    McpServer,
    Model,
    Repo,
    ReviewRerun,
    Run,
    RunEvents,
    Sandbox,
    SandboxLogs,
    StartedRun,
)

MAX_PROMPT_LENGTH = 100_000
BOOT_TIMEOUT = 300.0


@dataclass(frozen=True)
class StartRun:
    """What `POST /runs` is told. "" means: not sent, so that Mogplex fills in its default.

    Attributes:
        repo_id: The repo's UUID.
        prompt: What to do, at most 100 000 UTF-16 units.
        harness: "codex" or "claude-code".
        base_branch: Send it always: a default that changes turns a repeat under the same key into a conflict.
        working_branch: Where the agent works.
        create_branch: Whether Mogplex makes the working branch; without, the agent works on a branch that exists.
        root_directory: Of a monorepo.
        conversation_id: Of the workspace.
        workspace_session_id: Of the workspace.
        mode: Passed on as it is.
    """

    repo_id: str
    prompt: str
    harness: str = ""
    base_branch: str = ""
    working_branch: str = ""
    create_branch: bool = False
    root_directory: str = ""
    conversation_id: str = ""
    workspace_session_id: str = ""
    mode: str = ""


class Mogplex(Automations):
    """The v1 API as methods. All of them raise `MogplexError`; ids are checked before anything is sent.

    `timeout` is seconds for everything; `watching` marks background polling, which may use half of the budget only.
    The routes of automations are in `Automations`.
    """

    async def list_repos(self, query: str = "", repo_id: str = "", limit: int = 100) -> list[Repo]:
        """GET /repos: `query` is a pattern on owner/name (`_` and `%` are wildcards); `limit` is clamped to 1..200."""
        if repo_id:
            repo_id = check_uuid(repo_id, "repo_id")
        data = await self._http.request("GET", "/repos", query=given(q=query, id=repo_id, limit=limit))
        return parse_list(Repo, data, "repos")

    async def list_env_vars(self, repo_id: str) -> list[EnvVar]:
        """GET /repos/{repoId}/env-vars: names and targets, never values."""
        data = await self._http.request("GET", f"/repos/{check_uuid(repo_id, 'repo_id')}/env-vars")
        return parse_list(EnvVar, data, "envVars")

    async def set_env_var(
        self, repo_id: str, key: str, value: str, *, target: Sequence[str] = (), kind: str = ""
    ) -> EnvVarSet:
        """POST /repos/{repoId}/env-vars.

        Args:
            repo_id: The repo.
            key: The variable's name.
            value: Its value; appears in no error.
            target: Of "production", "preview", "development"; none means Mogplex's default.
            kind: "encrypted", "plain" or "sensitive" (`type` on the wire).
        """
        path = f"/repos/{check_uuid(repo_id, 'repo_id')}/env-vars"
        body = {"key": key, "value": value, **given(target=list(target), type=kind)}
        return parse(EnvVarSet, await self._http.request("POST", path, body=body), "data", changed=True)

    async def delete_env_var(self, repo_id: str, key: str) -> EnvVarDeleted:
        """DELETE /repos/{repoId}/env-vars."""
        path = f"/repos/{check_uuid(repo_id, 'repo_id')}/env-vars"
        data = await self._http.request("DELETE", path, body={"key": key})
        return parse(EnvVarDeleted, data, "data", changed=True)

    async def list_agents(self) -> list[Agent]:
        """GET /agents."""
        return parse_list(Agent, await self._http.request("GET", "/agents"), "agents")

    async def list_models(self) -> list[Model]:
        """GET /models: those that the user enabled."""
        return parse_list(Model, await self._http.request("GET", "/models"), "models")

    async def list_sandboxes(self, repo_id: str = "", status: str = "", limit: int = 100) -> list[Sandbox]:
        """GET /sandboxes, newest activity first; an unknown `status` gives none; `limit` is clamped to 1..200."""
        if repo_id:
            repo_id = check_uuid(repo_id, "repo_id")
        query = given(repo_id=repo_id, status=status, limit=limit)
        return parse_list(Sandbox, await self._http.request("GET", "/sandboxes", query=query), "sandboxes")

    async def create_sandbox(
        self,
        repo_id: str,
        *,
        base_branch: str = "",
        working_branch: str = "",
        create_branch: bool | None = None,
        root_directory: str = "",
        restore_snapshot_id: str = "",
        restore_snapshot_project_id: str = "",
        restore_snapshot_team_id: str = "",
        timeout: float = BOOT_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> Sandbox:
        """POST /sandboxes: silent while the machine boots (minutes), and without a key: not safe to send again."""
        body = {
            "repoId": check_uuid(repo_id, "repo_id"),
            **given(
                baseBranch=base_branch,
                workingBranch=working_branch,
                createBranch=create_branch,
                rootDirectory=root_directory,
                restoreSnapshotId=restore_snapshot_id,
                restoreSnapshotProjectId=restore_snapshot_project_id,
                restoreSnapshotTeamId=restore_snapshot_team_id,
            ),
        }
        data = await self._http.request("POST", "/sandboxes", body=body, timeout=timeout, blocking=True)
        return parse(Sandbox, data.get("sandbox"), "sandbox", changed=True)

    async def get_sandbox_logs(self, sandbox_id: str) -> SandboxLogs:
        """GET /sandboxes/{id}/logs; `sandbox_id` is the record's UUID (`Sandbox.id`)."""
        data = await self._http.request("GET", f"/sandboxes/{check_uuid(sandbox_id, 'sandbox_id')}/logs")
        return parse(SandboxLogs, data, "data")

    async def start_run(
        self,
        start: StartRun,
        idempotency_key: str,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> StartedRun:
        """POST /runs. Every request that arrives spends quota of starts: what can be checked is checked here first."""
        check_prompt(start.prompt)
        body = {
            "repoId": check_uuid(start.repo_id, "repo_id"),
            "prompt": start.prompt,
            "createBranch": start.create_branch,
            **given(
                harness=start.harness,
                baseBranch=start.base_branch,
                workingBranch=start.working_branch,
                rootDirectory=start.root_directory,
                conversationId=start.conversation_id,
                workspaceSessionId=start.workspace_session_id,
                mode=start.mode,
            ),
        }
        data = await self._http.request(
            "POST", "/runs", body=body, idempotency_key=idempotency_key, timeout=timeout, blocking=True
        )
        return parse(StartedRun, {"run": data, "replayed": data.get("replayed")}, "data", changed=True)

    async def get_run(
        self,
        run_id: str,
        *,
        watching: bool = False,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> Run:
        """GET /runs/{runId}."""
        path = f"/runs/{check_uuid(run_id, 'run_id')}"
        data = await self._http.request("GET", path, watching=watching, timeout=timeout)
        return parse(Run, data.get("run"), "run")

    async def get_run_events(
        self,
        run_id: str,
        limit: int = 200,
        *,
        watching: bool = False,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> RunEvents:
        """GET /runs/{runId}/events: the run's state and its oldest `limit` events (clamped to 1-200)."""
        path = f"/runs/{check_uuid(run_id, 'run_id')}/events"
        data = await self._http.request("GET", path, query={"limit": limit}, watching=watching, timeout=timeout)
        return parse(RunEvents, data, "data")

    async def cancel_run(self, run_id: str) -> CancelledRun:
        """POST /runs/{runId}/cancel: an answer also comes when nothing was cancelled, see `already_terminal`."""
        data = await self._http.request("POST", f"/runs/{check_uuid(run_id, 'run_id')}/cancel")
        return parse(CancelledRun, data, "data", changed=True)

    async def rerun_pr_review(self, repo_id: str, pr_number: int) -> ReviewRerun:
        """POST /pr-reviews/rerun: no key, each call queues one more."""
        body = {"repoId": check_uuid(repo_id, "repo_id"), "prNumber": pr_number}
        data = await self._http.request("POST", "/pr-reviews/rerun", body=body)
        return parse(ReviewRerun, data, "data", changed=True)

    async def list_mcp_servers(self) -> list[McpServer]:
        """GET /mcp/servers: names only; the credentials of the answer are dropped while it is read."""
        return parse_list(McpServer, await self._http.request("GET", "/mcp/servers"), "servers")


def given(**values: Any) -> dict[str, Any]:
    """The values that were given: neither None nor empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [])}


def check_prompt(prompt: str) -> None:
    """Refuse a prompt that Mogplex would refuse, before it costs one of the day's run starts.

    Raises:
        MogplexError: `INVALID_ARGUMENT`, with what to change.
    """
    if not prompt.strip():
        problem = "the prompt is empty; say what the agent shall do"
    elif "\0" in prompt:
        problem = "the prompt holds a NUL character; remove it"
    elif any("\ud800" <= character <= "\udfff" for character in prompt):
        problem = "the prompt holds half of a surrogate pair, which is no character; remove it"
    # Mogplex counts as JavaScript does: a character outside the basic plane is two.
    elif (units := len(prompt.encode("utf-16-le")) // 2) > MAX_PROMPT_LENGTH:
        problem = f"the prompt has {units} UTF-16 units, {MAX_PROMPT_LENGTH} are allowed; shorten it or point to a file"
    else:
        return
    raise MogplexError(ErrorCode.INVALID_ARGUMENT, problem)
