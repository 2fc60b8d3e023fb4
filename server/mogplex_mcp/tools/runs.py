"""Runs: start a coding agent, follow it to its pull request, look back, stop it."""

import contextlib
from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import Field

from mogplex_mcp.api.client import MAX_PROMPT_LENGTH, StartRun
from mogplex_mcp.operations import run_list, runs, several_runs
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError
from mogplex_mcp.runs import several_cursor
from mogplex_mcp.runs.cursor import CursorError, run_digest, waited_for
from mogplex_mcp.runs.progress import describe, describe_several
from mogplex_mcp.runs.start import first_line
from mogplex_mcp.runs.tail import Until
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, OtherRepo, Toolset
from mogplex_mcp.tools.repos import RepoName
from mogplex_mcp.tools.run_card import with_card
from mogplex_mcp.tools.run_events import newest_that_fit, oldest_that_fit
from mogplex_mcp.tools.run_list import RunList, list_reply
from mogplex_mcp.tools.run_replies import cancelled_reply, details_reply, news_reply, started_reply
from mogplex_mcp.tools.run_results import CancelledRun, RunDetails, RunNews, StartedRun
from mogplex_mcp.tools.several_replies import several_reply
from mogplex_mcp.ui.run_card import URI as CARD

toolset = Toolset("runs", "Start coding agents, follow them to their pull request, stop them.")

_ONE_RUN: Final[list[str]] = []

RunId = Annotated[
    str,
    Field(description="The id of the run, a UUID. Default: the latest run of this client. list_runs has the ids."),
]


