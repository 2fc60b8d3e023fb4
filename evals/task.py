"""A task: what the user wants, in which world, and how it is checked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from evals.outcome import Outcome
from evals.scripted import Script
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator

Check = Callable[[Outcome], Iterable[str]]
"""Yields what is wrong, each as a sentence."""


def _unchanged(_: Simulator) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Task:
    """A task.

    Attributes:
        name: On the command line and in tables.
        prompt: The user's words.
        checks: All of them have to yield nothing. One at least looks at the state or the requests: words are cheap.
        right: Calls of a model that does it well, and its answer.
        wrong: Those of a model that makes the mistake the task is about.
        world: Changes the data of the demo, plans runs, adds faults.
        before: Calls that were made from the same client before the prompt.
        later: Seconds between those calls and the prompt.
        run_seconds: How long a run takes.
        settings: Environment variables of the server.
        token: The user's token.
        agrees: What the user answers if a tool asks for a confirmation.
    """

    name: str
    prompt: str
    checks: tuple[Check, ...]
    right: Callable[[], Script]
    wrong: Callable[[], Script]
    world: Callable[[Simulator], None] = _unchanged
    before: Callable[[], Script] | None = None
    later: float = 0.0
    run_seconds: float = 150.0
    settings: Mapping[str, str] = field(default_factory=dict)
    token: str = DEMO_TOKEN
    agrees: bool = True
