"""What checks count as a change, and how they read an answer."""

from typing import Any

import pytest
from evals.checks import never_says, says
from evals.conversation import ToolCall, Turn
from evals.harness import attempt
from evals.outcome import Outcome, Sent
from evals.tasks import TASKS

from mogplex_mcp.simulator import Simulator
from tests.evals.test_harness import Replies


def answered(text: str) -> Outcome:
    return Outcome(Simulator(now=lambda: 0.0), (), frozenset(), (), (), text)


def test_only_read_accepts_a_look_at_hosted_tools() -> None:
    made = attempt(TASKS["find_repo"], Replies(Turn("", (ToolCall("list_hosted_tools", {}, "a"),)), Turn("Done.")))
    assert made.calls == ("list_hosted_tools",)
    assert not [problem for problem in made.problems if "was sent" in problem]


@pytest.mark.parametrize(
    ("method", "path", "body", "only_reads"),
    [
        ("GET", "/runs/x", None, True),
        ("POST", "/runs", {"prompt": "x"}, False),
        ("DELETE", "/repos/x/env-vars", None, False),
        ("POST", "/mcp", {"method": "tools/list"}, True),
        ("POST", "/mcp", {"method": "tools/call"}, False),
    ],
)
def test_sent_knows_what_can_change_something(method: str, path: str, body: Any, *, only_reads: bool) -> None:
    assert Sent(method, path, body, 0.0).only_reads is only_reads


def test_says_reads_words_in_any_case_and_without_markdown() -> None:
    outcome = answered("It ended with **exit code `1`**.")
    assert not list(says("Exit code 1", ("nothing", "ended"))(outcome))
    assert list(says("exit code 2", ("nothing", "begun"))(outcome)) == [
        "The answer does not say 'exit code 2'.",
        "The answer does not say 'nothing' or 'begun'.",
    ]
    assert list(never_says("Code 1", "code 2")(outcome)) == ["The answer says 'Code 1'."]
