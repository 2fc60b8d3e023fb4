"""Errors of operations, worded for a model: what happened, why, and which tool or setting comes next."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.core.cleaning import clean
from mogplex_mcp.core.humanize import counted, duration
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.operations.errors import (
    REASON_CHARACTERS,
    Argument,
    Operation,
    OperationCode,
    OperationError,
    spell,
)
from mogplex_mcp.reply.untrusted import fence
from mogplex_mcp.toolkit.error_wordings import address_advice, token_places, wording_of

_SECONDS_WITHOUT_HEADER: Final = 60
_LONG_SECONDS: Final = 120
# Errors of JSON-RPC come with 200.
_FIRST_ERROR_STATUS: Final = 400
_INTERNAL_REASON: Final = "This is a fault of mogplex-mcp, not of the call; its log on stderr has the details"
# What programs read for codes that are ours alone.
_SHOWN_CODES: Final[Mapping[str, str]] = {
    OperationCode.UNKNOWN_REPO_ID: ErrorCode.SERVICE_UNAVAILABLE,
    OperationCode.UNEXPECTED_EXCEPTION: ErrorCode.INTERNAL_ERROR,
}


@dataclass(frozen=True)
class ToolError:
    """A tool error in its parts.

    Attributes:
        happened: What happened, as a sentence.
        why: The reason.
        following: What to call or set next.
        code: A word for programs.
        retry_after: Seconds to wait before the next try, when known.
        quoted: Text of others: of Mogplex, or of whatever responded in its place.
    """

    happened: str
    why: str
    following: str
    code: str
    retry_after: int | None = None
    quoted: str = ""

    @property
    def text(self) -> str:
        """The error as the model reads it."""
        marks = f"code: {self.code}"
        if self.retry_after is not None:
            marks += f", retry_after_seconds: {self.retry_after}"
        text = f"{sentence(self.happened)}\nWhy: {sentence(self.why)}\nNext: {sentence(self.following)}\n({marks})"
        # A model may be shown what it sent, but not in full if that was a key in a wrong place.
        text = without_keys(text)
        return f"{text}\n{fence(clean(self.quoted, REASON_CHARACTERS))}" if self.quoted else text


def tool_error(
    error: OperationError,
    *,
    base_url: str,
    offered: Container[str],
    tool: str = "",
    repeatable: bool = True,
    token_from: str = "",
) -> ToolError:
    """Word an error of an operation for a model.

    Args:
        error: The error.
        base_url: Where Mogplex is.
        offered: The tools that may be named.
        tool: The tool that was called.
        repeatable: Whether calling it again with the same arguments does nothing twice.
        token_from: Where the token came from: the kind of its source, or "operator" for an HTTP server's own,
            "sign_in" if the client of an HTTP caller has signed in.
    """
    wording = wording_of(error.code, token_from)
    seconds = None if error.retry_after is None else max(1, round(error.retry_after))
    places = {
        "retry": _waiting(seconds or _SECONDS_WITHOUT_HEADER),
        "tool": tool or "it",
        **token_places(f"{web_url(base_url)}/settings/api-keys", token_from),
    }
    happened = sentence(spell(error.happened, _spelled) or wording.happened.format(**places))
    following = spell(error.advice, _spelled)
    if not following and not repeatable and error.code == ErrorCode.UNEXPECTED_ANSWER:
        following = address_advice(token_from)
    elif not following:
        following = wording.following.format(**places)
        if tools := [name for name in wording.tools if name in offered and name != tool]:
            following += " " + wording.then.format(tools=" or ".join(tools))
    if error.may_have_happened:
        happened += " It is not known whether it took effect."
        if repeatable:
            again = f"Calling {tool or 'it'} again with the same arguments is safe: nothing is done twice."
        else:
            again = "Look before doing it again: it could be done twice."
            # What is advised for the kind of error does not know that this can't be repeated; the operation does.
            following = following if error.advice else ""
        following = f"{sentence(following)} {again}" if following else again
    return ToolError(
        happened=happened,
        why=spell(error.reason, _spelled) or _default_reason(error),
        following=following,
        code=_SHOWN_CODES.get(error.code, error.code),
        retry_after=seconds,
        quoted=error.quoted,
    )


def sentence(text: str) -> str:
    """Return the text with one mark at its end, and never two in a row where pieces meet."""
    text = re.sub(r"([.?!])\.(?=\s|$)", r"\1", text.strip())
    return text if re.search(r"[.?!…][\"')]?$", text) else f"{text.rstrip(',;:')}."


def _default_reason(error: OperationError) -> str:
    if error.status is not None:
        if error.status < _FIRST_ERROR_STATUS:
            return "The response is quoted below"
        return f"Mogplex responded with {error.status}; the response is quoted below"
    return _INTERNAL_REASON if error.code == OperationCode.UNEXPECTED_EXCEPTION else "What was given is quoted below"


def _spelled(piece: Argument | Operation) -> str:
    if isinstance(piece, Argument):
        return f"{piece.name}={piece.value}" if piece.value else piece.name
    given = " with " + ", ".join(f"{name}={value}" for name, value in piece.arguments.items())
    return piece.name + (given if piece.arguments else "")


def _waiting(seconds: int) -> str:
    return counted(seconds, "second") + (f" ({duration(seconds)})" if seconds > _LONG_SECONDS else "")
