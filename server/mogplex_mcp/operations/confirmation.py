"""Confirmation by the user of an operation that changes something for good.

An operation says what it is about to change and continues only if the user agreed. The caller asks the user: by
elicitation in an MCP client, by a prompt in a terminal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mogplex_mcp.operations.errors import OperationCode, OperationError

Action = Literal["accept", "decline", "cancel"]
"""The user's action on a question (MCP specification, "Elicitation")."""


class ConsentNeeded(OperationError):  # noqa: N818 - not a failure: the operation runs again with the user's answer
    """The operation stopped before it changed anything, because the user hasn't agreed to it yet."""

    def __init__(self) -> None:
        super().__init__(OperationCode.CONFIRMATION_NEEDED, "the user has to be asked first")


def _unanswered(_: str) -> Action | None:
    return None


@dataclass
class Consent:
    """The user's consent to what one call is about to do.

    Attributes:
        answer_to: Returns the user's action on exactly this question of exactly this call; None if it was not asked.
        question: The question that has to be asked before the call can continue.
        refusal: The user's action if it was not to accept.
    """

    answer_to: Callable[[str], Action | None] = _unanswered
    question: str = ""
    refusal: Action | None = None

    def require(self, question: str) -> None:
        """Return if the user agreed; otherwise stop the operation before it changes anything.

        Args:
            question: What will change, for the user to read. It has to be the same text when the operation runs again,
                since a different question is asked anew.

        Raises:
            ConsentNeeded: The user hasn't agreed.
        """
        action = self.answer_to(question)
        if action == "accept":
            return
        if action is None:
            self.question = question
        self.refusal = action
        raise ConsentNeeded
