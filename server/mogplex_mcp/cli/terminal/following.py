"""Following a run for as long as it lives: one tail_run after the other, as their answers say."""

import anyio

from mogplex_mcp.cli.terminal.calling import Caller
from mogplex_mcp.cli.terminal.refusal import Refusal
from mogplex_mcp.cli.terminal.watching import Watcher
from mogplex_mcp.tools.run_replies import RunNews

_AS_MANY_AS_POSSIBLE = 100


async def follow(caller: Caller, run_id: str, watcher: Watcher, *, timeout_seconds: float | None = None) -> RunNews:
    """Watch a run until there is nothing more to wait for, the time is up, or this process is told to end.

    Args:
        caller: Calls tail_run.
        run_id: The run; empty for the latest one.
        watcher: Is shown each event once, and how far the run is.
        timeout_seconds: How long to watch; None for as long as it takes.

    Returns:
        How the run stands then.

    Raises:
        Refusal: The run cannot be followed, or the time is up.
    """
    watch = _Watch(caller, run_id, watcher)
    with anyio.move_on_after(timeout_seconds) as patience:
        try:
            await watch.until_done()
        except Refusal:
            # Whoever leaves need not be told that the last question got no answer.
            if not caller.shutdown.has_begun:
                raise
    if patience.cancelled_caught:
        raise Refusal(
            f"--follow timed out after {timeout_seconds:g} s.",
            "The run has not ended. It goes on.",
            f"Follow it again: {again(watch.run_id)}",
            "timed_out_by_choice",
        )
    return watch.news


async def look(caller: Caller, run_id: str, watcher: Watcher) -> RunNews:
    """Show the events that there are, without waiting.

    Raises:
        Refusal: The run cannot be looked at.
    """
    watch = _Watch(caller, run_id, watcher)
    await watch.tail(wait_seconds=0)
    return watch.news


def goes_on(news: RunNews) -> bool:
    """Whether there is something to wait for: then the answer says to call tail_run again."""
    return not news.status or any(step.tool == "tail_run" for step in news.next_steps)


def again(run_id: str) -> str:
    """The command that follows a run."""
    return " ".join(filter(None, ["mogplex-mcp runs events", run_id, "--follow"]))


class _Watch:
    """What is known of a run while it is watched."""

    def __init__(self, caller: Caller, run_id: str, watcher: Watcher) -> None:
        self._caller = caller
        self._watcher = watcher
        self._cursor = ""
        self._shown: set[str] = set()
        self.run_id = run_id
        self.news = RunNews(summary="", run_id=run_id, status="", phase="")

    async def until_done(self) -> None:
        while goes_on(self.news) and not self._caller.shutdown.has_begun:
            await self.tail()

    async def tail(self, wait_seconds: int = 3_600) -> None:
        """Wait for news and show the events."""
        self.news = news = await self._caller.ask_for(
            RunNews,
            "tail_run",
            progress=self._watcher.progress,
            run_id=self.run_id,
            cursor=self._cursor,
            wait_seconds=wait_seconds,
            until="update",
            max_events=_AS_MANY_AS_POSSIBLE,
        )
        self.run_id, self._cursor = news.run_id, news.cursor
        # The answer tells events as a model needs them; a person gets them whole.
        for event in self._caller.events(news.run_id):
            if event.id not in self._shown:
                self._shown.add(event.id)
                self._watcher.event(event)
