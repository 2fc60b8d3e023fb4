"""Runs: start a coding agent, follow it to its pull request, look back, stop it."""

from typing import Annotated, Literal

from pydantic import Field

from mogplex_mcp.api.client import MAX_PROMPT_LENGTH, StartRun
from mogplex_mcp.operations import run_list, runs
from mogplex_mcp.reply.untrusted import sanitize_word
from mogplex_mcp.runs.outcome import Outcome
from mogplex_mcp.runs.tail import Until
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.run_list import RunList, list_reply
from mogplex_mcp.tools.run_replies import cancelled_reply, details_reply, news_reply, started_reply
from mogplex_mcp.tools.run_results import CancelledRun, RunDetails, RunNews, StartedRun

toolset = Toolset("runs", "Start coding agents, follow them to their pull request, stop them.")

RunId = Annotated[str, Field(description="Empty: your last run.")]


@toolset.tool("Start a run", Hints(reads_only=False, idempotent=True, open_world=True))
async def start_run(
    call: Call,
    *,
    repo: Annotated[str, Field(description="owner/name or id.")],
    prompt: Annotated[
        str,
        Field(
            description="The whole task, all that the agent sees; up to 100000 characters.",
            max_length=MAX_PROMPT_LENGTH,
        ),
    ],
    harness: Annotated[Literal["codex", "claude-code"], Field(description="The agent.")] = "codex",
    base_branch: Annotated[str, Field(description="Empty: the default.")] = "",
    working_branch: Annotated[str, Field(description="Empty: a new name.")] = "",
    create_branch: Annotated[
        bool, Field(description="false: work on working_branch itself or, if empty, on the base branch.")
    ] = True,
    root_directory: Annotated[str, Field(description="Of a monorepo.")] = "",
    conversation_id: Annotated[str, Field(description="Continue it.")] = "",
    workspace_session_id: Annotated[str, Field(description="Use it.")] = "",
    mode: Annotated[str, Field(description="For Mogplex.")] = "",
    idempotency_key: Annotated[str, Field(description="Your key; it never starts twice.")] = "",
    force_new: Annotated[bool, Field(description="Start another anyway.")] = False,
) -> StartedRun:
    """Start a coding agent on a repository: it works in a cloud sandbox, on a new branch, towards a pull request.

    Answers at once; follow its run_id with tail_run. Runs cost money. Repeating is safe: for ten minutes the same
    arguments find the same run, ended or not.
    """
    wanted = StartRun(
        repo_id="",
        prompt=prompt,
        harness=harness,
        base_branch=base_branch,
        working_branch=working_branch,
        create_branch=create_branch,
        root_directory=root_directory,
        conversation_id=conversation_id,
        workspace_session_id=workspace_session_id,
        mode=mode,
    )
    started = await runs.start_run(call, wanted, repo=repo, force_new=force_new, idempotency_key=idempotency_key)
    return started_reply(started, now=call.now, base_url=call.settings.base_url)


@toolset.tool("Follow a run", Hints(open_world=True))
async def tail_run(
    call: Call,
    *,
    run_id: RunId = "",
    cursor: Annotated[str, Field(description="From the last answer.", max_length=2_000)] = "",
    wait_seconds: Annotated[
        int,
        Field(description="0 to 3600, at most what your client waits; 0: no wait.", ge=0, le=3_600),
    ] = 3_600,
    until: Annotated[
        Literal["done", "update"], Field(description="done: end or pull request; update: any event.")
    ] = "done",
    max_events: Annotated[int, Field(description="1 to 100.", ge=1, le=100)] = 40,
) -> RunNews:
    """Wait for a run's end or pull request and tell what is new since cursor.

    One call waits: do not poll with short waits. When its time is up the run goes on; call again with the answer's
    cursor.
    """
    followed = await runs.follow_run(
        call,
        run_id=run_id,
        cursor=cursor,
        wait_seconds=wait_seconds,
        until=Until(until),
        max_events=max_events,
        listener=_Progress(call).show,
    )
    return news_reply(followed, now=call.now, base_url=call.settings.base_url)


@toolset.tool("Look at a run", Hints(open_world=True))
async def get_run(call: Call, run_id: RunId = "") -> RunDetails:
    """Look at a run now: state, branches, pull request, failure, events. To wait for one, use tail_run."""
    return details_reply(await runs.get_run(call, run_id=run_id), now=call.now, base_url=call.settings.base_url)


@toolset.tool("List runs", Hints(open_world=True))
async def list_runs(
    call: Call,
    *,
    repo: Annotated[str, Field(description="owner/name or id; empty: all.")] = "",
    status: Annotated[
        Literal["any", "open", "pending", "streaming", "success", "failed", "cancelled"],
        Field(description="open: not ended yet."),
    ] = "any",
    max_age_hours: Annotated[int, Field(description="1 to 2160.", ge=1, le=run_list.MOST_AGE_HOURS)] = 168,
    limit: Annotated[int, Field(description="1 to 100.", ge=1, le=run_list.MOST_RUNS)] = 20,
) -> RunList:
    """List runs started or seen from this machine, newest first, open ones with live state, to find a run_id.

    Others are missing until get_run saw them: Mogplex has no list.
    """
    found = await run_list.list_runs(call, repo=repo, status=status, max_age_hours=max_age_hours, limit=limit)
    return list_reply(found, call.now)


@toolset.tool("Stop a run", Hints(reads_only=False, destructive=True, idempotent=True))
async def cancel_run(call: Call, run_id: Annotated[str, Field(description="Which run.")]) -> CancelledRun:
    """Stop a run for good; what it has not delivered is lost. Only when the user wants that."""
    return cancelled_reply(await runs.cancel_run(call, run_id=run_id))


class _Progress:
    """Progress in the bridge's own words: nothing that a run wrote is in it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._told = 0.0

    async def show(self, snapshot: Snapshot, outcome: Outcome) -> None:
        # Progress must rise with each message (MCP specification, "Progress"), also where nothing has changed.
        self._told += 1.0
        count = len(snapshot.events)
        fault = "; Mogplex cannot be asked at the moment, trying again" if snapshot.fault else ""
        await self._call.progress(
            self._told, f"{outcome.phase}: run is {sanitize_word(snapshot.run.status)}, {count} events{fault}"
        )
