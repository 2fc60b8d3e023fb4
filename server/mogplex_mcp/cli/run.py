"""`mogplex-mcp run`: start a run, and follow it if that is wanted."""

from argparse import Namespace

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.runs import follow_run
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.following import again
from mogplex_mcp.cli.terminal.records import run_record
from mogplex_mcp.cli.terminal.refusal import Refusal
from mogplex_mcp.cli.terminal.stdin import read_all
from mogplex_mcp.tools.run_replies import StartedRun


@in_terminal
async def start_run(session: Session, given: Namespace) -> int:
    """Start a run."""
    if not (given.repo or session.caller.settings.default_repo):
        raise Refusal.usage("run: --repo is missing.", "Find one with `mogplex-mcp repos list`.")
    prompt = await read_all(session.caller.shutdown) if given.prompt == "-" else given.prompt
    if not prompt.strip():
        raise Refusal.usage("run: the prompt is empty.", "Say what the agent is to do.")
    started = await session.caller.ask_for(
        StartedRun,
        "start_run",
        repo=given.repo,
        prompt=prompt,
        harness=given.harness,
        base_branch=given.base_branch,
        working_branch=given.branch,
        create_branch=given.create_branch,
        root_directory=given.root,
        idempotency_key=given.idempotency_key,
        force_new=given.force_new,
    )
    await _show(session, started, followed=given.follow)
    session.output.notes(started.notes)
    if given.follow:
        return await follow_run(session, started.run_id, given.timeout)
    return ExitCode.OK


async def _show(session: Session, started: StartedRun, *, followed: bool) -> None:
    if session.output.as_json:
        # Not in the tool's answer: a model has no use for it.
        session.output.record(run_record(started, repo_id=await session.caller.repo_id(started.run_id)))
        return
    what = "matched existing run" if started.replayed else "started run"
    session.output.line(f"{what} {started.run_id} ({started.status})", style="bold")
    base, working = (started.untrusted.get(name, "") for name in ("base_branch", "working_branch"))
    session.output.facts(
        {
            "repo": started.repo,
            "harness": started.harness,
            "branch": f"{working} (base {base})" if working else base,
            "follow": "" if followed else again(started.run_id),
        }
    )
