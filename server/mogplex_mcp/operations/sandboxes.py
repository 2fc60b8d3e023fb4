"""Sandboxes: the cloud machines that agents work in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Repo, Sandbox, SandboxLogs
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import (
    Operation,
    OperationError,
    advised,
    check_id,
    check_range,
    listed_by,
    not_repeatable,
)

MOST_SANDBOXES: Final = 200
"""The longest list of the API, which has no paging for sandboxes (mogplex-api.md, section 2, "Lists")."""

MOST_LIFECYCLE_EVENTS: Final = 200
"""The API returns the oldest ones, without saying so (mogplex-api.md, section 2, "Auth and paths")."""

LogName = Literal["install", "dev", "lifecycle"]
"""What its setup printed, what its development server printed, how its state changed."""


@dataclass(frozen=True)
class SandboxSearch:
    """Sandboxes, the one used last first.

    Attributes:
        sandboxes: The sandboxes.
        may_be_more: Whether the list was cut at its limit.
    """

    sandboxes: Sequence[Sandbox]
    may_be_more: bool


@dataclass(frozen=True)
class CreatedSandbox:
    """A sandbox that was created.

    Attributes:
        repo: Its repository.
        sandbox: The sandbox; None while it still boots, which takes minutes.
    """

    repo: Repo
    sandbox: Sandbox | None


@dataclass(frozen=True)
class SandboxLog:
    """One log of a sandbox, and which of its lines the caller wants.

    Attributes:
        sandbox: The sandbox.
        name: Which of its logs.
        lines: All lines, as they were printed.
        first: The number of the first wanted line, from 1; beyond the end when there is none.
        last: The number of the last wanted line.
        oldest_only: Whether there may be newer lines, which the API does not return.
    """

    sandbox: Sandbox
    name: LogName
    lines: Sequence[str]
    first: int
    last: int
    oldest_only: bool = False

    @property
    def wanted(self) -> Sequence[str]:
        """The wanted lines."""
        return self.lines[self.first - 1 : self.last]


async def list_sandboxes(
    context: OperationContext, *, repo: str = "", status: str = "", limit: int = 20
) -> SandboxSearch:
    """List sandboxes.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id; empty for all.
        status: A status of sandboxes; empty for all.
        limit: 1 to `MOST_SANDBOXES`.

    Raises:
        InvalidArgumentError: The limit is out of range.
        MogplexError: The repository could not be found, or Mogplex could not be asked.
    """
    check_range(limit, "limit", 1, MOST_SANDBOXES)
    repo_id = (await context.tenant.repos.find(repo)).id if repo else ""
    found = await context.tenant.mogplex.list_sandboxes(repo_id=repo_id, status=status, limit=limit)
    return SandboxSearch(found, may_be_more=len(found) >= limit)


async def create_sandbox(
    context: OperationContext,
    *,
    repo: str,
    base_branch: str = "",
    working_branch: str = "",
    create_branch: bool = False,
    root_directory: str = "",
) -> CreatedSandbox:
    """Boot a sandbox, and wait for it as long as the call may take.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id.
        base_branch: Empty for the default branch.
        working_branch: Empty for one that Mogplex names.
        create_branch: Whether the working branch is new.
        root_directory: Of a monorepo; empty for that of the repository.

    Raises:
        MogplexError: The repository could not be found, or Mogplex refused.
    """
    found = await context.tenant.repos.find(repo, root_directory=root_directory)
    seen = Operation("list_sandboxes", {"repo": found.id}), " shows whether there is a new sandbox."
    try:
        with listed_by(Operation("list_repos")), not_repeatable(*seen):
            sandbox = await context.tenant.mogplex.create_sandbox(
                found.id,
                base_branch=base_branch,
                working_branch=working_branch,
                create_branch=create_branch or None,
                root_directory=root_directory or found.root_directory or "",
                timeout=context.request_seconds,
            )
    except OperationError as error:
        if error.code != ErrorCode.TIMED_OUT or not error.may_have_happened:
            raise
        return CreatedSandbox(found, None)
    except MogplexError as error:
        # "Connect GitHub account first": nothing in the call can be corrected.
        if error.code is ErrorCode.BAD_REQUEST and "github" in error.message.casefold():
            advice = ("GitHub has to be connected on the Mogplex web page first.",)
            raise advised(error, advice) from error
        raise
    return CreatedSandbox(found, sandbox)


async def get_sandbox_logs(
    context: OperationContext, *, sandbox_id: str, log: LogName = "install", from_line: int = 0, max_lines: int = 60
) -> SandboxLog:
    """Read a log of a sandbox.

    Args:
        context: The context of the call.
        sandbox_id: The sandbox.
        log: Which of its logs.
        from_line: The first wanted line, from 1; 0 for the newest lines.
        max_lines: The most lines that are wanted.

    Raises:
        InvalidArgumentError: The id isn't a UUID, or a number is out of range.
        MogplexError: Mogplex could not be asked, or does not know the sandbox.
    """
    check_range(from_line, "from_line", 0)
    check_range(max_lines, "max_lines", 1)
    with listed_by(Operation("list_sandboxes")):
        logs = await context.tenant.mogplex.get_sandbox_logs(check_id(sandbox_id, "sandbox_id"))
    lines = _lines(logs, log)
    first = from_line or max(1, len(lines) - max_lines + 1)
    oldest_only = log == "lifecycle" and len(lines) >= MOST_LIFECYCLE_EVENTS
    return SandboxLog(logs.sandbox, log, lines, first, min(len(lines), first + max_lines - 1), oldest_only)


def sandbox_page(base_url: str, sandbox_id: str) -> str:
    """Return the address of the web page on which a sandbox can be stopped, paused and resumed."""
    return f"{web_url(base_url)}/sandboxes/{sandbox_id}"


def _lines(logs: SandboxLogs, log: LogName) -> list[str]:
    if log == "install":
        return (logs.install_log or "").splitlines()
    if log == "dev":
        return (logs.dev_log or "").splitlines()
    times = (f"{event.created_at:%Y-%m-%dT%H:%M:%SZ} " if event.created_at else "" for event in logs.lifecycle_events)
    return [
        f"{time}{event.event_type} {event.decision_code or ''}".rstrip()
        for time, event in zip(times, logs.lifecycle_events, strict=True)
    ]
