"""Confirmation, as a tool sees it: it says what it is about to change, and continues only if the user agrees."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mogplex_mcp.api.errors import ErrorCode, MogplexError

Action = Literal["accept", "decline", "cancel"]
"""The user's action on a question (MCP specification, "Elicitation")."""


class ConsentNeeded(MogplexError):  # noqa: N818 - not a failure: the tool runs again with the user's answer
    """The tool needs the user's confirmation. Nothing was done; a caller that cannot ask shows it as an error."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.INVALID_ARGUMENT, "the user has to be asked first")


def _not_asked(_: str) -> Action | None:
    return None


@dataclass
class Consent:
    """The user's consent to what one call is about to do.

    Attributes:
        answer_to: Returns the user's action on exactly this question of exactly this call; None if it was not asked.
        question: The question that has to be asked before the call can continue.
        refusal: The user's action if it was not to accept.
    """

    answer_to: Callable[[str], Action | None] = _not_asked
    question: str = ""
    refusal: Action | None = None

    def require(self, question: str) -> None:
        """Continue only if the user has accepted this; otherwise end the tool before anything is done.

        Args:
            question: Exactly what will change, for the user to read. It must be the same when the tool runs again:
                another question is asked anew.

        Raises:
            ConsentNeeded: The user has not accepted.
        """
        action = self.answer_to(question)
        if action == "accept":
            return
        if action is None:
            self.question = question
        self.refusal = action
        raise ConsentNeeded
