"""Following a run for as long as it lives: one wait after the other."""

import anyio

from mogplex_mcp.cli.session import Session
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.cli.terminal.watching import Watcher
from mogplex_mcp.operations.runs import FollowedRun, follow_run
from mogplex_mcp.runs.tail import Reason, Until

_MOST_EVENTS = 100
_WAIT_SECONDS = 3_600
_OVER = (Reason.ENDED, Reason.NEVER_QUEUED, Reason.STALE)


async def follow(
    session: Session, run_id: str, watcher: Watcher, *, timeout_seconds: float | None = None
) -> FollowedRun | None:
    """Watch a run until there is nothing more to wait for, the time is up, or this process is shut down.

    Args:
        session: Performs the operation.
        run_id: The run; empty for the latest one.
        watcher: Is shown each event once, and how far the run is.
        timeout_seconds: How long to watch; None for as long as it takes.

    Returns:
        How the run stands then; None when the process was shut down before a first look.

    Raises:
        CommandError: The run cannot be followed, or the time is up.
    """
    watch = _Watch(session, run_id, watcher)
    with anyio.move_on_after(timeout_seconds) as timeout:
        try:
            await watch.until_over()
        except CommandError:
            # The last look needs no answer when the user leaves.
            if not session.shutdown.has_begun:
                raise
    if timeout.cancelled_caught:
        raise CommandError(
            f"--follow timed out after {timeout_seconds:g} s.",
            "The run has not ended. It goes on.",
            f"Follow it again: {follow_command(watch.run_id)}",
            "follow_timed_out",
        )
    return watch.followed


async def look(session: Session, run_id: str, watcher: Watcher) -> None:
    """Show the events that there are, without waiting.

    Raises:
        CommandError: The run cannot be looked at.
    """
    await _Watch(session, run_id, watcher).wait(wait_seconds=0)


def goes_on(followed: FollowedRun | None) -> bool:
    """Whether there is something to wait for."""
    return followed is None or followed.news.reason not in _OVER


def follow_command(run_id: str) -> str:
    """Return the command that follows a run."""
    return " ".join(filter(None, ["mogplex-mcp runs events", run_id, "--follow"]))


class _Watch:
    """A run that is being watched."""

    def __init__(self, session: Session, run_id: str, watcher: Watcher) -> None:
        self._session = session
        self._watcher = watcher
        self._cursor = ""
        self._shown: set[str] = set()
        self.run_id = run_id
        self.followed: FollowedRun | None = None

    async def until_over(self) -> None:
        while goes_on(self.followed) and not self._session.shutdown.has_begun:
            await self.wait()

    async def wait(self, wait_seconds: int = _WAIT_SECONDS) -> None:
        """Wait for news and show the events."""
        self.followed = await self._session.perform(
            "tail_run",
            lambda context: follow_run(
                context,
                run_id=self.run_id,
                cursor=self._cursor,
                wait_seconds=wait_seconds,
                until=Until.UPDATE,
                max_events=_MOST_EVENTS,
                listener=self._watcher.look,
            ),
        )
        news = self.followed.news
        self.run_id, self._cursor = news.snapshot.run.run_id, str(news.cursor)
        # Events come folded and limited, as a model needs them; a person gets them whole.
        for event in news.snapshot.events:
            if event.id not in self._shown:
                self._shown.add(event.id)
                self._watcher.event(event)
