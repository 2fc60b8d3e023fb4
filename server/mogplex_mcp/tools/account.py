"""Whether this server works: the token, the way to Mogplex, the budget, the journal."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import Field

from mogplex_mcp import __version__
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.operations import account
from mogplex_mcp.operations.account import JournalState
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.schema import text
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.errors import sentence, tool_error
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("account", "Whether the connection to Mogplex works.")

# Mogplex is there and answers; it is not known what else the token allows.
_BUSY: Final = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.BUDGET_EXHAUSTED})
_JOURNAL: Final[Mapping[JournalState, str]] = {
    JournalState.SHARED: "in a file that all servers of this user share",
    JournalState.DATABASE: "in the database that all replicas share",
    JournalState.IN_MEMORY: "in memory, gone when this process ends",
    JournalState.READ_ONLY: "can be read but not written: new runs are not listed, and force_new is refused",
    JournalState.UNUSABLE: "cannot be used: no runs are listed, and force_new is refused",
}


class Connection(Reply):
    """The state of the connection."""

    untrusted_schema: ClassVar[Mapping[str, Any]] = {"reason": text("What Mogplex answered, in its own words.")}
    connected: bool = Field(description="Mogplex can be used: it answered, and takes the token.")
    mogplex: str = Field(description="Address of its API.")
    token: str = Field(description="Where it came from: its kind, its place, and until when it is valid.")
    scopes: Sequence[str] = Field((), description="What it allows: read, write.")
    requests: str = Field(description="Used in a minute: how many of the allowed ones.")
    journal: str = Field(description="Where runs are noted: a file or a database, and whether it can be used.")
    longest_wait_seconds: float = Field(description="Longest safe wait: of one call in this client, in seconds.")
    server: str = Field(description="Version of this server: with its mode, such as read-only.")


@toolset.tool("Check connection", Hints(), needs_token=False)
async def check_connection(call: Call) -> Connection:
    """Check that Mogplex can be reached: token, scopes, requests used, journal of starts, longest wait.

    Use it when another tool fails. Costs one request.
    """
    return connection_reply(call, await account.check_connection(call))


def connection_reply(call: Call, state: account.ConnectionState) -> Connection:
    """Return the answer to check_connection."""
    usage = state.usage
    requests = f"{usage.units} of 60 used within the last minute"
    if usage.paused_seconds:
        requests += f", none for {usage.paused_seconds:.0f} s after Mogplex said that it is too much"
    notes = (clean_line(state.journal_problem, 300), usage.problem, state.token_warning, *call.warnings())
    reply = Connection(
        summary="Connected to Mogplex.",
        connected=True,
        mogplex=call.settings.base_url + (" (simulated inside this process)" if call.settings.demo else ""),
        token=f"{state.token_kind or 'none'}, from {state.token_source}",
        scopes=state.scopes,
        requests=requests,
        journal=_JOURNAL[state.journal],
        longest_wait_seconds=call.wait_cap,
        server=f"mogplex-mcp {__version__}, {'read-only' if call.settings.read_only else 'read and write'}",
        notes=[sentence(clean_line(one, 400)) for one in dict.fromkeys(notes) if one],
        next_steps=[NextStep(tool="list_repos", why="see what can be worked on")],
    )
    if state.problem is None:
        if state.scopes:
            return reply
        keys = f"{web_url(call.settings.base_url)}/settings/api-keys"
        summary = (
            f"Connected to Mogplex, but the token has no scopes, so that every tool is refused: create one at {keys}."
        )
        return reply.model_copy(update={"summary": summary, "next_steps": ()})
    failure = tool_error(
        state.problem,
        base_url=call.settings.base_url,
        offered=call.offered,
        tool="check_connection",
        token_from=call.token_from,
    )
    if state.problem.code in _BUSY:
        summary = f"Connected to Mogplex, but not checked further. {sentence(failure.happened)}"
        notes = (failure.following, *reply.notes)
        return reply.model_copy(update={"summary": summary, "notes": notes, "next_steps": ()})
    summary = f"Not connected to Mogplex. {sentence(failure.happened)} Why: {sentence(failure.why)}"
    changes: dict[str, Any] = {"connected": False, "summary": summary, "next_steps": ()}
    changes |= {"notes": (failure.following, *reply.notes), "untrusted": {"reason": failure.quoted}}
    return reply.model_copy(update=changes)
