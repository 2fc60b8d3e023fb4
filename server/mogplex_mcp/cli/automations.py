"""`mogplex-mcp automations`: find automations, read them, trigger them."""

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from mogplex_mcp.api.automation_models import Automation, AutomationDetail
from mogplex_mcp.cli.automation_runs import follow_run
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.input import read_value
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.records import camel, iso
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import ago
from mogplex_mcp.operations import automation_runs, automations
from mogplex_mcp.operations.automation_runs import TriggeredAutomation
from mogplex_mcp.operations.graphs import cannot_be_written, changes, edge_count, node_rows, without_model

_DEFAULT_LIMIT = 50
_NAME_CHARACTERS = 100
_DESCRIPTION_CHARACTERS = 200
_NOTES_CHARACTERS = 1_000


@in_terminal
async def list_automations(session: Session, given: Namespace) -> int:
    """List automations."""
    limit = _DEFAULT_LIMIT if given.limit is None else given.limit
    found = await session.perform(
        "list_automations", lambda context: automations.list_automations(context, limit=limit)
    )
    notes = [] if found.automations else ["No automations."]
    if found.next_cursor:
        most = automations.MOST_AUTOMATIONS
        raised = f"; raise --limit (at most {most})" if limit < most else ", but Mogplex lists no more"
        notes.append(f"There are more{raised}.")
    session.output.listed(
        [_record(one) for one in found.automations],
        ("automation", "status", "published", "updated", "name"),
        [
            (
                sanitize_word(one.id),
                sanitize_word(one.status),
                "yes" if one.published_version_id else "no",
                ago(one.updated_at, session.now),
                clean_line(one.name, _NAME_CHARACTERS),
            )
            for one in found.automations
        ],
        notes=notes,
    )
    return ExitCode.OK


@in_terminal
async def get_automation(session: Session, given: Namespace) -> int:
    """Show an automation."""
    found = await session.perform(
        "get_automation", lambda context: automations.get_automation(context, automation_id=given.automation)
    )
    version, nodes = found.published_version, node_rows(found.draft_graph)
    changed = changes(version.graph, found.draft_graph) if version else []
    if session.output.as_json:
        session.output.record(
            _record(found)
            | camel(
                {
                    "published": version is not None,
                    "published_version": version.version_number if version else None,
                    "draft_is_published": not changed if version else None,
                    "notes": clean(found.notes or "", _NOTES_CHARACTERS),
                    "nodes": nodes,
                    "edges": edge_count(found.draft_graph),
                }
            )
        )
    else:
        session.output.facts(
            {
                "automation": sanitize_word(found.id),
                "name": clean_line(found.name, _NAME_CHARACTERS),
                "description": clean_line(found.description or "", _DESCRIPTION_CHARACTERS),
                "state": _state(found),
                "updated": ago(found.updated_at, session.now),
            }
        )
        session.output.line()
        columns = list(dict.fromkeys(name for node in nodes for name in node))
        session.output.table(columns, [[node.get(name, "") for name in columns] for node in nodes])
    notes = [] if version else ["It cannot be triggered before it is published."]
    if version and found.status != "active":
        publish = f"mogplex-mcp call publish_automation automation_id={sanitize_word(found.id)}"
        notes.append(f"It is not active, so it cannot be triggered: `{publish}` activates it with its draft.")
    if nodes_without_model := without_model(found.draft_graph):
        notes.append(f"The draft cannot be published: {', '.join(nodes_without_model)} has no model.")
    if changed:
        notes.append(f"The draft differs from what is published in {len(changed)} places.")
    session.output.notes([*notes, *filter(None, [cannot_be_written(found.draft_graph)])])
    return ExitCode.OK


@in_terminal
async def trigger_automation(session: Session, given: Namespace) -> int:
    """Run an automation on a repository."""
    repo = given.repo or session.settings.default_repo
    if not repo:
        raise CommandError.usage("automations trigger: --repo is missing.", "Find one with `mogplex-mcp repos list`.")
    text = await read_value(given.inputs, session.shutdown) if given.inputs else "{}"
    session.refuse_secrets(**{"--repo": repo, "--inputs": text})
    inputs = _inputs(text)
    if given.follow:
        session.check_allowed("get_automation_run")
    result = await session.perform(
        "trigger_automation",
        lambda context: automation_runs.trigger_automation(
            context,
            automation_id=given.automation,
            repo=repo,
            inputs=inputs,
            idempotency_key=given.idempotency_key or "",
            force_new=given.force_new,
        ),
        changes=True,
    )
    _show_trigger(session, result)
    if given.follow and result.triggered.run_id:
        return await follow_run(session, result.automation_id, result.triggered.run_id)
    return ExitCode.OK if result.triggered.run_id else ExitCode.FAILURE


def _inputs(text: str) -> Mapping[str, Any]:
    try:
        inputs = json.loads(text)
    except ValueError:
        inputs = None
    if not isinstance(inputs, dict):
        raise CommandError.usage(
            "--inputs must be an object in JSON.",
            """Write it like '{"level": "high"}', or @FILE for what a file holds.""",
        )
    return inputs


def _show_trigger(session: Session, result: TriggeredAutomation) -> None:
    triggered = result.triggered
    run_id, status, reason = (sanitize_word(one, "") for one in (triggered.run_id, triggered.status, triggered.reason))
    if session.output.as_json:
        session.output.record(
            camel(
                {
                    "automation_id": result.automation_id,
                    "run_id": run_id,
                    "repo": sanitize_name(result.repo.full_name),
                    "started": result.has_started,
                    "replayed": triggered.replayed,
                    "status": status,
                    "reason": reason,
                }
            )
        )
    else:
        session.output.line(_event(result), style="bold")
        session.output.facts(
            {
                "run": run_id,
                "repo": sanitize_name(result.repo.full_name, sanitize_word(result.repo.id)),
                "status": status,
                "reason": reason,
            }
        )
    if triggered.is_unqueued:
        session.output.notes(["It will not run, and nothing was done. Use --force-new to trigger it again."])
    elif triggered.replayed:
        session.output.notes(["The same command triggered this run before. --force-new triggers another one."])


def _event(result: TriggeredAutomation) -> str:
    if result.triggered.is_unqueued:
        return "Mogplex accepted the run, but could not queue it."
    if result.triggered.replayed:
        return "This run was triggered before."
    return "The automation was triggered." if result.has_started else "Mogplex started nothing."


def _state(found: AutomationDetail) -> str:
    if found.published_version is None:
        return "a draft that was never published"
    return (
        f"{sanitize_word(found.status)}, version {found.published_version.version_number or '(unknown)'} is published"
    )


def _record(one: Automation) -> dict[str, Any]:
    return camel(
        {
            "automation_id": sanitize_word(one.id),
            "name": clean_line(one.name, _NAME_CHARACTERS),
            "description": clean_line(one.description or "", _DESCRIPTION_CHARACTERS),
            "status": sanitize_word(one.status),
            "published": bool(one.published_version_id),
            "installation_id": one.installation_id,
            "updated_at": iso(one.updated_at),
        }
    )