@toolset.tool("Start a run", Hints(reads_only=False, idempotent=True, open_world=True), always_load=True, card=CARD)
async def start_run(
    call: Call,
    *,
    repo: Annotated[RepoName, OtherRepo("that of continue_run")] = "",
    prompt: Annotated[
        str,
        Field(
            description="The whole task. The agent sees this text and the repository, nothing of your conversation. "
            "Up to 100000 characters.",
            max_length=MAX_PROMPT_LENGTH,
        ),
    ],
    harness: Annotated[
        Literal["codex", "claude-code"],
        Field(description="The coding agent: OpenAI Codex or Anthropic's Claude Code. Default: codex."),
    ] = "codex",
    base_branch: Annotated[
        str,
        Field(
            description="The name of the branch to start from, such as main. Default: the repository's default branch."
        ),
    ] = "",
    working_branch: Annotated[
        str, Field(description="The name of the branch that the agent works on. Default: Mogplex names a new one.")
    ] = "",
    create_branch: Annotated[
        bool,
        Field(
            description="Whether working_branch is made new from base_branch. false: the agent works on "
            "working_branch as it is or, without one, on base_branch itself. Default: true."
        ),
    ] = True,
    root_directory: Annotated[
        str,
        Field(
            description="The directory to work in, relative to the repository's root, such as apps/web. Default: the "
            "repository's own setting."
        ),
    ] = "",
    continue_run: Annotated[
        str,
        Field(
            description="The run_id of an ended run to continue, on its branches: its open pull request is updated. "
            "Default: none."
        ),
    ] = "",
    conversation_id: Annotated[
        str, Field(description="The id of a Mogplex conversation to continue. Default: none.")
    ] = "",
    idempotency_key: Annotated[
        str,
        Field(
            description="Your own key, up to 200 characters: two calls with the same key start one run. Default: a key "
            "made from the other arguments, good for ten minutes."
        ),
    ] = "",
    force_new: Annotated[
        bool,
        Field(description="Whether to start another run although the same arguments just started one. Default: false."),
    ] = False,
) -> StartedRun:
    """Start a coding agent that works on a repository in a cloud sandbox and usually ends with a pull request.

    Use it for a task in code that can be described in one text. Each run costs money. The answer comes at once, with
    the run_id. tail_run waits for the result. Repeating a call is safe: for ten minutes the same arguments find the
    same run, ended or not.
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
    )
    if not (repo or continue_run or call.settings.default_repo):
        raise InvalidArgumentError("start_run needs the argument ", Argument("repo"), ": owner/name, such as acme/web")
    started = await runs.start_run(
        call,
        wanted,
        repo=repo or ("" if continue_run else call.settings.default_repo),
        continue_run=continue_run,
        force_new=force_new,
        idempotency_key=idempotency_key,
    )
    reply = started_reply(started, now=call.now, base_url=call.settings.base_url)
    return await with_card(call, reply, started.started.run, repo=started.repo.full_name, task=first_line(prompt))


@toolset.tool("Follow a run", Hints(open_world=True), always_load=True, card=CARD)
async def tail_run(
    call: Call,
    *,
    run_id: RunId = "",
    run_ids: Annotated[
        list[str],
        Field(
            description="Up to 10 runs to follow at once, in place of run_id: the first news ends the wait. "
            "Default: none.",
            max_length=several_runs.MOST_FOLLOWED,
        ),
    ] = _ONE_RUN,
    cursor: Annotated[
        str,
        Field(
            description="The cursor in the last answer about this run, unchanged. Default: none, all events are new.",
            max_length=2_000,
        ),
    ] = "",
    wait_seconds: Annotated[
        int,
        Field(
            description="How long to wait at most, 0 to 3600 seconds. 0: look and return. The call returns before your "
            "client's own limit. Default: as long as possible.",
            ge=0,
            le=3_600,
        ),
    ] = 3_600,
    until: Annotated[
        Literal["done", "update"],
        Field(description="What ends the wait. done: the end or the pull request. update: any event. Default: done."),
    ] = "done",
    max_events: Annotated[
        int,
        Field(
            description="How many events to return at most, 1 to 100; the cursor leads to the rest. Default: 40.",
            ge=1,
            le=100,
        ),
    ] = 40,
) -> RunNews:
    """Wait for a run's end or pull request, and report what is new since cursor.

    One call waits, at no cost: do not poll with short waits. When its time is up the run goes on: call again with its
    cursor.
    """
    if "," in run_id and not run_ids:
        # What some models send for several runs.
        run_id, run_ids = "", [run_id]
    if run_ids:
        return await _tail_several(
            call, run_id=run_id, run_ids=run_ids, cursor=cursor, wait_seconds=wait_seconds, until=Until(until)
        )
    with contextlib.suppress(CursorError):
        call.confirmed(*waited_for(cursor))
    followed = await runs.follow_run(
        call,
        run_id=run_id,
        cursor=cursor,
        wait_seconds=wait_seconds,
        until=Until(until),
        max_events=max_events,
        listener=lambda snapshot, outcome: call.progress(describe(snapshot, outcome)),
    )
    waited = call.responded(run_digest(followed.seen.run_id))
    news = replace(followed.news, cursor=followed.news.cursor.after(waited))
    reply = news_reply(
        replace(followed, news=news, seen=followed.seen.after(waited)), now=call.now, base_url=call.settings.base_url
    )
    seen = news.snapshot
    return await with_card(call, reply, seen.run, seen.events, oldest_that_fit(news.groups), repo=followed.repo)


@toolset.tool("Look at a run", Hints(open_world=True), card=CARD)
async def get_run(call: Call, run_id: RunId = "") -> RunDetails:
    """Look at a run as it is now: state, branches, pull request, failure, events.

    Use it for one look, at no cost. To wait, use tail_run.
    """
    details = await runs.get_run(call, run_id=run_id)
    reply = details_reply(details, now=call.now, base_url=call.settings.base_url)
    seen = details.snapshot
    return await with_card(call, reply, seen.run, seen.events, newest_that_fit(details.groups), repo=details.repo)


@toolset.tool("List runs", Hints(open_world=True))
async def list_runs(
    call: Call,
    *,
    repo: Annotated[str, Field(description="Only those of this repository: owner/name or its id. Default: all.")] = "",
    status: Annotated[
        Literal["any", "open", "pending", "streaming", "success", "failed", "cancelled"],
        Field(
            description="Only those in this state. open: not ended, so pending (queued) or streaming (working). "
            "success, failed and cancelled have ended. Default: any."
        ),
    ] = "any",
    max_age_hours: Annotated[
        int,
        Field(
            description="Only those started in the last hours, 1 to 2160. Default: 168, a week.",
            ge=1,
            le=run_list.MOST_AGE_HOURS,
        ),
    ] = 168,
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 100. Default: 20.", ge=1, le=run_list.MOST_RUNS)
    ] = 20,
) -> RunList:
    """List the runs that were started or seen from this machine, newest first, to find a run_id.

    Costs up to one request for each open run. Runs that were started elsewhere are missing, since Mogplex has no list
    of runs. get_run with the id adds one.
    """
    found = await run_list.list_runs(call, repo=repo, status=status, max_age_hours=max_age_hours, limit=limit)
    return list_reply(found, call.now)


@toolset.tool("Stop a run", Hints(reads_only=False, destructive=True, idempotent=True))
async def cancel_run(
    call: Call, run_id: Annotated[str, Field(description="The id of the run to stop, a UUID. list_runs has the ids.")]
) -> CancelledRun:
    """Stop a run for good: work that it has not pushed is lost, and what it has cost stays.

    Use it only when the user wants that.
    """
    return cancelled_reply(await runs.cancel_run(call, run_id=run_id))


async def _tail_several(
    call: Call, *, run_id: str, run_ids: list[str], cursor: str, wait_seconds: int, until: Until
) -> RunNews:
    if run_id:
        raise InvalidArgumentError("give ", Argument("run_id"), " or ", Argument("run_ids"), ", not both")
    with contextlib.suppress(CursorError):
        call.confirmed(*several_cursor.waited_for(cursor))
    followed = await several_runs.follow_runs(
        call,
        run_ids=run_ids,
        cursor=cursor,
        wait_seconds=wait_seconds,
        until=until,
        listener=lambda states: call.progress(describe_several(states)),
    )
    waited = call.responded(followed.news.cursor.digest)
    return several_reply(followed, waited=waited, now=call.now, base_url=call.settings.base_url)
