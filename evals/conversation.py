"""A conversation between a user, a model and its tools, in the terms of no provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_types import Tool


class ModelError(Exception):
    """The model could not be reached, or its response is not of the expected form."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of a model.

    Attributes:
        name: The tool.
        arguments: Its arguments; None if the model wrote something else than a JSON object.
        id: Names the call in its result.
    """

    name: str
    arguments: dict[str, Any] | None
    id: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call.

    Attributes:
        call_id: The call.
        text: What the model reads.
        is_error: Whether the call failed.
        structured: The structured content, for scripts.
    """

    call_id: str
    text: str
    is_error: bool = False
    structured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn, as the endpoint counts them.

    Attributes:
        read: Tokens of the whole conversation so far, cached ones included.
        written: Tokens of the response.
    """

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A response of the model: text, tool calls, or both. Without calls it is the answer to the user.

    Attributes:
        native: The response in the provider's own form, which the next request has to repeat unchanged.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    native: Any = None


@dataclass(slots=True)
class Conversation:
    """All that a model reads.

    Attributes:
        system: The system prompt, with the server's instructions.
        tools: The tools of the server.
        messages: In their order: the user's text, the model's turns, the results of the calls of a turn.
    """

    system: str
    tools: Sequence[Tool]
    messages: list[str | Turn | tuple[ToolResult, ...]]

    def definitions(self) -> list[dict[str, Any]]:
        """Return what a model reads of each tool: name, description, input schema."""
        return [
            {"name": tool.name, "description": tool.description or "", "input_schema": tool.input_schema}
            for tool in self.tools
        ]


class Model(Protocol):
    """A model, for one conversation."""

    def reply(self, conversation: Conversation) -> Turn:
        """Return the next turn. Blocks: the simulated time stands still while a model thinks.

        Raises:
            ModelError: There is no response that could be used.
        """
        ...
