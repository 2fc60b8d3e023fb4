"""Automations: find them, read them, trigger them, follow what they do."""

from typing import Annotated, Any, Final, Literal

import anyio
from pydantic import Field

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.api.models import AutomationRunDetail
from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.reply.untrusted import sanitize_word
from mogplex_mcp.runs.triggers import has_ended
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.automation_replies import (
    MOST_AUTOMATIONS,
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

MOST_RUNS: Final = 50
# Seconds between two looks, by how long the wait has lasted.
_SCHEDULE: Final = ((10.0, 2.0), (30.0, 4.0), (120.0, 8.0))
_LONGEST_INTERVAL: Final = 10.0
_NOTHING: Final[dict[str, Any]] = {}

AutomationId = Annotated[str, Field(description="From list_automations.")]


@toolset.tool("List automations", Hints(open_world=True))
async def list_automations(
    call: Call,
    limit: Annotated[int, Field(description="1 to 100.", ge=1, le=MOST_AUTOMATIONS)] = 50,
    cursor: Annotated[str, Field(description="next_cursor.")] = "",
) -> AutomationList:
    """List automations (flows of agents), newest first, to find an automation_id."""
    try:
        found = await call.tenant.mogplex.list_automations(limit=limit, cursor=cursor)
    except MogplexError as error:
        if cursor and error.code is ErrorCode.INTERNAL_ERROR:
            raise MogplexError(
                ErrorCode.NOT_SUPPORTED,
                "following a cursor of this list fails on Mogplex's side, and was seen to fail each time; leave cursor"
                f" out and set limit to {MOST_AUTOMATIONS}, which is all that can be listed",
            ) from error
        if cursor and error.code is ErrorCode.BAD_REQUEST:
            raise MogplexError(
                ErrorCode.INVALID_ARGUMENT, "the cursor is none of list_automations; leave it out"
            ) from error
        raise
    return list_reply(call, found, limit)


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
    found = await call.tenant.mogplex.get_automation(automation_id)
    if detail == "summary":
        return summary_reply(call, found)
    return graph_reply(call, found, published=detail == "published_graph", page=page)


@toolset.tool("Trigger an automation", Hints(reads_only=False, idempotent=True, open_world=True))
async def trigger_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    repo: Annotated[str, Field(description="owner/name or id, of its installation.")],
    inputs: Annotated[dict[str, Any], Field(description="What it gets.")] = _NOTHING,
    idempotency_key: Annotated[str, Field(description="Your own UUID: it never triggers twice.")] = "",
    force_new: Annotated[bool, Field(description="Once more beside the same one.")] = False,
) -> TriggeredAutomation:
    """Run a published automation on a repository; costs money. Then wait with get_automation_run.

    Repeating is safe: for ten minutes the same arguments find the same run.
    """
    found = await call.tenant.repos.find(repo)
    try:
        triggered = await call.tenant.triggerer.trigger(
            automation_id, found.id, inputs, idempotency_key=idempotency_key, force_new=force_new
        )
    except MogplexError as error:
        raise _explained(error) from error
    return triggered_reply(check_uuid(automation_id, "automation_id"), triggered)


@toolset.tool("List an automation's runs", Hints(open_world=True))
async def list_automation_runs(
    call: Call,
    automation_id: AutomationId,
    limit: Annotated[int, Field(description="1 to 50.", ge=1, le=MOST_RUNS)] = 20,
) -> AutomationRunList:
    """List the runs of an automation, newest first, to find a run_id for get_automation_run."""
    runs = await call.tenant.mogplex.list_automation_runs(automation_id, limit=limit)
    return runs_reply(call, check_uuid(automation_id, "automation_id"), runs, limit=limit, most=MOST_RUNS)


@toolset.tool("Look at an automation's run", Hints(open_world=True))
async def get_automation_run(
    call: Call,
    *,
    automation_id: AutomationId,
    run_id: Annotated[str, Field(description="Empty: the latest.")] = "",
    detail: Annotated[Section, Field(description="One part in full, in pages.")] = "summary",
    page: Annotated[int, Field(ge=1, le=10_000)] = 1,
    wait_seconds: Annotated[
        int, Field(description="0 to 3600: wait for its end, cut to what your client bears.", ge=0, le=3_600)
    ] = 0,
) -> AutomationRunDetails:
    """Look at a run of an automation or wait for it: state, nodes, findings, errors, cost."""
    automation_id = check_uuid(automation_id, "automation_id")
    run, notes = await _follow(call, automation_id, await _run_id(call, automation_id, run_id), wait_seconds)
    return run_reply(call, automation_id, run, section=detail, page=page, notes=notes)


async def _run_id(call: Call, automation_id: str, run_id: str) -> str:
    if run_id:
        return check_uuid(run_id, "run_id")
    latest = await call.tenant.mogplex.list_automation_runs(automation_id, limit=1)
    if not latest:
        raise MogplexError(ErrorCode.NOT_FOUND, "this automation has no runs yet; trigger_automation starts one")
    return latest[0].id


async def _follow(
    call: Call, automation_id: str, run_id: str, wait_seconds: int
) -> tuple[AutomationRunDetail, list[str]]:
    """The run as soon as it has ended or waits for somebody, or as it stands when the time is up."""
    run = await _look(call, automation_id, run_id)
    notes: list[str] = []
    told = 0.0
    with anyio.CancelScope(deadline=min(call.arrived + wait_seconds, call.deadline)), call.shutdown.within(AT_ONCE):
        while not has_ended(run) and not any(wait.status == "waiting" for wait in run.waits):
            told += 1.0
            await call.progress(told, f"the automation's run is {sanitize_word(run.status)}")
            await anyio.sleep(_interval(anyio.current_time() - call.arrived))
            try:
                run, notes = await _look(call, automation_id, run_id, watching=True), []
            except MogplexError as error:
                if error.code in (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN):
                    raise
                notes = [f"Mogplex could not be asked again just now ({error.code}): this is the last known state."]
    return run, notes


async def _look(call: Call, automation_id: str, run_id: str, *, watching: bool = False) -> AutomationRunDetail:
    run = await call.tenant.mogplex.get_automation_run(automation_id, run_id, watching=watching)
    if run is None:
        raise MogplexError(ErrorCode.NOT_FOUND, "Mogplex has no details of this run")
    return run


def _interval(waited: float) -> float:
    return next((interval for until, interval in _SCHEDULE if waited < until), _LONGEST_INTERVAL)


def _explained(error: MogplexError) -> MogplexError:
    """What stands in the way of a trigger, with what to do about it; other errors as they are."""
    said = error.message.casefold()
    if error.code is ErrorCode.CONFLICT and "not published" in said:
        problem = "the automation was never published; publish_automation makes its draft live"
    elif error.code is ErrorCode.CONFLICT and "not active" in said:
        problem = "the automation is inactive; the user can switch it on on the Mogplex web page"
    elif error.code is ErrorCode.BAD_REQUEST and "installation" in said:
        problem = "the repository belongs to another GitHub installation than the automation; choose another repo"
    else:
        return error
    return MogplexError(
        ErrorCode.CONFLICT, f"{problem}. Nothing was started", may_have_happened=error.may_have_happened
    )
