"""Sandboxes: the cloud machines that agents work in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field

from mogplex_mcp.api.models import Sandbox
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import sandboxes
from mogplex_mcp.operations.repos import repo_names
from mogplex_mcp.operations.sandboxes import MOST_LIFECYCLE_EVENTS, MOST_SANDBOXES, LogName, sandbox_page
from mogplex_mcp.reply.model import Link, ListReply, NextStep, Reply, Time
from mogplex_mcp.reply.output_limit import lines_within
from mogplex_mcp.reply.schema import rows, text, texts
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.repos import RepoName

toolset = Toolset("sandboxes", "Cloud machines: list, create, logs.")

MOST_LINES: Final = 400
LINE_CHARACTERS: Final = 500
PIECE_CHARACTERS: Final = 6_000
ERROR_CHARACTERS: Final = 600


_TEXTS: Final = {
    "id": text("Id that ties it to its row."),
    "branch": text("Branch that is worked on."),
    "base": text("Branch that it was made from."),
    "directory": text("Directory of a monorepo that is worked in."),
    "preview": text("Address of its server."),
    "error": text("Why it failed, in the words of Mogplex."),
}


class SandboxRow(BaseModel):
    """One sandbox; without an id as long as it is not known."""

    id: str = Field("", description="Id that get_sandbox_logs takes.")
    status: str = Field(description="Sandbox state: such as creating, running, paused or error.")
    repo: str = Field("", description="Repository, as owner/name, or its id if the name is unknown.")
    last_active: Time | None = Field(None, description="When it was last used.")


class SandboxList(ListReply):
    """Sandboxes, the one used last first."""

    narrow: ClassVar[str] = "Call list_sandboxes with repo, status or a smaller limit."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "sandboxes": rows("What others wrote about the same ones, row by row.", **_TEXTS)
    }
    sandboxes: Sequence[SandboxRow] = Field(description="Last used first: one row for each sandbox.")


class OneSandbox(Reply):
    """One sandbox."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "sandbox": {"type": "object", "properties": _TEXTS, "description": "What others wrote about it."}
    }
    sandbox: SandboxRow = Field(description="The sandbox now: unconfirmed if Mogplex has not answered yet.")
    web_page: Link = Field("", description="Web page: where people look at it, on the configured Mogplex.")


