"""REST client of the Mogplex API: one typed method for each v1 route (mogplex-api.md, section 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mogplex_mcp.api.automations import Automations
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.identifiers import check_uuid
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
    """The body of `POST /runs`. An empty field isn't sent, so that the default of Mogplex applies.

    Attributes:
        repo_id: The UUID of the repository.
        prompt: The task, at most 100 000 UTF-16 code units.
        harness: "codex" or "claude-code".
        base_branch: Always send it: if the default changes, a retry with the same key becomes a conflict.
        working_branch: The branch that the agent commits to.
        create_branch: Whether Mogplex creates the working branch; otherwise it has to exist.
        root_directory: The directory within a monorepo.
        conversation_id: A conversation of the workspace.
    """

    repo_id: str
    prompt: str
    harness: str = ""
    base_branch: str = ""
    working_branch: str = ""
    create_branch: bool = False
    root_directory: str = ""
    conversation_id: str = ""


class Mogplex(Automations):
    """The v1 API as methods. All raise `MogplexError`; ids are validated before a request is sent.

    `timeout` is in seconds, retries included. `watching` marks background polling, which gets half of the rate limit.
    The routes of automations are in `Automations`.
    """

    async def list_repos(self, query: str = "", repo_id: str = "", limit: int = 100) -> list[Repo]:
        """GET /repos. `query` matches owner/name (`_` and `%` are wildcards); Mogplex clamps `limit` to 1..200."""
        if repo_id:
            repo_id = check_uuid(repo_id, "repo_id")
        data = await self._http.request("GET", "/repos", query=non_empty(q=query, id=repo_id, limit=limit))
        return parse_list(Repo, data, "repos")

    async def list_env_vars(self, repo_id: str) -> list[EnvVar]:
        """GET /repos/{repoId}/env-vars: names and targets, without values."""
        data = await self._http.request("GET", f"/repos/{check_uuid(repo_id, 'repo_id')}/env-vars")
        return parse_list(EnvVar, data, "envVars")

    async def set_env_var(
        self, repo_id: str, key: str, value: str, *, target: Sequence[str] = (), kind: str = ""
    ) -> EnvVarSet:
        """POST /repos/{repoId}/env-vars.

        Args:
            repo_id: The UUID of the repository.
            key: The name of the variable.
            value: Its value, which appears in no error.
            target: Any of "production", "preview", "development"; empty for the default of Mogplex.
            kind: "encrypted", "plain" or "sensitive" (`type` on the wire).
        """
        path = f"/repos/{check_uuid(repo_id, 'repo_id')}/env-vars"
        body = {"key": key, "value": value, **non_empty(target=list(target), type=kind)}
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
        """GET /models: the models that the user enabled."""
        return parse_list(Model, await self._http.request("GET", "/models"), "models")

    async def list_sandboxes(self, repo_id: str = "", status: str = "", limit: int = 100) -> list[Sandbox]:
        """GET /sandboxes, latest activity first. An unknown `status` matches none; Mogplex clamps `limit` to 1..200."""
        if repo_id:
            repo_id = check_uuid(repo_id, "repo_id")
        query = non_empty(repo_id=repo_id, status=status, limit=limit)
        return parse_list(Sandbox, await self._http.request("GET", "/sandboxes", query=query), "sandboxes")

    async def create_sandbox(
        self,
        repo_id: str,
        *,
        base_branch: str = "",
        working_branch: str = "",
        create_branch: bool | None = None,
        root_directory: str = "",
        timeout: float = BOOT_TIMEOUT,  # noqa: ASYNC109 - handed on
    ) -> Sandbox:
        """POST /sandboxes. Responds when the machine has booted (minutes). Not idempotent, so it is never retried."""
        body = {
            "repoId": check_uuid(repo_id, "repo_id"),
            **non_empty(
                baseBranch=base_branch,
                workingBranch=working_branch,
                createBranch=create_branch,
                rootDirectory=root_directory,
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
        """POST /runs. Each request spends start quota, so the arguments are validated before it is sent."""
        check_prompt(start.prompt)
        body = {
            "repoId": check_uuid(start.repo_id, "repo_id"),
            "prompt": start.prompt,
            "createBranch": start.create_branch,
            **non_empty(
                harness=start.harness,
                baseBranch=start.base_branch,
                workingBranch=start.working_branch,
                rootDirectory=start.root_directory,
                conversationId=start.conversation_id,
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
    ) -> Run:
        """GET /runs/{runId}."""
        path = f"/runs/{check_uuid(run_id, 'run_id')}"
        data = await self._http.request("GET", path, watching=watching)
        return parse(Run, data.get("run"), "run")

    async def get_run_events(
        self,
        run_id: str,
        limit: int = 200,
        *,
        watching: bool = False,
    ) -> RunEvents:
        """GET /runs/{runId}/events: the run and its oldest `limit` events (Mogplex clamps it to 1..200)."""
        path = f"/runs/{check_uuid(run_id, 'run_id')}/events"
        data = await self._http.request("GET", path, query={"limit": limit}, watching=watching)
        return parse(RunEvents, data, "data")

    async def cancel_run(self, run_id: str) -> CancelledRun:
        """POST /runs/{runId}/cancel. Also succeeds for a run that has ended, see `already_terminal`."""
        data = await self._http.request("POST", f"/runs/{check_uuid(run_id, 'run_id')}/cancel")
        return parse(CancelledRun, data, "data", changed=True)

    async def rerun_pr_review(self, repo_id: str, pr_number: int) -> ReviewRerun:
        """POST /pr-reviews/rerun. Not idempotent: each call queues a review."""
        body = {"repoId": check_uuid(repo_id, "repo_id"), "prNumber": pr_number}
        data = await self._http.request("POST", "/pr-reviews/rerun", body=body)
        return parse(ReviewRerun, data, "data", changed=True)

    async def list_mcp_servers(self) -> list[McpServer]:
        """GET /mcp/servers. Names only: the credentials in the response are dropped while it is parsed."""
        return parse_list(McpServer, await self._http.request("GET", "/mcp/servers"), "servers")


def non_empty(**values: Any) -> dict[str, Any]:
    """Return the values that are neither None nor empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [])}


def check_prompt(prompt: str) -> None:
    """Raise for a prompt that Mogplex would reject, before the request spends start quota.

    Raises:
        MogplexError: `INVALID_ARGUMENT`; the message says what to change.
    """
    if not prompt.strip():
        problem = "the prompt is empty; say what the agent shall do"
    elif "\0" in prompt:
        problem = "the prompt holds a NUL character; remove it"
    elif any("\ud800" <= character <= "\udfff" for character in prompt):
        problem = "the prompt holds half of a surrogate pair, which is no character; remove it"
    # Mogplex counts UTF-16 code units, as JavaScript does: a character outside the basic plane is two.
    elif (units := len(prompt.encode("utf-16-le")) // 2) > MAX_PROMPT_LENGTH:
        problem = f"the prompt has {units} UTF-16 units, {MAX_PROMPT_LENGTH} are allowed; shorten it or point to a file"
    else:
        return
    raise MogplexError(ErrorCode.INVALID_ARGUMENT, problem)
