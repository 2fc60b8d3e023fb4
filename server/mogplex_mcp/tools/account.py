"""Whether this bridge works: the token, the way to Mogplex, the budget, the journal."""

from collections.abc import Sequence
from typing import Any

from mogplex_mcp import __version__
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.scopes import NONEXISTENT_RUN_ID, detect_scopes
from mogplex_mcp.operations.errors import operation_error
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean_line
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.errors import sentence, tool_error
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("account", "Whether the connection to Mogplex works.")


class Connection(Reply):
    """The state of the connection."""

    connected: bool
    mogplex: str
    token: str
    scopes: Sequence[str] = ()
    requests: str
    journal: str
    longest_wait_seconds: float
    bridge: str


@toolset.tool("Check connection", Hints(), needs_token=False)
async def check_connection(call: Call) -> Connection:
    """Check the way to Mogplex: token, scopes, requests used, journal. Call it when another tool fails."""
    found = call.tenant.found
    problem: Exception | None = found.problem
    scopes: list[str] = []
    if problem is None:
        try:
            scopes = await detect_scopes(call.tenant.mogplex)
        except MogplexError as error:
            problem = error
    usage = call.tenant.budget.usage()
    requests = f"{usage.units} of 60 used within the last minute"
    if usage.paused_seconds:
        requests += f", none for {usage.paused_seconds:.0f} s after Mogplex said that it is too much"
    journal, trouble = _journal(call, usage.problem)
    notes = (trouble, usage.problem, found.warning, *call.warnings())
    reply = Connection(
        summary="Connected to Mogplex.",
        connected=True,
        mogplex=call.settings.base_url + (" (simulated inside this process)" if call.settings.demo else ""),
        token=f"mog_…, from {found.source}" if found.token else f"none, from {found.source}",
        scopes=scopes,
        requests=requests,
        journal=journal,
        longest_wait_seconds=call.wait_cap,
        bridge=f"mogplex-mcp {__version__}, {'read-only' if call.settings.read_only else 'read and write'}",
        notes=[sentence(clean_line(one, 400)) for one in dict.fromkeys(notes) if one],
        next_steps=[NextStep(tool="list_repos", why="see what can be worked on")],
    )
    if problem is None:
        return reply
    failure = tool_error(
        operation_error(problem), base_url=call.settings.base_url, offered=call.offered, tool="check_connection"
    )
    summary = f"Not connected to Mogplex. {sentence(failure.happened)} Why: {sentence(failure.why)}"
    changes: dict[str, Any] = {"connected": False, "summary": summary, "next_steps": ()}
    changes |= {"notes": (failure.following, *reply.notes), "untrusted": {"reason": failure.quoted}}
    return reply.model_copy(update=changes)


def _journal(call: Call, problem: str) -> tuple[str, str]:
    """Where the journal is, and what is wrong with it; `problem` is what the budget met when it wrote there."""
    try:
        call.tenant.journal.find(NONEXISTENT_RUN_ID)
    except StateError as error:
        return "cannot be used, so start_run will refuse", clean_line(str(error), 300)
    if call.settings.state_file is None or call.settings.without_journal:
        return "in memory, gone when this process ends", ""
    if problem:
        return "can be read but not written, so start_run will refuse", ""
    return "in a file that all bridges of this user share", ""
