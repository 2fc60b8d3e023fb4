"""What a call costs does not grow with what it carries: work is counted, in calls of functions."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mogplex_mcp.core import redaction
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.toolkit.arguments import check, refuse_secrets
from mogplex_mcp.toolkit.size_limits import DEEPEST, MOST_VALUES, check_size
from mogplex_mcp.tools.catalog import TOOLSETS

TOOLS = {tool.name: tool for toolset in TOOLSETS for tool in toolset.tools}
MOST_CALLS = 13_000


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called, written in Python or in C."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: dict[str, Any] = {
    "74,000 unknown names": {f"name{number:06d}": 1 for number in range(74_000)},
    "74,000 names like a real one": {f"limit{'x' * (number % 5)}{number}": 1 for number in range(74_000)},
    "a long name": {"limi" * 200_000: 1},
    "60 names of 12 letters": {f"wait_seco{chr(97 + number % 26)}{number:02d}": 1 for number in range(60)},
    "60 long names": {f"limi{'t' * 13_000}{number}": 1 for number in range(60)},
    "100,000 wrong rows": {"target": [[]] * 100_000},
    "100,000 wrong rows as text": {"target": json.dumps([{}] * 100_000)},
    "a deep value": {"limit": nested(5_000)},
    "a deep value as text": {"target": "[" * 400_000},
    "a huge number": {"limit": 10**4_000},
    "a number of many digits as text": {"limit": "9" * 400_000},
    "a long text": {"status": "x" * 800_000},
    "a long list as text": {"target": "production," * 70_000},
    "an object of many fields": {"graph": {f"f{number}": {} for number in range(40_000)}},
    "half of a surrogate pair": {"query": "\ud800" * 1_900},
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_check_does_bounded_work_for_every_tool_whatever_it_is_given(
    hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other tests have signed in with would be looked for in each text.
    monkeypatch.setattr(redaction._remembered, "secrets", ())
    given = HOSTILE[hostile]
    for tool in TOOLS.values():
        for arguments in (given, dict.fromkeys(tool.arguments.model_fields, next(iter(given.values())))):

            def work(arguments: dict[str, Any] = arguments, tool: Any = tool) -> None:
                try:
                    refuse_secrets(tool.name, check(tool.arguments, arguments).values, "mog_own")
                except InvalidArgumentError as error:
                    assert len(str(error)) < 4_000  # noqa: PT017 - it need not be refused

            work()  # the first call builds the model
            assert calls_of(work) < MOST_CALLS, tool.name


def test_check_names_the_first_unknown_names_of_too_many() -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        check(TOOLS["list_repos"].arguments, HOSTILE["74,000 unknown names"])
    assert "74000 arguments were given" in str(refused.value)
    assert 'no argument "name000004"' in str(refused.value)
    assert "name000005" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (nested(DEEPEST + 1), "nested more than"),
        ([1] * (MOST_VALUES + 1), "values"),
        ({"x": [1] * MOST_VALUES}, "values"),
        ({"x" * 200_001: 1}, "characters"),
        (["x" * 100_001, "x" * 100_001], "characters"),
        ([10**400], "number"),
        ([-(10**400)], "number"),
    ],
)
def test_check_size_refuses_what_is_over_a_limit(value: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        check_size("graph", value)


def test_check_size_takes_what_sensible_calls_carry() -> None:
    check_size("prompt", "x" * 100_000)
    check_size("graph", {"nodes": [{"id": str(n), "data": {"a": [1, 2.5, None, True]}} for n in range(500)]})
