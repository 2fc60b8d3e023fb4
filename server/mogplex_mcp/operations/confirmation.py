"""Confirmation by the user of an operation that changes something for good.

An operation says what it is about to change and continues only if the user agreed. The caller asks the user: by
elicitation in an MCP client, by a prompt in a terminal.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from mogplex_mcp.core.cleaning import escape_invisible
from mogplex_mcp.core.redaction import without_whole_keys
from mogplex_mcp.operations.errors import InvalidArgumentError, OperationCode, OperationError

MOST_CHARACTERS: Final = 5_000
"""Of a question. The user must see all of what a yes allows."""

# Names are compared whole, in lower case and without separators: `keyboard` and `max_tokens` are no secrets.
_SECRET_NAMES: Final = frozenset(
    {
        *("password", "passwd", "pwd", "passphrase", "secret", "token", "authorization", "credential", "credentials"),
        *("clientsecret", "accesstoken", "refreshtoken", "authtoken", "bearertoken", "apitoken"),
        *("apikey", "accesskey", "privatekey", "secretkey"),
    }
)
_SECRET_ENDINGS: Final = _SECRET_NAMES | {"key", "pass", "dsn", "pat", "salt"}
_PUBLIC_WORDS: Final = frozenset({"public", "publishable"})

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
            InvalidArgumentError: The question is too long to be shown whole.
        """
        question = escape_invisible(without_whole_keys(question))
        action = self.answer_to(question)
        if action == "accept":
            return
        if action is None:
            if len(question) > MOST_CHARACTERS:
                raise InvalidArgumentError(
                    f"the user has to confirm this, and the question would have {len(question)} characters: more than "
                    f"{MOST_CHARACTERS} cannot be shown whole",
                    advice=("Change less at once, or let the user do it on the Mogplex web page.",),
                )
            self.question = question
        self.refusal = action
        raise ConsentNeeded


def quote(value: Any) -> str:
    """Return a value as JSON on one line, whole, for a question: a line feed in it is written as an escape."""
    return json.dumps(value, ensure_ascii=False)


def is_secret_variable(name: str) -> bool:
    """Return whether an environment variable of this name holds a secret, by its last words: `STRIPE_API_KEY`."""
    words = name.lower().split("_")
    return not _PUBLIC_WORDS & set(words) and bool({"".join(words[-2:]), words[-1]} & _SECRET_ENDINGS)


def without_secrets(value: Any, *, secret: bool = False) -> Any:
    """Return a value with a length in place of each text whose field has the name of a secret.

    Args:
        value: JSON data.
        secret: Whether the value itself is one.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(inner, secret=_is_secret_name(str(key))) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner, secret=secret) for inner in value]
    return f"({len(value)} characters)" if secret and isinstance(value, str) else value


def _is_secret_name(name: str) -> bool:
    return re.sub(r"[\s_.-]", "", name).lower() in _SECRET_NAMES
