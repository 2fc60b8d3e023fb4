"""`mogplex-mcp sandboxes`: the cloud machines that agents work in."""

from argparse import Namespace

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.records import age, sandbox_record
from mogplex_mcp.tools.sandboxes import OneSandbox, SandboxList, SandboxLog


@in_terminal
async def list_sandboxes(session: Session, given: Namespace) -> int:
    """List sandboxes."""
    found = await session.caller.ask_for(
        SandboxList, "list_sandboxes", repo=given.repo, status=given.status, limit=given.limit
    )
    rows = list(zip(found.sandboxes, found.untrusted["sandboxes"], strict=True))
    session.output.listed(
        found,
        [sandbox_record(row, others_text) for row, others_text in rows],
        ("id", "status", "active", "branch", "preview", "error"),
        [
            (row.id, row.status, age(row.last_active), text["branch"], text["preview"], text["error"])
            for row, text in rows
        ],
    )
    return ExitCode.OK


@in_terminal
async def create_sandbox(session: Session, given: Namespace) -> int:
    """Boot a sandbox."""
    created = await session.caller.ask_for(
        OneSandbox,
        "create_sandbox",
        repo=given.repo,
        base_branch=given.base_branch,
        working_branch=given.branch,
        create_branch=given.create_branch,
        root_directory=given.root,
    )
    if session.output.as_json:
        session.output.record(sandbox_record(created.sandbox, created.untrusted.get("sandbox", {})))
    else:
        session.output.line(created.summary)
    session.output.notes(created.notes)
    return ExitCode.OK


@in_terminal
async def read_logs(session: Session, given: Namespace) -> int:
    """Print a log of a sandbox."""
    log = await session.caller.ask_for(
        SandboxLog,
        "get_sandbox_logs",
        sandbox_id=given.sandbox,
        log=given.log,
        from_line=given.from_line,
        max_lines=given.max_lines,
    )
    lines = log.untrusted["lines"]
    if session.output.as_json:
        for line in lines:
            session.output.record({"line": line})
    else:
        for line in lines:
            session.output.line(line)
    session.output.notes([log.shown or log.summary, *log.notes])
    return ExitCode.OK


@in_terminal
async def stop_sandbox(session: Session, given: Namespace) -> int:
    """Say where a sandbox can be stopped: Mogplex's API has no way yet, and its own command line says the same."""
    page = f"{web_url(session.caller.settings.base_url)}/sandboxes/{given.sandbox}"
    raise CommandError(
        "Nothing was done.", "Mogplex's API cannot stop a sandbox.", f"Stop it on its page: {page}", "not_supported"
    )