class SandboxLog(Reply):
    """A piece of a log."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "error": text("Why it failed, in the words of Mogplex."),
        "lines": texts("The lines of the log that were asked for."),
    }
    sandbox_id: str = Field(description="Sandbox id: what get_sandbox_logs takes.")
    status: str = Field(description="Sandbox state: such as creating, running, paused or error.")
    log: LogName = Field(description="Log that is shown.")
    first_line: int | None = Field(None, description="First one shown: the log begins with 1.")
    last_line: int | None = Field(None, description="Last one shown: give the next one as from_line for more.")
    line_count: int = Field(description="Lines that it has.")
    web_page: Link = Field(description="Web page: where people look at it, on the configured Mogplex.")


@toolset.tool("List sandboxes", Hints(open_world=True))
async def list_sandboxes(
    call: Call,
    repo: Annotated[str, Field(description="Only those of this repository: owner/name or its id. Default: all.")] = "",
    status: Annotated[
        Literal["any", "creating", "installing", "running", "pausing", "paused", "stopped", "error"],
        Field(description="Only those in this state; creating and installing come before running. Default: any."),
    ] = "any",
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 200. Default: 20.", ge=1, le=MOST_SANDBOXES)
    ] = 20,
) -> SandboxList:
    """List the cloud machines that agents work in, last used first, to find a sandbox_id. Costs one request."""
    search = await sandboxes.list_sandboxes(call, repo=repo, status="" if status == "any" else status, limit=limit)
    names = await repo_names(call, {one.repo_id for one in search.sandboxes})
    return list_reply(call, search, limit, names)


@toolset.tool("Create a sandbox", Hints(reads_only=False, idempotent=False, open_world=True))
async def create_sandbox(
    call: Call,
    *,
    repo: RepoName,
    base_branch: Annotated[
        str,
        Field(
            description="The name of the branch to check out, such as main. Default: the repository's default branch."
        ),
    ] = "",
    working_branch: Annotated[
        str, Field(description="The name of the branch to work on. Default: Mogplex names one.")
    ] = "",
    create_branch: Annotated[
        bool, Field(description="Whether working_branch is made new from base_branch. Default: false.")
    ] = False,
    root_directory: Annotated[
        str,
        Field(
            description="The directory to work in, relative to the repository's root, such as apps/web. Default: the "
            "repository's own setting."
        ),
    ] = "",
) -> OneSandbox:
    """Boot a cloud machine with a repository, without an agent. It takes minutes, and machine time may cost money.

    Rarely needed, since a run gets its own. If it still boots when the answer comes, do not repeat the call.
    list_sandboxes shows when it runs.
    """
    created = await sandboxes.create_sandbox(
        call,
        repo=repo,
        base_branch=base_branch,
        working_branch=working_branch,
        create_branch=create_branch,
        root_directory=root_directory,
    )
    return created_reply(call, created)


@toolset.tool("Read sandbox logs", Hints(open_world=True))
async def get_sandbox_logs(
    call: Call,
    sandbox_id: Annotated[str, Field(description="The id of the sandbox, a UUID. list_sandboxes has it.")],
    log: Annotated[
        LogName,
        Field(
            description="Which log. install: output of the setup. dev: output of the development server. lifecycle: "
            "changes of state. Default: install."
        ),
    ] = "install",
    from_line: Annotated[
        int, Field(description="The first line to return; the log begins with 1. Default: the newest lines.", ge=0)
    ] = 0,
    max_lines: Annotated[
        int,
        Field(description=f"How many lines to return at most, 1 to {MOST_LINES}. Default: 60.", ge=1, le=MOST_LINES),
    ] = 60,
) -> SandboxLog:
    """Read the end of a sandbox's log, or any piece of it, to see why a setup failed. Costs one request."""
    found = await sandboxes.get_sandbox_logs(
        call, sandbox_id=sandbox_id, log=log, from_line=from_line, max_lines=max_lines
    )
    return log_reply(call, found, from_line=from_line, max_lines=max_lines)


def list_reply(call: Call, search: sandboxes.SandboxSearch, limit: int, repo_names: Mapping[str, str]) -> SandboxList:
    """Return the answer to list_sandboxes."""
    found = search.sandboxes
    notes = []
    if found:
        notes.append(
            f"Stop, pause and resume are on the page of a sandbox: {sandbox_page(call.settings.base_url, '<id>')}"
        )
    if search.may_be_more:
        raised = "" if limit == MOST_SANDBOXES else f", or raise limit (at most {MOST_SANDBOXES})"
        notes.append(f"There may be more, and Mogplex has no pages: give repo or status{raised}.")
    steps = []
    if len(found) == 1:
        arguments = {"sandbox_id": sanitize_word(found[0].id)}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=arguments, why="see what it printed"))
    return SandboxList(
        summary=f"{counted(len(found), 'sandbox', 'sandboxes')}.",
        sandboxes=[_row(one, repo_names.get(one.repo_id, "")) for one in found],
        notes=notes,
        untrusted={"sandboxes": [_others_text(one) for one in found]},
        next_steps=steps,
    )


def created_reply(call: Call, created: sandboxes.CreatedSandbox) -> OneSandbox:
    """Return the answer to create_sandbox."""
    if created.sandbox is None:
        repo = sanitize_name(created.repo.full_name, sanitize_word(created.repo.id))
        arguments = {"repo": sanitize_word(created.repo.id)}
        return OneSandbox(
            summary="Mogplex has not answered yet: it does so when the sandbox has booted, which takes minutes. Do not "
            "create it again before you have looked for it.",
            sandbox=SandboxRow(status="unconfirmed", repo=repo),
            next_steps=[NextStep(tool="list_sandboxes", arguments=arguments, why="see whether it is there, and runs")],
        )
    row = _row(created.sandbox, created.repo.full_name)
    return OneSandbox(
        summary=f"Sandbox {row.id} is {row.status}.",
        sandbox=row,
        web_page=sandbox_page(call.settings.base_url, row.id),
        notes=["Stop, pause and resume are on its page."],
        untrusted={"sandbox": _others_text(created.sandbox)},
        next_steps=[NextStep(tool="get_sandbox_logs", arguments={"sandbox_id": row.id}, why="see its setup")],
    )


