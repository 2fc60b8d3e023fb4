"""What every scripted model does: find the repository, start a run, follow it to its pull request."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

PROMPT = "Fix the flaky test in the checkout flow."
ENOUGH_CALLS = 8


@dataclass(frozen=True)
class Call:
    """A tool that the model wants called, and with what."""

    tool: str
    arguments: dict[str, str] = field(default_factory=dict)


def next_step(offered: Collection[str], answers: Sequence[str]) -> Call | str:
    """What the model does next: a call, or the end of the story.

    Args:
        offered: The names of the tools that the framework showed the model, some with the server's name before them.
        answers: What the calls so far answered, as the model gets to see it.

    Raises:
        RuntimeError: The story goes wrong.
    """
    steps = [Call("list_repos", {"query": "web"}), Call("start_run", {"repo": "acme/web", "prompt": PROMPT})]
    run = re.search(r"run_id\W{1,9}([0-9a-f-]{36})", answers[1]) if len(answers) > 1 else None
    follow = Call("tail_run", {"run_id": run.group(1)} if run else {})
    step = steps[len(answers)] if len(answers) < len(steps) else follow
    pull_request = re.search(r"https://github\.com/acme/web/pull/\d+", answers[-1]) if len(answers) > 2 else None
    if pull_request:
        return f"The pull request: {pull_request.group()}"
    name = next((name for name in offered if re.split("__|/", name)[-1] == step.tool), None)
    if name is None:
        raise RuntimeError(f"{step.tool} is not among the tools: {sorted(offered)}")
    if len(answers) == 1 and "acme/web" not in answers[0]:
        raise RuntimeError(f"the repository is not in the list: {answers[0]}")
    if len(answers) == ENOUGH_CALLS:
        raise RuntimeError(f"no pull request after {ENOUGH_CALLS} calls: {answers[-1]}")
    return replace(step, tool=name)
