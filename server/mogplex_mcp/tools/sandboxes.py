"""Sandboxes: the cloud machines that agents work in."""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, Field

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Sandbox, SandboxLogs
from mogplex_mcp.core.humanize import ago, counted
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.output_limit import lines_within
from mogplex_mcp.reply.untrusted import clean, clean_line, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("sandboxes", "Cloud machines: list, create, logs.")

MOST_SANDBOXES: Final = 200
MOST_LINES: Final = 400
LINE_CHARACTERS: Final = 500
PIECE_CHARACTERS: Final = 6_000


class SandboxRow(BaseModel):
    """One sandbox; without an id as long as it is not known."""

    id: str = ""
    status: str
    repo_id: str = ""
    last_active: str = ""


class SandboxList(Reply):
    """Sandboxes, the one used last first."""

    narrow: ClassVar[str] = "Call list_sandboxes with repo, status or a smaller limit."
    sandboxes: Sequence[SandboxRow] = ()


class OneSandbox(Reply):
    """One sandbox."""

    sandbox: SandboxRow


class SandboxLog(Reply):
    """A piece of a log."""

    sandbox_id: str
    status: str
    log: str
    shown: str = ""


@toolset.tool("List sandboxes", Hints(open_world=True))
async def list_sandboxes(
    call: Call,
    repo: Annotated[str, Field(description="owner/name or id; empty: all.")] = "",
    status: Annotated[
        Literal["any", "creating", "installing", "running", "pausing", "paused", "stopped", "error"],
        Field(description="Only this state."),
    ] = "any",
    limit: Annotated[int, Field(description="1 to 200.", ge=1, le=MOST_SANDBOXES)] = 20,
) -> SandboxList:
    """List cloud sandboxes, last used first, to find a sandbox_id for get_sandbox_logs."""
    repo_id = (await call.tenant.repos.find(repo)).id if repo else ""
    found = await call.tenant.mogplex.list_sandboxes(
        repo_id=repo_id, status="" if status == "any" else status, limit=limit
    )
    notes = []
    if found:
        notes.append(f"Stop, pause and resume are on the page of a sandbox: {_page(call, '<id>')}")
    if len(found) >= limit:
        raised = "" if limit == MOST_SANDBOXES else f", or raise limit (at most {MOST_SANDBOXES})"
        notes.append(f"There may be more, and Mogplex has no pages: give repo or status{raised}.")
    steps = []
    if len(found) == 1:
        arguments = {"sandbox_id": sanitize_word(found[0].id)}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=arguments, why="see what it printed"))
    return SandboxList(
        summary=f"{counted(len(found), 'sandbox', 'sandboxes')}.",
        sandboxes=[_row(call, one) for one in found],
        notes=notes,
        untrusted={"sandboxes": [_others_text(one) for one in found]},
        next_steps=steps,
    )


@toolset.tool("Create a sandbox", Hints(reads_only=False, idempotent=False, open_world=True))
async def create_sandbox(
    call: Call,
    *,
    repo: Annotated[str, Field(description="owner/name or id.")],
    base_branch: Annotated[str, Field(description="Empty: the default.")] = "",
    working_branch: Annotated[str, Field(description="Empty: Mogplex chooses.")] = "",
    create_branch: Annotated[bool, Field(description="Make it new.")] = False,
    root_directory: Annotated[str, Field(description="Of a monorepo.")] = "",
    restore_snapshot_id: Annotated[str, Field(description="Start from it.")] = "",
    restore_snapshot_project_id: Annotated[str, Field(description="Its project.")] = "",
    restore_snapshot_team_id: Annotated[str, Field(description="Its team.")] = "",
) -> OneSandbox:
    """Boot a cloud sandbox, which takes minutes. Rarely needed: start_run makes its own.

    If it still boots when the answer comes, look with list_sandboxes; do not repeat.
    """
    found = await call.tenant.repos.find(repo, root_directory=root_directory)
    try:
        sandbox = await call.tenant.mogplex.create_sandbox(
            found.id,
            base_branch=base_branch,
            working_branch=working_branch,
            create_branch=create_branch or None,
            root_directory=root_directory or found.root_directory or "",
            restore_snapshot_id=restore_snapshot_id,
            restore_snapshot_project_id=restore_snapshot_project_id,
            restore_snapshot_team_id=restore_snapshot_team_id,
            # The answer has to be on its way before the client gives up.
            timeout=max(1.0, call.remaining - 0.5),
        )
    except MogplexError as error:
        if error.code is not ErrorCode.TIMED_OUT or not error.may_have_happened:
            raise
        return OneSandbox(
            summary="The sandbox is still booting, which takes minutes. Nothing is lost: do not create it again.",
            sandbox=SandboxRow(status="creating", repo_id=sanitize_word(found.id)),
            next_steps=[
                NextStep(tool="list_sandboxes", arguments={"repo": sanitize_word(found.id)}, why="see when it runs")
            ],
        )
    row = _row(call, sandbox)
    return OneSandbox(
        summary=f"Sandbox {row.id} is {row.status}.",
        sandbox=row,
        notes=[f"Stop, pause and resume are on its page: {_page(call, row.id)}"],
        untrusted={"sandbox": _others_text(sandbox)},
        next_steps=[NextStep(tool="get_sandbox_logs", arguments={"sandbox_id": row.id}, why="see its setup")],
    )


