"""Automations: find them, read them, trigger them, follow what they do."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mogplex_mcp.api.models import AutomationRunDetail
from mogplex_mcp.operations import automation_runs, automations
from mogplex_mcp.operations.automation_runs import MOST_RUNS
from mogplex_mcp.operations.automations import MOST_AUTOMATIONS
from mogplex_mcp.reply.untrusted import sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.automation_replies import (
    AutomationDetails,
    AutomationList,
    graph_reply,
    list_reply,
    summary_reply,
)
from mogplex_mcp.tools.automation_run_replies import (
    AutomationRunDetails,
    AutomationRunList,
    Section,
    TriggeredAutomation,
    run_reply,
    runs_reply,
    triggered_reply,
)

toolset = Toolset("automations", "Find, read and trigger automations, follow their runs.")

_NOTHING: Final[dict[str, Any]] = {}

AutomationId = Annotated[str, Field(description="From list_automations.")]


@toolset.tool("List automations", Hints(open_world=True))
async def list_automations(
    call: Call,
    limit: Annotated[int, Field(description="1 to 100.", ge=1, le=MOST_AUTOMATIONS)] = 50,
    cursor: Annotated[str, Field(description="next_cursor.")] = "",
) -> AutomationList:
    """List automations (flows of agents), newest first, to find an automation_id."""
    found = await automations.list_automations(call, limit=limit, cursor=cursor)
    return list_reply(found, limit)


@toolset.tool("Read an automation", Hints(open_world=True))
async def get_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    detail: Annotated[
        Literal["summary", "graph", "published_graph"], Field(description="graph: the draft as JSON, in pages.")
    ] = "summary",
    page: Annotated[int, Field(ge=1, le=10_000)] = 1,
) -> AutomationDetails:
    """Read an automation: state, nodes, or its graph, to be edited and sent to update_automation."""
    found = await automations.get_automation(call, automation_id=automation_id)
    if detail == "summary":
        return summary_reply(found)
    return graph_reply(found, published=detail == "published_graph", page=page)


@toolset.tool("Trigger an automation", Hints(reads_only=False, idempotent=True, open_world=True))
async def trigger_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    repo: Annotated[str, Field(description="owner/name or id, of its installation.")],
    inputs: Annotated[dict[str, Any], Field(description="What it gets.")] = _NOTHING,
    idempotency_key: Annotated[str, Field(description="Your own UUID: it never triggers twice.")] = "",
    force_new: Annotated[bool, Field(description="Trigger another in any case.")] = False,
) -> TriggeredAutomation:
    """Run a published automation on a repository; costs money. Then wait with get_automation_run.

    Repeating is safe: for ten minutes the same arguments find the same run, ended or not.
    """
    triggered = await automation_runs.trigger_automation(
        call,
        automation_id=automation_id,
        repo=repo,
        inputs=inputs,
        idempotency_key=idempotency_key,
        force_new=force_new,
    )
    return triggered_reply(triggered)


@toolset.tool("List an automation's runs", Hints(open_world=True))
async def list_automation_runs(
    call: Call,
    automation_id: AutomationId,
    limit: Annotated[int, Field(description="1 to 50.", ge=1, le=MOST_RUNS)] = 20,
) -> AutomationRunList:
    """List the runs of an automation, newest first, to find a run_id for get_automation_run."""
    found = await automation_runs.list_automation_runs(call, automation_id=automation_id, limit=limit)
    return runs_reply(found, limit)


@toolset.tool("Look at an automation's run", Hints(open_world=True))
async def get_automation_run(
    call: Call,
    *,
    automation_id: AutomationId,
    run_id: Annotated[str, Field(description="Empty: your own latest.")] = "",
    detail: Annotated[Section, Field(description="One part in full, in pages.")] = "summary",
    page: Annotated[int, Field(ge=1, le=10_000)] = 1,
    wait_seconds: Annotated[
        int,
        Field(
            description="0 to 3600: wait for its end, at most what your client waits.",
            ge=0,
            le=3_600,
        ),
    ] = 0,
) -> AutomationRunDetails:
    """Look at a run of an automation or wait for it: state, nodes, findings, errors, cost."""
    state = await automation_runs.get_automation_run(
        call, automation_id=automation_id, run_id=run_id, wait_seconds=wait_seconds, listener=_Progress(call).show
    )
    return run_reply(state, section=detail, page=page)


class _Progress:
    """Progress of a wait in the words of this server: nothing that the run wrote is in it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._count = 0.0

    async def show(self, run: AutomationRunDetail) -> None:
        # Progress must rise with each message (MCP specification, "Progress"), also where nothing has changed.
        self._count += 1.0
        await self._call.progress(self._count, f"the automation's run is {sanitize_word(run.status)}")
