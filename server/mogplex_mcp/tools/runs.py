"""Runs: start a coding agent, follow it to its pull request, look back, stop it."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from mogplex_mcp.api.client import MAX_PROMPT_LENGTH, StartRun
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.http import DEFAULT_TIMEOUT
from mogplex_mcp.api.identifiers import check_uuid
from mogplex_mcp.reply.output_limit import lines_within
from mogplex_mcp.reply.untrusted import sanitize_name, sanitize_word
from mogplex_mcp.runs.cursor import Cursor, CursorError
from mogplex_mcp.runs.fold import fold
from mogplex_mcp.runs.outcome import Outcome, read_outcome
from mogplex_mcp.runs.start import SAME_START_SECONDS
from mogplex_mcp.runs.tail import Tail, Until, tail
from mogplex_mcp.runs.watch import Snapshot
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.run_list import list_journal
from mogplex_mcp.tools.run_replies import (
    EVENTS_CHARACTERS,
    CancelledRun,
    RunDetails,
    RunList,
    RunNews,
    StartedRun,
    cancelled_reply,
    details_reply,
    event_line,
    news_reply,
    started_reply,
)

toolset = Toolset("runs", "Start coding agents, follow them to their pull request, stop them.")

RunId = Annotated[str, Field(description="Empty: the latest run.")]


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
    force_new: Annotated[bool, Field(description="Start another beside the same run.")] = False,
) -> StartedRun:
    """Start a coding agent on a repository: it works in a cloud sandbox, on a new branch, towards a pull request.

    Answers at once; follow its run_id with tail_run. Runs cost money. Repeating a call is safe: for ten minutes the
    same arguments find the same run.
    """
    found = await call.tenant.repos.find(repo, root_directory=root_directory)
    default_branch = found.default_branch or ""
    if create_branch and working_branch and working_branch == (base_branch or default_branch):
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT,
            "working_branch is the base branch; name another one, or set create_branch to false to work on it directly",
        )
    started = await call.tenant.starter.start(
        StartRun(
            repo_id=found.id,
            prompt=prompt,
            harness=harness,
            base_branch=base_branch,
            working_branch=working_branch,
            create_branch=create_branch,
            root_directory=root_directory or found.root_directory or "",
            conversation_id=conversation_id,
            workspace_session_id=workspace_session_id,
            mode=mode,
        ),
        repo=sanitize_name(found.full_name),
        default_branch=default_branch,
        force_new=force_new,
        idempotency_key=idempotency_key,
        remember_prompt=call.settings.remember_prompts,
        seconds=min(DEFAULT_TIMEOUT, call.remaining),
    )
    return started_reply(started, repo=sanitize_name(found.full_name, sanitize_word(found.id)), now=call.now)


@toolset.tool("Follow a run", Hints(open_world=True))
async def tail_run(
    call: Call,
    *,
    run_id: RunId = "",
    cursor: Annotated[str, Field(description="From the last answer.", max_length=2_000)] = "",
    wait_seconds: Annotated[
        int,
        Field(description="0 to 3600, cut to what your client bears; 0: no wait.", ge=0, le=3_600),
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
    wanted = _run_id(call, run_id)
    try:
        seen = Cursor.parse(cursor, wanted)
    except CursorError as error:
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT, f"the cursor cannot be used: {error}; leave it out to be told everything"
        ) from None
    news = await tail(
        call.tenant.watches.of(wanted),
        seen,
        until=Until(until),
        deadline=min(call.arrived + wait_seconds, call.deadline),
        look_deadline=call.deadline,
        max_events=max_events,
        listener=_Progress(call).show,
        shutdown=call.shutdown,
        now=call.clock,
    )
    news = _as_much_as_fits(news, seen)
    _note(call, news.snapshot, news.outcome)
    return news_reply(news, repo=_repo(call, wanted), now=call.now)


@toolset.tool("Look at a run", Hints(open_world=True))
async def get_run(call: Call, run_id: RunId = "") -> RunDetails:
    """Look at a run now: state, branches, pull request, failure, events. To wait for one, use tail_run."""
    wanted = _run_id(call, run_id)
    snapshot = await call.tenant.watches.of(wanted).look()
    outcome = read_outcome(snapshot.run, snapshot.events, now=call.now)
    _note(call, snapshot, outcome)
    return details_reply(snapshot, outcome, fold(snapshot.events), repo=_repo(call, wanted), now=call.now)


@toolset.tool("List runs", Hints(open_world=True))
async def list_runs(
    call: Call,
    *,
    repo: Annotated[str, Field(description="owner/name or id; empty: all.")] = "",
    status: Annotated[
        Literal["any", "open", "pending", "streaming", "success", "failed", "cancelled"],
        Field(description="open: not ended yet."),
    ] = "any",
    max_age_hours: Annotated[int, Field(description="1 to 2160.", ge=1, le=2_160)] = 168,
    limit: Annotated[int, Field(description="1 to 100.", ge=1, le=100)] = 20,
) -> RunList:
    """List runs started or seen from this machine, newest first, open ones with live state, to find a run_id.

    Others are missing until get_run saw them: Mogplex has no list.
    """
    repo_id = (await call.tenant.repos.find(repo)).id if repo else ""
    return await list_journal(call, repo_id=repo_id, status=status, max_age_hours=max_age_hours, limit=limit)


@toolset.tool("Stop a run", Hints(reads_only=False, destructive=True, idempotent=True))
async def cancel_run(call: Call, run_id: RunId = "") -> CancelledRun:
    """Stop a run for good; what it has not delivered is lost. Only when the user wants that."""
    wanted = _run_id(call, run_id)
    cancelled = await call.tenant.mogplex.cancel_run(wanted)
    _note(call, Snapshot(cancelled.run, (), call.clock(), 0, settled=False), None)
    return cancelled_reply(cancelled, repo=_repo(call, wanted))


def _as_much_as_fits(news: Tail, seen: Cursor) -> Tail:
    """The news that one answer can hold; the cursor stands behind them, so that the next call tells the others."""
    told = news.folds[: len(lines_within(map(event_line, news.folds), EVENTS_CHARACTERS))]
    return replace(
        news,
        folds=told,
        more=news.more + len(news.folds) - len(told),
        cursor=seen.with_events(event.id for one in told for event in one.events),
    )


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


def _run_id(call: Call, text: str) -> str:
    if text:
        return check_uuid(text, "run_id")
    try:
        latest = call.tenant.journal.latest(unknown_within_seconds=SAME_START_SECONDS)
    except StateError as error:
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT, f"give run_id: the journal of runs is not there ({error})"
        ) from None
    if latest is None:
        raise MogplexError(ErrorCode.INVALID_ARGUMENT, "give run_id: no run was started from here yet")
    if not latest.run_id:
        # An older run is not what is meant; stopping it would be worst.
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT,
            "it is not known what became of the latest start; call start_run again with the same arguments, it will "
            "not start twice, or give run_id",
        )
    return latest.run_id


def _repo(call: Call, run_id: str) -> str:
    """The name of the run's repository, if it was started from here."""
    try:
        entry = call.tenant.journal.find(run_id)
    except StateError:
        return ""
    return sanitize_name(entry.repo) if entry else ""


def _note(call: Call, snapshot: Snapshot, outcome: Outcome | None) -> None:
    """Keep in the journal what was seen; a journal that cannot be written does not keep anybody from looking."""
    run = snapshot.run
    try:
        call.tenant.journal.see(
            run.run_id,
            repo_id=run.repo_id,
            status=run.status,
            pull_request=outcome.pull_request if outcome else "",
            created_at=run.created_at.timestamp() if run.created_at else call.clock(),
        )
    except StateError:
        return
