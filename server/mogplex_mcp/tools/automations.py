"""Automations: find them, read them, trigger them, follow what they do."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from mogplex_mcp.operations import automation_runs, automations
from mogplex_mcp.operations.automation_runs import MOST_RUNS
from mogplex_mcp.operations.automations import MOST_AUTOMATIONS
from mogplex_mcp.runs.progress import describe_automation_run
from mogplex_mcp.toolkit.arguments import JsonObject
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.automation_replies import (
    AutomationDetails,
    AutomationList,
    graph_reply,
    list_reply,
    summary_reply,
)
from mogplex_mcp.tools.automation_run_replies import Section, run_reply, runs_reply, triggered_reply
from mogplex_mcp.tools.automation_run_results import AutomationRunDetails, AutomationRunList, TriggeredAutomation
from mogplex_mcp.tools.pages import PageNumber

toolset = Toolset("automations", "Find, read and trigger automations, follow their runs.")

_NOTHING: Final[dict[str, Any]] = {}

AutomationId = Annotated[str, Field(description="The id of the automation, a UUID. list_automations has it.")]


@toolset.tool("List automations", Hints(open_world=True))
async def list_automations(
    call: Call,
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 100. Default: 50.", ge=1, le=MOST_AUTOMATIONS)
    ] = 50,
    cursor: Annotated[
        str, Field(description="The next_cursor of the last answer, for the next page. Default: the first page.")
    ] = "",
) -> AutomationList:
    """List the user's automations (flows of agents), newest first, to find an automation_id. Costs one request."""
    found = await automations.list_automations(call, limit=limit, cursor=cursor)
    return list_reply(found, limit)


@toolset.tool("Read an automation", Hints(open_world=True))
async def get_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    detail: Annotated[
        Literal["summary", "graph", "published_graph"],
        Field(
            description="What to read. summary: state and nodes. graph: the draft as JSON, in pages. published_graph: "
            "the live version as JSON. Default: summary."
        ),
    ] = "summary",
    page: PageNumber = 1,
) -> AutomationDetails:
    """Read one automation: its state and nodes, or its whole graph as JSON, before it is changed or triggered.

    Costs one request. update_automation takes the edited graph.
    """
    found = await automations.get_automation(call, automation_id=automation_id)
    if detail == "summary":
        return summary_reply(found)
    return graph_reply(found, published=detail == "published_graph", page=page)


@toolset.tool("Trigger an automation", Hints(reads_only=False, idempotent=True, open_world=True))
async def trigger_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    repo: Annotated[
        str,
        Field(
            description="The repository to run on: owner/name or its id. It has to belong to the automation's GitHub "
            "installation."
        ),
    ],
    inputs: Annotated[
        JsonObject,
        Field(description='Input for the flow: a JSON object as text, such as {"issue": 7}. Default: none.'),
    ] = _NOTHING,
    idempotency_key: Annotated[
        str,
        Field(
            description="Your own UUID: two calls with the same one make one run. Default: a key made from the other "
            "arguments, good for ten minutes."
        ),
    ] = "",
    force_new: Annotated[
        bool,
        Field(description="Whether to make another run although the same arguments just made one. Default: false."),
    ] = False,
) -> TriggeredAutomation:
    """Run a published automation on a repository. Each run costs money.

    The answer comes at once, with the run_id. get_automation_run waits for the result. Repeating a call is safe: for
    ten minutes the same arguments find the same run, ended or not.
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
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 50. Default: 20.", ge=1, le=MOST_RUNS)
    ] = 20,
) -> AutomationRunList:
    """List the runs of one automation, newest first, to find a run_id or a failure. Costs one request."""
    found = await automation_runs.list_automation_runs(call, automation_id=automation_id, limit=limit)
    return runs_reply(found, limit)


@toolset.tool("Look at an automation's run", Hints(open_world=True))
async def get_automation_run(
    call: Call,
    *,
    automation_id: AutomationId,
    run_id: Annotated[
        str,
        Field(
            description="The id of the run, a UUID. Default: the latest that this client triggered. "
            "list_automation_runs has the ids."
        ),
    ] = "",
    detail: Annotated[
        Section,
        Field(
            description="Which part to show in full, in pages: nodes, findings of a review, calls of models, events, "
            "or waits for something outside. Default: summary, all parts in short."
        ),
    ] = "summary",
    page: PageNumber = 1,
    wait_seconds: Annotated[
        int,
        Field(
            description="How long to wait for its end at most, 0 to 3600 seconds. The call returns before your "
            "client's own limit. Default: 0, no wait.",
            ge=0,
            le=3_600,
        ),
    ] = 0,
) -> AutomationRunDetails:
    """Look at a run of an automation, or wait for its end: state, nodes, findings, errors, and what it has cost.

    Looking and waiting cost nothing.
    """
    state = await automation_runs.get_automation_run(
        call,
        automation_id=automation_id,
        run_id=run_id,
        wait_seconds=wait_seconds,
        listener=lambda run: call.progress(describe_automation_run(run)),
    )
    return run_reply(state, section=detail, page=page)
