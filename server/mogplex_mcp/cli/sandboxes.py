"""`mogplex-mcp sandboxes`: the cloud machines that agents work in."""

from argparse import Namespace
from datetime import datetime
from typing import Final

from mogplex_mcp.api.models import Sandbox
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.records import TEXT_CHARACTERS, iso
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_word
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.operations import sandboxes
from mogplex_mcp.operations.sandboxes import MOST_SANDBOXES, sandbox_page

_FACT_CHARACTERS: Final = 200
_DEFAULT_LIMIT: Final = 20
_DEFAULT_LINES: Final = 60


@in_terminal
async def list_sandboxes(session: Session, given: Namespace) -> int:
    """List sandboxes."""
    session.refuse_secrets(**{"--repo": given.repo})
    limit = _DEFAULT_LIMIT if given.limit is None else given.limit
    status = "" if given.status == "any" else given.status or ""
    found = await session.perform(
        "list_sandboxes",
        lambda context: sandboxes.list_sandboxes(context, repo=given.repo or "", status=status, limit=limit),
    )
    page = sandbox_page(session.settings.base_url, "<id>")
    notes = [f"Stop, pause and resume are on the page of a sandbox: {page}" if found.sandboxes else "No sandboxes."]
    if found.may_be_more:
        raised = f", or raise --limit (at most {MOST_SANDBOXES})" if limit < MOST_SANDBOXES else ""
        notes.append(f"There may be more: give --repo or --status{raised}.")
    session.output.listed(
        [_record(sandbox) for sandbox in found.sandboxes],
        ("id", "status", "active", "branch", "preview", "error"),
        [_row(sandbox, session.now) for sandbox in found.sandboxes],
        notes=notes,
    )
    return ExitCode.OK


@in_terminal
async def create_sandbox(session: Session, given: Namespace) -> int:
    """Boot a sandbox."""
    repo = given.repo or session.settings.default_repo
    if not repo:
        raise CommandError.usage("sandboxes create: --repo is missing.", "Find one with `mogplex-mcp repos list`.")
    session.refuse_secrets(
        **{"--repo": repo, "--branch": given.branch, "--base-branch": given.base_branch, "--root": given.root}
    )
    created = await session.perform(
        "create_sandbox",
        lambda context: sandboxes.create_sandbox(
            context,
            repo=repo,
            base_branch=given.base_branch or "",
            working_branch=given.branch or "",
            create_branch=given.create_branch,
            root_directory=given.root or "",
        ),
        changes=True,
        repeatable=False,
    )
    sandbox = created.sandbox
    if session.output.as_json:
        unconfirmed = Sandbox.model_construct(id="", repo_id=created.repo.id, status="unconfirmed")
        session.output.record(_record(sandbox or unconfirmed))
    elif sandbox:
        session.output.line(f"Sandbox {sanitize_word(sandbox.id)} is {sanitize_word(sandbox.status)}.")
    else:
        session.output.line(
            "Mogplex has not answered yet: it does so when the sandbox has booted, which takes minutes."
        )
    if sandbox:
        page = sandbox_page(session.settings.base_url, sanitize_word(sandbox.id))
        note = f"Stop, pause and resume are on its page: {page}"
    else:
        command = session.command(f"sandboxes list --repo {sanitize_word(created.repo.id)}")
        note = f"Do not create it again before you have looked for it: {command}"
    session.output.notes([note])
    return ExitCode.OK


@in_terminal
async def read_logs(session: Session, given: Namespace) -> int:
    """Print a log of a sandbox."""
    log = await session.perform(
        "get_sandbox_logs",
        lambda context: sandboxes.get_sandbox_logs(
            context,
            sandbox_id=given.sandbox,
            log=given.log or "install",
            from_line=given.from_line or 0,
            max_lines=_DEFAULT_LINES if given.max_lines is None else given.max_lines,
        ),
    )
    if log.sandbox.error:
        error = clean(log.sandbox.error, TEXT_CHARACTERS)
        session.output.notes([f"Sandbox {sanitize_word(log.sandbox.id)} reports an error: {error}"])
    for line in log.wanted:
        text = clean(line, TEXT_CHARACTERS)
        if session.output.as_json:
            session.output.record({"line": text})
        else:
            session.output.line(text)
    count = len(log.lines)
    if log.wanted:
        note = f"lines {log.first} to {log.last} of {count}"
    elif count:
        note = f"There is no line {log.first}: the log has {counted(count, 'line')}."
    else:
        yet = "" if log.sandbox.error else " yet"
        note = f"Sandbox {sanitize_word(log.sandbox.id)} has no {log.name} log{yet}."
    notes = [note]
    if log.oldest_only:
        notes.append(f"The API returns the oldest {count} events; later ones are not available.")
    session.output.notes(notes)
    return ExitCode.OK


@in_terminal
async def stop_sandbox(session: Session, given: Namespace) -> int:
    """Say where a sandbox can be stopped: Mogplex's API has no way yet, and its own command line says the same."""
    page = sandbox_page(session.settings.base_url, given.sandbox)
    raise CommandError(
        "Nothing was done.", "Mogplex's API cannot stop a sandbox.", f"Stop it on its page: {page}", "not_supported"
    )


def _record(sandbox: Sandbox) -> dict[str, str | None]:
    """Return a sandbox with the names that Mogplex's own command line uses."""
    return {
        "id": sanitize_word(sandbox.id, ""),
        "repo_id": sanitize_word(sandbox.repo_id, ""),
        "status": sanitize_word(sandbox.status),
        "base_branch": _fact(sandbox.base_branch) or None,
        "working_branch": _fact(sandbox.working_branch) or None,
        "root_directory": _fact(sandbox.root_directory) or None,
        "preview_url": _fact(sandbox.preview_url) or None,
        "last_active_at": iso(sandbox.last_active_at) or None,
        "error": _fact(sandbox.error) or None,
    }


def _row(sandbox: Sandbox, now: datetime) -> tuple[str, ...]:
    active = sandbox.last_active_at
    return (
        sanitize_word(sandbox.id),
        sanitize_word(sandbox.status),
        f"{duration((now - active).total_seconds())} ago" if active else "",
        _fact(sandbox.working_branch),
        _fact(sandbox.preview_url),
        _fact(sandbox.error),
    )


def _fact(text: str | None) -> str:
    """Return what others wrote on one line."""
    return clean_line(text or "", _FACT_CHARACTERS)
