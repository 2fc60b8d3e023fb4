"""What to say when something went wrong: what happened, why, and what to call or set next."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.repos import RepoError
from mogplex_mcp.api.responses import RUN_LIMITER_UNAVAILABLE
from mogplex_mcp.core.humanize import duration
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.reply.untrusted import clean, clean_line, fence

REASON_CHARACTERS: Final = 3_000
_QUOTED: Final = "What was answered is quoted below"
_SECONDS_WITHOUT_HEADER: Final = 60
_LONG_SECONDS: Final = 120


@dataclass(frozen=True)
class Failure:
    """A tool error in its three parts.

    Attributes:
        happened: What happened, as a sentence.
        why: The reason.
        following: What to call or set next.
        code: A word for programs.
        retry_after: Seconds to wait before the next try, when known.
        quoted: What others said of it: Mogplex, or whatever answered in its place.
    """

    happened: str
    why: str
    following: str
    code: str
    retry_after: int | None = None
    quoted: str = ""

    @property
    def text(self) -> str:
        """What the model reads."""
        marks = f"code: {self.code}"
        if self.retry_after is not None:
            marks += f", retry_after_seconds: {self.retry_after}"
        text = f"{sentence(self.happened)}\nWhy: {sentence(self.why)}\nNext: {sentence(self.following)}\n({marks})"
        # A model may be told what it gave, but not in full if that was a key in a wrong place.
        text = without_keys(text)
        return f"{text}\n{fence(clean(self.quoted, REASON_CHARACTERS))}" if self.quoted else text


@dataclass(frozen=True)
class _Advice:
    """What a code means for whoever called.

    Attributes:
        happened: What happened.
        following: What to do; {retry} stands for the time to wait, {keys} for the web page of tokens, {tool} for what
            was called.
        tools: What to call as well, as far as it is offered.
        then: How to say that.
    """

    happened: str
    following: str
    tools: tuple[str, ...] = ()
    then: str = "If it stays so, call {tools}."


_CHECK: Final = ("check_connection",)
_THEN: Final = "Then call {tools} to see whether it works."
_ADVICE: Final = {
    ErrorCode.NO_TOKEN: _Advice(
        "There is no Mogplex token",
        "Ask the user to create one at {keys} and to run `mogplex-mcp login` in a terminal, or to set MOGPLEX_API_KEY "
        "to it in this server's configuration (over HTTP: to send it as 'Authorization: Bearer mog_…').",
        _CHECK,
        _THEN,
    ),
    ErrorCode.MALFORMED_TOKEN: _Advice(
        "The Mogplex token was not sent, because it cannot be one",
        "Ask the user to copy it again from {keys}, for `mogplex-mcp login` or MOGPLEX_API_KEY; it may be cut, or a "
        "placeholder that was never filled in.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.INVALID_ARGUMENT: _Advice("Nothing was done", "Correct that and call {tool} again."),
    ErrorCode.BUDGET_EXHAUSTED: _Advice(
        "Nothing was sent, to stay within Mogplex's limit of requests", "Call {tool} again in {retry}, not sooner."
    ),
    ErrorCode.ENDING: _Advice("mogplex-mcp is ending", "When this server is there again, call {tool} again."),
    ErrorCode.UNREACHABLE: _Advice(
        "Mogplex could not be reached", "Ask the user to check the network, the proxy and MOGPLEX_URL.", _CHECK, _THEN
    ),
    ErrorCode.TLS_FAILED: _Advice(
        "The connection to Mogplex is not secure, so nothing was sent",
        "Ask the user to make this machine trust the certificate (on Linux: SSL_CERT_FILE), or to correct MOGPLEX_URL; "
        "trying again will not help.",
    ),
    ErrorCode.TIMED_OUT: _Advice("Mogplex did not answer in time", "Call {tool} again once.", _CHECK),
    ErrorCode.CONNECTION_LOST: _Advice("The connection to Mogplex broke", "Call {tool} again once.", _CHECK),
    ErrorCode.REDIRECTED: _Advice(
        "What answered sent this bridge elsewhere, where the token was not taken along",
        "Ask the user to check MOGPLEX_URL, the proxy and the token.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.UNEXPECTED_ANSWER: _Advice(
        "What answered did not speak as Mogplex does",
        "A proxy or an outage may be in between: call {tool} again in a minute; if it stays so, ask the user to check "
        "MOGPLEX_URL and the proxy.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.BAD_REQUEST: _Advice(
        "Mogplex refused the request", "Correct what the reason names and call {tool} again."
    ),
    ErrorCode.UNAUTHORIZED: _Advice(
        "Mogplex did not accept the token",
        "It may be revoked or expired: ask the user to create a new one at {keys} and to run `mogplex-mcp login`, or "
        "to set MOGPLEX_API_KEY to it. During an outage of Mogplex every token is refused: if it worked before, call "
        "{tool} again in a minute first.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.FORBIDDEN: _Advice(
        "The token may not do this",
        "If a scope is missing, ask the user to create a token that has it at {keys} and to run `mogplex-mcp login`, "
        "or to set MOGPLEX_API_KEY to it; trying again will not help.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.NOT_FOUND: _Advice(
        "Mogplex does not know it",
        "Check the id: it must be of the right kind and belong to this token's user.",
        ("list_repos", "list_runs", "list_sandboxes"),
        "Look it up with {tools}.",
    ),
    ErrorCode.CONFLICT: _Advice("It cannot be done in the present state", "Look at the state first, then decide."),
    ErrorCode.IDEMPOTENCY_CONFLICT: _Advice(
        "Nothing was started: this idempotency_key belongs to another start",
        "Leave idempotency_key out, or use a new one.",
    ),
    ErrorCode.RATE_LIMITED: _Advice("Mogplex's limit is reached", "Call {tool} again in {retry}, not sooner."),
    ErrorCode.INTERNAL_ERROR: _Advice(
        "Mogplex failed", "Call {tool} again once; if it stays so, tell the user that Mogplex has a fault."
    ),
    ErrorCode.NOT_SUPPORTED: _Advice(
        "Mogplex cannot do this here", "Tell the user the reason; trying again will not help."
    ),
    ErrorCode.SERVICE_UNAVAILABLE: _Advice("Mogplex is not available", "Call {tool} again in {retry}."),
}
_UNKNOWN_REPO_ID: Final = _Advice(
    "Mogplex does not know the repository, or cannot start runs at the moment",
    "Check the id of the repository; if it is right, call {tool} again in a minute.",
    ("list_repos",),
    "Look it up with {tools}.",
)


def explain(
    error: MogplexError, *, base_url: str, offered: Container[str], tool: str = "", repeatable: bool = True
) -> Failure:
    """Say what went wrong between this bridge and Mogplex.

    Args:
        error: What went wrong.
        base_url: Where Mogplex is.
        offered: The tools that may be named.
        tool: What was called.
        repeatable: Whether calling it again with the same arguments does nothing twice.
    """
    advice = _UNKNOWN_REPO_ID if RUN_LIMITER_UNAVAILABLE in error.message else _ADVICE[error.code]
    seconds = None if error.retry_after is None else max(1, round(error.retry_after))
    happened = sentence(advice.happened)
    following = advice.following.format(
        retry=_waiting(seconds or _SECONDS_WITHOUT_HEADER),
        keys=f"{web_url(base_url)}/settings/api-keys",
        tool=tool or "it",
    )
    if isinstance(error, RepoError):
        following = error.advice
    elif tools := [name for name in advice.tools if name in offered and name != tool]:
        following += " " + advice.then.format(tools=" or ".join(tools))
    if error.may_have_happened:
        happened += " It is not known whether it took effect."
        following += (
            f" Calling {tool or 'it'} again with the same arguments is safe: nothing is done twice."
            if repeatable
            else " Look before doing it again: it could be done twice."
        )
    why, quoted = _reason(error)
    return Failure(
        happened=happened,
        why=why,
        following=following,
        code=error.code,
        retry_after=seconds,
        quoted=quoted,
    )


def sentence(text: str) -> str:
    """The text with one mark at its end, and never two in a row where pieces meet."""
    text = re.sub(r"([.?!])\.(?=\s|$)", r"\1", text.strip())
    return text if re.search(r"[.?!…][\"')]?$", text) else f"{text.rstrip(',;:')}."


def _waiting(seconds: int) -> str:
    return f"{seconds} seconds" + (f" ({duration(seconds)})" if seconds > _LONG_SECONDS else "")


def _reason(error: MogplexError) -> tuple[str, str]:
    """Why something went wrong in our own words, and what others said of it."""
    text = clean_line(error.message, REASON_CHARACTERS)
    if error.status is None:
        return text, ""
    if text.strip(".").lower() == "internal server error":
        return f"It gave no reason but status {error.status}", ""
    if RUN_LIMITER_UNAVAILABLE in text:
        always = "as it does for ever about a repository id that it does not know"
        return f'Mogplex says "{RUN_LIMITER_UNAVAILABLE}", {always}', ""
    # What came in an answer is others' text: it may quote whatever somebody wrote.
    return f"{_QUOTED} (status {error.status})", text
