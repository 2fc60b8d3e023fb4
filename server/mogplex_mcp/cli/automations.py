"""`mogplex-mcp automations`: find automations, trigger them, look at what they did."""

from argparse import Namespace

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.input import read_value
from mogplex_mcp.cli.terminal.records import age, camel
from mogplex_mcp.cli.terminal.run_view import run_view
from mogplex_mcp.reply.render import to_text
from mogplex_mcp.tools.automation_replies import AutomationDetails, AutomationList
from mogplex_mcp.tools.automation_run_replies import AutomationRunDetails, AutomationRunList, TriggeredAutomation


@in_terminal
async def list_automations(session: Session, given: Namespace) -> int:
    """List automations."""
    found = await session.caller.ask_for(AutomationList, "list_automations", limit=given.limit)
    rows = list(zip(found.automations, found.untrusted.get("automations", ()), strict=True))
    session.output.listed(
        found,
        [camel(row.model_dump() | others_text) for row, others_text in rows],
        ("automation", "status", "published", "updated", "name"),
        [
            (row.automation_id, row.status, "yes" if row.published else "no", age(row.updated), text["name"])
            for row, text in rows
        ],
    )
    return ExitCode.OK


@in_terminal
async def get_automation(session: Session, given: Namespace) -> int:
    """Show an automation."""
    found = await session.caller.ask_for(AutomationDetails, "get_automation", automation_id=given.automation)
    if session.output.as_json:
        session.output.record(camel({**found.model_dump(mode="json"), **found.untrusted}))
        return ExitCode.OK
    named = found.untrusted
    session.output.facts(
        {
            "automation": found.automation_id,
            "name": named.get("name", ""),
            "description": named.get("description", ""),
            "state": found.summary,
            "updated": found.updated,
        }
    )
    session.output.line()
    nodes = [{str(name): str(value) for name, value in node.items()} for node in named.get("nodes", ())]
    columns = list(dict.fromkeys(name for node in nodes for name in node))
    session.output.table(columns, [[node.get(name, "") for name in columns] for node in nodes])
    session.output.notes(found.notes)
    return ExitCode.OK


@in_terminal
async def trigger_automation(session: Session, given: Namespace) -> int:
    """Run an automation on a repository."""
    inputs = await read_value(given.inputs, session.caller.shutdown) if given.inputs else None
    triggered = await session.caller.ask_for(
        TriggeredAutomation,
        "trigger_automation",
        automation_id=given.automation,
        # The tool says how it is called itself; a repository may be set by default.
        repo=given.repo,
        inputs=inputs,
        idempotency_key=given.idempotency_key,
        force_new=given.force_new,
    )
    if session.output.as_json:
        session.output.record(camel(triggered.model_dump(mode="json")))
    else:
        session.output.line(triggered.summary)
        session.output.facts({"run": triggered.run_id, "status": triggered.status, "reason": triggered.reason})
    session.output.notes(triggered.notes)
    if given.follow and triggered.run_id:
        return await _follow(session, triggered.automation_id, triggered.run_id)
    return ExitCode.OK if triggered.started or triggered.replayed else ExitCode.FAILURE


@in_terminal
async def list_runs(session: Session, given: Namespace) -> int:
    """List what an automation did."""
    found = await session.caller.ask_for(
        AutomationRunList, "list_automation_runs", automation_id=given.automation, limit=given.limit
    )
    problems = found.untrusted.get("errors", {})
    session.output.listed(
        found,
        [camel(row.model_dump() | {"error": problems.get(row.run_id)}) for row in found.runs],
        ("run", "status", "repo", "created", "took", "error"),
        [
            (row.run_id, row.status, row.repo, age(row.created), row.took, problems.get(row.run_id, ""))
            for row in found.runs
        ],
    )
    return ExitCode.OK


@in_terminal
async def get_run(session: Session, given: Namespace) -> int:
    """Show a run of an automation, now or when it has ended."""
    if given.follow:
        return await _follow(session, given.automation, given.run)
    run = await session.caller.ask_for(
        AutomationRunDetails, "get_automation_run", automation_id=given.automation, run_id=given.run
    )
    _show(session, run)
    return ExitCode.OK


async def _follow(session: Session, automation_id: str, run_id: str) -> int:
    """Wait until a run ends or waits for somebody; one call after the other, each as long as a call may take."""
    caller = session.caller
    with run_view(session.output) as shown:
        while True:
            run = await caller.ask_for(
                AutomationRunDetails,
                "get_automation_run",
                progress=shown.progress,
                automation_id=automation_id,
                run_id=run_id,
                wait_seconds=3_600,
            )
            run_id = run.run_id
            # The answer says whether there is something to wait for: a run may wait for somebody itself.
            if not run.next_steps or caller.shutdown.has_begun:
                break
    _show(session, run)
    return ExitCode.OK if run.status == "success" else ExitCode.FAILURE


def _show(session: Session, run: AutomationRunDetails) -> None:
    if session.output.as_json:
        session.output.record(camel(run.model_dump(mode="json")) | {"untrusted": run.untrusted})
    else:
        session.output.line(to_text(run.model_copy(update={"next_steps": ()}).structured()))
