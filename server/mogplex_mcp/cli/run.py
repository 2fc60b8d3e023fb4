"""`mogplex-mcp run`: start a run and, with --follow, watch it to its end."""

from argparse import Namespace

from mogplex_mcp.api.client import MAX_PROMPT_LENGTH, StartRun
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.runs import NEVER_QUEUED, branch_line, follow_run
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.following import follow_command
from mogplex_mcp.cli.terminal.input import read_stdin
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.records import run_record
from mogplex_mcp.cli.terminal.short_ids import whole_run_id
from mogplex_mcp.core.cleaning import sanitize_name, sanitize_word
from mogplex_mcp.operations import runs
from mogplex_mcp.operations.runs import StartedRun
from mogplex_mcp.runs.outcome import read_outcome
from mogplex_mcp.storage.ledger import TERMINAL_STATUSES


@in_terminal
async def start_run(session: Session, given: Namespace) -> int:
    """Start a run."""
    repo = given.repo or ("" if given.continue_run else session.settings.default_repo)
    if not (repo or given.continue_run):
        raise CommandError.usage("run: --repo is missing.", "Find one with `mogplex-mcp repos list`.")
    prompt = await read_stdin(session.shutdown) if given.prompt == "-" else given.prompt
    if not prompt.strip():
        raise CommandError.usage("run: the prompt is empty.", "Describe the task of the agent.")
    if len(prompt) > MAX_PROMPT_LENGTH:
        raise CommandError.usage(f"run: the prompt has more than {MAX_PROMPT_LENGTH} characters.", "Shorten it.")
    session.refuse_secrets(
        prompt=prompt,
        **{"--repo": given.repo, "--branch": given.branch, "--base-branch": given.base_branch, "--root": given.root},
    )
    request = StartRun(
        repo_id="",
        prompt=prompt,
        harness=given.harness or "codex",
        base_branch=given.base_branch or "",
        working_branch=given.branch or "",
        create_branch=given.create_branch is not False,
        root_directory=given.root or "",
    )
    if given.follow:
        session.check_allowed("tail_run")
    earlier = await whole_run_id(session.tenant.ledger, given.continue_run) if given.continue_run else ""
    started = await session.perform(
        "start_run",
        lambda context: runs.start_run(
            context,
            request,
            repo=repo,
            continue_run=earlier,
            force_new=given.force_new,
            idempotency_key=given.idempotency_key or "",
        ),
        changes=True,
    )
    _show_start(session, started, followed=given.follow)
    if given.follow:
        return await follow_run(session, started.started.run.run_id, given.timeout)
    return ExitCode.OK


def _show_start(session: Session, result: StartedRun, *, followed: bool) -> None:
    run, replayed = result.started.run, result.started.replayed
    run_id, continues = sanitize_word(run.run_id), result.continues
    updates = continues.pull_request if continues else ""
    if session.output.as_json:
        facts = {
            "replayed": replayed,
            "continues": continues.run_id if continues else "",
            "updates_pull_request": updates,
        }
        session.output.record(
            run_record(run, repo=result.repo.full_name, **facts) | {"repoId": sanitize_word(result.repo.id)}
        )
    else:
        event = "matched existing run" if replayed else "accepted run" if result.started.is_unqueued else "started run"
        session.output.line(f"{event} {run_id} ({sanitize_word(run.status)})", style="bold")
        session.output.facts(
            {
                "repo": sanitize_name(result.repo.full_name, sanitize_word(result.repo.id)),
                "harness": sanitize_word(run.harness, ""),
                "branch": branch_line(run),
                "continues": continues.run_id if continues else "",
                "updates": updates,
                "follow": "" if followed or run.status in TERMINAL_STATUSES else follow_command(session, run_id),
            }
        )
    session.output.notes(_notes(session, result))


def _notes(session: Session, result: StartedRun) -> list[str]:
    run, replayed = result.started.run, result.started.replayed
    notes = []
    if result.started.is_unqueued:
        notes.append(
            "Mogplex accepted the run but could not queue it: it has failed and nothing was done. "
            "Use --force-new to start it again."
        )
    elif replayed and read_outcome(run, (), repo="", now=session.now).never_queued:
        notes.append(NEVER_QUEUED.format(run_id=sanitize_word(run.run_id)))
    elif replayed and run.status == "pending" and not run.runtime_run_id:
        notes.append("The run is not queued yet. If this lasts for minutes, it will never start.")
    elif replayed and run.status in TERMINAL_STATUSES:
        notes.append(
            "The same command started this run within the last ten minutes, and it has ended. "
            "Use --force-new to start another one."
        )
    elif replayed:
        notes.append("The same command started this run before. Use --force-new to start another one.")
    if result.continues and not result.continues.pull_request and not result.continues.changed:
        notes.append("The run to continue reported no changes. If its branch does not exist, this run will fail.")
    if not result.started.noted:
        notes.append(
            "The journal could not be written: note this id, because `mogplex-mcp runs list` will not show it."
        )
    return notes
