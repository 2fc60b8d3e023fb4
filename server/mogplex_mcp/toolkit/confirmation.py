"""What a tool has to do with consent: it says what it is about to change, and goes on only if the user agrees."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mogplex_mcp.api.errors import ErrorCode, MogplexError

Action = Literal["accept", "decline", "cancel"]
"""What a user did with a question (MCP specification, "Elicitation")."""


class ConsentNeeded(MogplexError):  # noqa: N818 - not a failure: the tool runs again with the user's answer
    """A tool ends here until the user has agreed. Whoever cannot ask shows it as an error, and nothing was done."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.INVALID_ARGUMENT, "the user has to be asked first")


def _nobody(_: str) -> Action | None:
    return None


@dataclass
class Consent:
    """Whether the user agrees with what one call is about to do.

    Attributes:
        answer_to: What the user did with exactly this question of exactly this call; None if it was never asked.
        question: What has to be asked before the call can go on.
        refusal: What the user did instead of agreeing.
    """

    answer_to: Callable[[str], Action | None] = _nobody
    question: str = ""
    refusal: Action | None = None

    def require(self, question: str) -> None:
        """Go on only if the user agreed to this; otherwise the tool ends here and nothing was done.

        Args:
            question: Exactly what will change, for the user to read. It has to come out the same when the tool runs
                again: another question is asked anew.

        Raises:
            ConsentNeeded: Always, unless the user agreed.
        """
        action = self.answer_to(question)
        if action == "accept":
            return
        if action is None:
            self.question = question
        self.refusal = action
        raise ConsentNeeded
