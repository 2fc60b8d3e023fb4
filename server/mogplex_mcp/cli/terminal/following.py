"""Following a run: one wait after another until it has ended."""

import anyio

from mogplex_mcp.cli.session import Session
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.run_view import RunView
from mogplex_mcp.operations.runs import FollowedRun, follow_run
from mogplex_mcp.runs.tail import Reason, Until

_MAX_EVENTS = 100
_WAIT_SECONDS = 3_600
_FINAL_REASONS = (Reason.ENDED, Reason.NEVER_QUEUED, Reason.STALE)


async def follow(
    session: Session, run_id: str, view: RunView, *, timeout_seconds: float | None = None
) -> FollowedRun | None:
    """Follow a run until it has ended, the timeout is over, or the process shuts down.

    Args:
        session: The session of the command.
        run_id: The run; empty for the latest one.
        view: Shows each event once, and the state of the run.
        timeout_seconds: How long to follow the run; None for no limit.

    Returns:
        The last state of the run; None when the process shut down before the first one.

    Raises:
        CommandError: The run cannot be followed, or the timeout is over.
    """
    follower = _Follower(session, run_id, view)
    with anyio.move_on_after(timeout_seconds) as timeout:
        try:
            await follower.until_finished()
        except CommandError:
            # At shutdown, an error of the last request is of no interest.
            if not session.shutdown.has_begun:
                raise
    if timeout.cancelled_caught:
        raise CommandError(
            f"--follow timed out after {timeout_seconds:g} s.",
            "The run has not ended; it continues.",
            f"Follow it again: {follow_command(session, follower.run_id)}",
            "follow_timed_out",
        )
    return follower.followed


async def show_events_so_far(session: Session, run_id: str, view: RunView) -> None:
    """Show the events so far, without waiting.

    Raises:
        CommandError: The run cannot be read.
    """
    await _Follower(session, run_id, view).wait(wait_seconds=0)


def is_unfinished(followed: FollowedRun | None) -> bool:
    """Return whether the run may still have news."""
    return followed is None or followed.news.reason not in _FINAL_REASONS


def follow_command(session: Session, run_id: str) -> str:
    """Return the command line that follows a run."""
    return session.command(" ".join(filter(None, ["runs events", run_id, "--follow"])))


class _Follower:
    """The state of following one run."""

    def __init__(self, session: Session, run_id: str, view: RunView) -> None:
        self._session = session
        self._view = view
        self._cursor = ""
        self._shown: set[str] = set()
        self.run_id = run_id
        self.followed: FollowedRun | None = None

    async def until_finished(self) -> None:
        while is_unfinished(self.followed) and not self._session.shutdown.has_begun:
            await self.wait()

    async def wait(self, wait_seconds: int = _WAIT_SECONDS) -> None:
        """Wait for news and show new events."""
        self.followed = await self._session.perform(
            "tail_run",
            lambda context: follow_run(
                context,
                run_id=self.run_id,
                cursor=self._cursor,
                wait_seconds=wait_seconds,
                until=Until.UPDATE,
                max_events=_MAX_EVENTS,
                listener=self._view.look,
            ),
        )
        news = self.followed.news
        self.run_id, self._cursor = news.snapshot.run.run_id, str(news.cursor)
        # `news` has events folded and limited for models; a terminal shows all of them.
        for event in news.snapshot.events:
            if event.id not in self._shown:
                self._shown.add(event.id)
                self._view.event(event)
