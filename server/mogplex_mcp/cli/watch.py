"""`mogplex-mcp runs watch`: follow several runs at once, to the end of each."""

from argparse import Namespace
from collections.abc import Sequence

import anyio

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.runs_view import RunsView, runs_view
from mogplex_mcp.cli.terminal.short_ids import whole_run_id
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations import run_list
from mogplex_mcp.operations.several_runs import MOST_FOLLOWED, follow_runs
from mogplex_mcp.runs.several import RunState, Verdict
from mogplex_mcp.runs.tail import Until

_WAIT_SECONDS = 3_600


@in_terminal
async def watch_runs(session: Session, given: Namespace) -> int:
    """Watch runs until each has ended or was lost; the exit status is 0 if all succeeded, otherwise 1."""
    run_ids = [await whole_run_id(session.tenant.ledger, text) for text in given.runs]
    run_ids = run_ids or await _open_runs(session)
    if not run_ids:
        session.output.notes(["No open runs known on this machine."])
        return ExitCode.OK
    watcher = _Watcher(session, run_ids)
    with anyio.move_on_after(given.timeout) as timeout, runs_view(session.output, session.tenant.clock.now) as view:
        await watcher.until_all_ended(view)
    if timeout.cancelled_caught:
        raise CommandError(
            f"runs watch timed out after {given.timeout:g} s.",
            f"{counted(len(watcher.open), 'run')} not ended; they continue.",
            f"Watch them again: {_watch_command(session, watcher.open)}",
            "follow_timed_out",
        )
    view.finish()
    if watcher.open:
        say(f"The runs continue. Watch them again: {_watch_command(session, watcher.open)}")
    return ExitCode.OK if watcher.all_succeeded else ExitCode.FAILURE


async def _open_runs(session: Session) -> list[str]:
    """Return the newest open runs of the journal."""
    listed = await session.perform(
        "list_runs", lambda context: run_list.list_runs(context, status="open", limit=MOST_FOLLOWED)
    )
    if listed.left_out:
        session.output.notes([f"{counted(listed.left_out, 'older open run')} not watched; give their ids."])
    return [entry.run_id for entry in listed.entries if entry.run_id]


def _watch_command(session: Session, run_ids: Sequence[str]) -> str:
    return session.command(" ".join(["runs watch", *run_ids]))


class _Watcher:
    """The state of watching several runs.

    Attributes:
        open: The runs that may still have news.
    """

    def __init__(self, session: Session, run_ids: Sequence[str]) -> None:
        self._session = session
        self._verdicts: dict[str, Verdict] = {}
        self._cursor = ""
        self.open = list(run_ids)

    @property
    def all_succeeded(self) -> bool:
        """Whether each run has ended, and well."""
        return not self.open and set(self._verdicts.values()) == {Verdict.DONE}

    async def until_all_ended(self, view: RunsView) -> None:
        """Wait for one piece of news after another, until no run can have any or the process shuts down.

        Raises:
            CommandError: The runs cannot be followed.
        """
        try:
            while self.open and not self._session.shutdown.has_begun:
                self._take(await self._wait(view))
        except CommandError:
            # At shutdown, an error of the last request is of no interest.
            if not self._session.shutdown.has_begun:
                raise

    async def _wait(self, view: RunsView) -> Sequence[RunState]:
        followed = await self._session.perform(
            "tail_run",
            lambda context: follow_runs(
                context,
                run_ids=self.open,
                cursor=self._cursor,
                wait_seconds=_WAIT_SECONDS,
                until=Until.UPDATE,
                listener=view.look,
            ),
        )
        self._cursor = str(followed.news.cursor)
        await view.look(followed.news.states)
        return followed.news.states

    def _take(self, states: Sequence[RunState]) -> None:
        self._verdicts |= {state.run_id: state.verdict for state in states}
        self.open = [state.run_id for state in states if state.is_open]