@toolset.tool("Read sandbox logs", Hints(open_world=True))
async def get_sandbox_logs(
    call: Call,
    sandbox_id: Annotated[str, Field(description="A UUID from list_sandboxes.")],
    log: Annotated[
        Literal["install", "dev", "lifecycle"],
        Field(description="dev: development server; lifecycle: states."),
    ] = "install",
    from_line: Annotated[int, Field(description="From 1; 0: the newest.", ge=0)] = 0,
    max_lines: Annotated[int, Field(description=f"1 to {MOST_LINES}.", ge=1, le=MOST_LINES)] = 60,
) -> SandboxLog:
    """Read a log of a sandbox in pieces, newest lines first, to see why its setup failed."""
    logs = await call.tenant.mogplex.get_sandbox_logs(sandbox_id)
    lines = _lines(logs, log)
    first = from_line
    shown = _cleaned(lines[from_line - 1 :][:max_lines]) if from_line else _newest(lines, max_lines)
    if not from_line or not shown:
        first = len(lines) - len(shown) + 1
    last = first + len(shown) - 1
    sandbox, status = sanitize_word(logs.sandbox.id), sanitize_word(logs.sandbox.status)
    steps = []
    if count := len(_newest(lines[: first - 1], max_lines)):
        earlier = {"sandbox_id": sandbox, "log": log, "from_line": first - count, "max_lines": count}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=earlier, why="earlier lines"))
    if last < len(lines):
        later = {"sandbox_id": sandbox, "log": log, "from_line": last + 1, "max_lines": max_lines}
        steps.append(NextStep(tool="get_sandbox_logs", arguments=later, why="later lines"))
    return SandboxLog(
        summary=f"The {log} log of sandbox {sandbox} has {counted(len(lines), 'line')}."
        if lines
        else f"Sandbox {sandbox} has no {log} log yet.",
        sandbox_id=sandbox,
        status=status,
        log=log,
        shown=f"lines {first} to {last} of {len(lines)}" if shown else "",
        notes=[f"There is no line {from_line}."] if lines and not shown else [],
        untrusted={"lines": shown},
        next_steps=steps,
    )


def _lines(logs: SandboxLogs, log: str) -> list[str]:
    """The lines of a log, raw."""
    if log == "install":
        return (logs.install_log or "").splitlines()
    if log == "dev":
        return (logs.dev_log or "").splitlines()
    times = (f"{event.created_at:%Y-%m-%dT%H:%M:%SZ} " if event.created_at else "" for event in logs.lifecycle_events)
    return [
        f"{time}{event.event_type} {event.decision_code or ''}".rstrip()
        for time, event in zip(times, logs.lifecycle_events, strict=True)
    ]


def _cleaned(lines: Iterable[str]) -> list[str]:
    """As many lines from the first one on as fit into one answer."""
    return lines_within((clean(line, LINE_CHARACTERS) for line in lines), PIECE_CHARACTERS)


def _newest(lines: Sequence[str], most: int) -> list[str]:
    """The same from the last line back."""
    return _cleaned(reversed(lines[-most:]))[::-1]


def _row(call: Call, sandbox: Sandbox) -> SandboxRow:
    return SandboxRow(
        id=sanitize_word(sandbox.id),
        status=sanitize_word(sandbox.status),
        repo_id=sanitize_word(sandbox.repo_id, ""),
        last_active=ago(sandbox.last_active_at, call.now),
    )


def _page(call: Call, sandbox_id: str) -> str:
    return f"{web_url(call.settings.base_url)}/sandboxes/{sandbox_id}"


def _others_text(sandbox: Sandbox) -> dict[str, str]:
    """Branches, directory, preview and error: their words are other people's."""
    facts = {
        "branch": sandbox.working_branch,
        "base": sandbox.base_branch,
        "directory": sandbox.root_directory,
        "preview": sandbox.preview_url,
        "error": sandbox.error,
    }
    return {"id": sanitize_word(sandbox.id)} | {name: clean_line(text or "", 200) for name, text in facts.items()}