def log_reply(call: Call, found: sandboxes.SandboxLog, *, from_line: int, max_lines: int) -> SandboxLog:
    """Return the answer to get_sandbox_logs: the piece of the log that was asked for, as far as one answer holds it."""
    log, lines = found.name, found.lines
    first = from_line
    shown = _cleaned(found.wanted) if from_line else _newest(lines, max_lines)
    if not from_line or not shown:
        first = len(lines) - len(shown) + 1
    last = first + len(shown) - 1
    sandbox, status = sanitize_word(found.sandbox.id), sanitize_word(found.sandbox.status)
    steps = []
    if count := len(_newest(lines[: first - 1], max_lines)):
        earlier = {"sandbox_id": sandbox, "log": log, "from_line": first - count, "max_lines": count}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=earlier, why="earlier lines"))
    if last < len(lines):
        later = {"sandbox_id": sandbox, "log": log, "from_line": last + 1, "max_lines": max_lines}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=later, why="later lines"))
    notes = [f"There is no line {from_line}."] if lines and not shown else []
    if found.oldest_only:
        notes.append(f"The API returns the oldest {MOST_LIFECYCLE_EVENTS} events; later ones cannot be read.")
    error = clean_line(found.sandbox.error or "", ERROR_CHARACTERS)
    return SandboxLog(
        summary=_log_summary(found, sandbox, status),
        sandbox_id=sandbox,
        status=status,
        log=log,
        first_line=first if shown else None,
        last_line=last if shown else None,
        line_count=len(lines),
        web_page=sandbox_page(call.settings.base_url, sandbox),
        notes=notes,
        untrusted={"error": error, "lines": shown},
        next_steps=steps,
    )


def _log_summary(found: sandboxes.SandboxLog, sandbox: str, status: str) -> str:
    failed = f"Sandbox {sandbox} is {status} and reports an error: see error. " if found.sandbox.error else ""
    count = len(found.lines)
    if found.oldest_only:
        return f"{failed}The {found.name} log of sandbox {sandbox} has {count} lines or more; these are the oldest."
    if count:
        return f"{failed}The {found.name} log of sandbox {sandbox} has {counted(count, 'line')}."
    yet = "" if failed or status in ("error", "stopped") else " yet"
    return f"{failed}Sandbox {sandbox} has no {found.name} log{yet}."


def _cleaned(lines: Iterable[str]) -> list[str]:
    """Return as many lines, from the first one on, as fit into one answer."""
    return lines_within((clean(line, LINE_CHARACTERS) for line in lines), PIECE_CHARACTERS)


def _newest(lines: Sequence[str], most: int) -> list[str]:
    """Return as many lines, back from the last one, as fit into one answer."""
    return _cleaned(reversed(lines[-most:]))[::-1]


def _row(sandbox: Sandbox, repo: str) -> SandboxRow:
    return SandboxRow(
        id=sanitize_word(sandbox.id),
        status=sanitize_word(sandbox.status),
        repo=sanitize_name(repo, sanitize_word(sandbox.repo_id, "")),
        last_active=sandbox.last_active_at,
    )


def _others_text(sandbox: Sandbox) -> dict[str, str]:
    """Return branches, directory, preview and error, which others wrote."""
    facts = {
        "branch": sandbox.working_branch,
        "base": sandbox.base_branch,
        "directory": sandbox.root_directory,
        "preview": sandbox.preview_url,
        "error": sandbox.error,
    }
    return {"id": sanitize_word(sandbox.id)} | {name: clean_line(text or "", 200) for name, text in facts.items()}
