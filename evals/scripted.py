"""A model that follows a script: it shows that a task can be done, and that its checks see when it was not."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from evals.conversation import Conversation, ToolCall, ToolResult, Turn

Script = Generator[ToolCall, ToolResult, str]
"""Yields tool calls, gets their results, returns the answer to the user."""


class ScriptedModel:
    """A model that does what a script says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._count = 0

    def reply(self, conversation: Conversation) -> Turn:
        """Return the next call of the script, or its answer."""
        last = conversation.messages[-1]
        try:
            call = self._script.send(last[0]) if isinstance(last, tuple) else next(self._script)
        except StopIteration as end:
            return Turn(str(end.value))
        self._count += 1
        return Turn("", (replace(call, id=f"call_{self._count}"),))


def call(tool: str, **arguments: Any) -> ToolCall:
    """Return a call of a tool."""
    return ToolCall(tool, arguments)


def answer(text: str) -> Script:
    """Return a script without calls."""
    return text
    yield  # makes it a generator, as every script is


def field(result: ToolResult, name: str) -> str:
    """Return the first field of this name at any depth of a result; empty if there is none."""
    return next((str(row[name]) for row in _rows(result.structured) if name in row), "")


def row(result: ToolResult, **values: str) -> Mapping[str, Any]:
    """Return the first object at any depth of a result in which these fields have these values."""
    rows = (row for row in _rows(result.structured) if all(row.get(name) == value for name, value in values.items()))
    return next(rows, {})


def _rows(value: Any) -> Generator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _rows(inner)
