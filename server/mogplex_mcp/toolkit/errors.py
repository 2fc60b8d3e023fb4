"""Errors of operations, worded for a model: what happened, why, and which tool or setting comes next."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
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
from mogplex_mcp.reply.untrusted import clean, fence

_SECONDS_WITHOUT_HEADER: Final = 60
_LONG_SECONDS: Final = 120
# Errors of JSON-RPC come with 200.
_FIRST_ERROR_STATUS: Final = 400


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


@dataclass(frozen=True)
class _Wording:
    """The words for a code.

    Attributes:
        happened: What happened.
        following: What to do; {retry} stands for the time to wait, {keys} for the web page of tokens, {use_it} for how
            a new token is put in place, {new_token} for how to get one and do that, {tool} for the tool.
        tools: Tools to call as well, as far as they are offered.
        then: How to say that.
    """

    happened: str
    following: str
    tools: tuple[str, ...] = ()
    then: str = "If it stays so, call {tools}."


_CHECK: Final = ("check_connection",)
_THEN: Final = "Then call {tools} to see whether it works."
_WORDINGS: Final[Mapping[str, _Wording]] = {
    ErrorCode.NO_TOKEN: _Wording(
        "There is no Mogplex token",
        "Ask the user to run `mogplex-mcp login` in a terminal: it opens the browser, and the sign-in is used at once. "
        "Without a browser: to create a token at {keys} and to set MOGPLEX_API_KEY to it in this server's "
        "configuration.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.MALFORMED_TOKEN: _Wording(
        "The Mogplex token was not sent, because it isn't a valid token",
        "It may be cut, or a placeholder that was never filled in: ask the user to copy it again from {keys} and "
        "{use_it}.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.INVALID_ARGUMENT: _Wording("Nothing was done", "Correct that and call {tool} again."),
    ErrorCode.BUDGET_EXHAUSTED: _Wording(
        "Nothing was sent, to stay within Mogplex's limit of requests", "Call {tool} again in {retry}, not sooner."
    ),
    ErrorCode.SHUTTING_DOWN: _Wording("mogplex-mcp is shutting down", "When this server is back, call {tool} again."),
    ErrorCode.UNREACHABLE: _Wording(
        "Mogplex could not be reached", "Ask the user to check the network, the proxy and MOGPLEX_URL.", _CHECK, _THEN
    ),
    ErrorCode.TLS_FAILED: _Wording(
        "The connection to Mogplex is not secure, so nothing was sent over it",
        "Ask the user to make this machine trust the certificate (on Linux: SSL_CERT_FILE), or to correct MOGPLEX_URL; "
        "trying again will not help.",
    ),
    ErrorCode.TIMED_OUT: _Wording("Mogplex did not answer in time", "Call {tool} again once.", _CHECK),
    ErrorCode.CONNECTION_LOST: _Wording("The connection to Mogplex broke", "Call {tool} again once.", _CHECK),
    ErrorCode.REDIRECTED: _Wording(
        "The response was a redirect, which was not followed with the token",
        "Ask the user to check MOGPLEX_URL, the proxy and the token.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.UNEXPECTED_ANSWER: _Wording(
        "The response did not come from the Mogplex API",
        "A proxy or an outage may be in between: call {tool} again in a minute; if it stays so, ask the user to check "
        "MOGPLEX_URL and the proxy.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.BAD_REQUEST: _Wording(
        "Mogplex refused the request", "Correct what the reason names and call {tool} again."
    ),
    ErrorCode.UNAUTHORIZED: _Wording(
        "Mogplex did not accept the token",
        "It may be revoked or expired: ask the user {new_token}. During an outage of Mogplex every token is refused: "
        "if it worked before, call {tool} again in a minute first.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.FORBIDDEN: _Wording(
        "The token does not allow this",
        "If a scope is missing, ask the user {new_scope}; trying again without it will not help.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.BILLING: _Wording(
        "Mogplex refused this because of the account's billing",
        "Tell the user the reason: funds or a plan are missing, under Settings > Billing on the Mogplex web site; "
        "until then it is refused again.",
    ),
    ErrorCode.NOT_FOUND: _Wording(
        "Mogplex does not know it",
        "Check the id: it must be of the right kind and belong to this token's user.",
        ("list_repos", "list_runs", "list_sandboxes"),
        "Look it up with {tools}.",
    ),
    ErrorCode.CONFLICT: _Wording("It cannot be done in the present state", "Look at the state first, then decide."),
    ErrorCode.IDEMPOTENCY_CONFLICT: _Wording(
        "Nothing was started: this idempotency_key belongs to another start",
        "Leave idempotency_key out, or use a new one.",
    ),
    ErrorCode.RATE_LIMITED: _Wording("Mogplex's limit is reached", "Call {tool} again in {retry}, not sooner."),
    ErrorCode.INTERNAL_ERROR: _Wording(
        "Mogplex failed", "Call {tool} again once; if it stays so, tell the user that Mogplex has a fault."
    ),
    ErrorCode.NOT_SUPPORTED: _Wording(
        "Mogplex cannot do this here", "Tell the user the reason; trying again will not help."
    ),
    ErrorCode.SERVICE_UNAVAILABLE: _Wording("Mogplex is not available", "Call {tool} again in {retry}."),
    OperationCode.UNKNOWN_REPO_ID: _Wording(
        "Mogplex does not know the repository, or cannot start runs at the moment",
        "Check the id of the repository; if it is right, call {tool} again in a minute.",
        ("list_repos",),
        "Look it up with {tools}.",
    ),
    OperationCode.JOURNAL_UNUSABLE: _Wording(
        "Nothing was sent to Mogplex, because the journal of runs cannot be used",
        "Ask the user to make room for that file or to fix its permissions, or to set MOGPLEX_MCP_STATE_FILE to "
        "another one; MOGPLEX_MCP_WITHOUT_JOURNAL=1 goes without.",
    ),
    OperationCode.UNKNOWN_GENERATION: _Wording(
        "Nothing was started: the newest of many earlier starts could not be found",
        "Call {tool} again in a minute, or with an idempotency_key of its own.",
    ),
    OperationCode.CONFIRMATION_NEEDED: _Wording(
        "Nothing was done: the user has to agree first", "Ask the user, then call {tool} again."
    ),
    OperationCode.UNEXPECTED_EXCEPTION: _Wording(
        "mogplex-mcp itself failed in {tool}", "Call it again once; if it stays so, tell the user."
    ),
}
_INTERNAL_REASON: Final = "This is a fault of mogplex-mcp, not of the call; its log on stderr has the details"
_USE_IT: Final[Mapping[str, str]] = {
    "environment": "to set MOGPLEX_API_KEY to it in this server's configuration, then to restart this server in the "
    "client",
    "file": "to write it to the file that MOGPLEX_API_KEY_FILE (--api-key-file) names, which is read again at once",
    "request": "to send it as the token in your client's Authorization header ('Authorization: Bearer mog_…')",
    "operator": "to hand it to the operator of this server, whose token it replaces",
}
"""How a new token is put in place, by where the old one came from."""
_USE_IT_ELSEWHERE: Final = (
    "to give it to `mogplex-mcp login --token` in a terminal (it is used at once), or to set MOGPLEX_API_KEY to it in "
    "this server's configuration"
)
_SIGN_IN_AGAIN: Final = "to run `mogplex-mcp login` in a terminal, which opens the browser (it is used at once)"
# What programs read for codes that are ours alone.
_SHOWN_CODES: Final[Mapping[str, str]] = {
    OperationCode.UNKNOWN_REPO_ID: ErrorCode.SERVICE_UNAVAILABLE,
    OperationCode.UNEXPECTED_EXCEPTION: ErrorCode.INTERNAL_ERROR,
}

_TELL: Final = "tell the user, who can check MOGPLEX_URL and the network"
_OVER_HTTP: Final = ("request", "operator", "sign_in")
_OPERATOR: Final = "tell the user that the operator of this server has to check"
# For a caller over HTTP, who has neither the server's machine nor its settings.
_WORDINGS_OVER_HTTP: Final[Mapping[str, _Wording]] = {
    ErrorCode.NO_TOKEN: _Wording(
        "There is no Mogplex token", "Ask the user to create one at {keys} and {use_it}.", _CHECK, _THEN
    ),
    ErrorCode.UNREACHABLE: _Wording(
        "Mogplex could not be reached",
        f"Call {{tool}} again in a minute; if it stays so, {_OPERATOR} its network, proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.TLS_FAILED: _Wording(
        "The connection to Mogplex is not secure, so nothing was sent over it",
        f"Trying again will not help: {_OPERATOR} which certificates it trusts, and MOGPLEX_URL.",
    ),
    ErrorCode.REDIRECTED: _Wording(
        "The response was a redirect, which was not followed with the token",
        f"Trying again will not help: {_OPERATOR} its proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.UNEXPECTED_ANSWER: _Wording(
        "The response did not come from the Mogplex API",
        "A proxy or an outage may be in between: call {tool} again in a minute; if it stays so, "
        f"{_OPERATOR} its proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    OperationCode.JOURNAL_UNUSABLE: _Wording(
        "Nothing was sent to Mogplex, because the journal of runs cannot be used",
        f"Trying again will not help: {_OPERATOR} the file of the journal.",
    ),
}
# For a caller over HTTP whose client has signed in, and gets new tokens by itself.
_WORDINGS_AFTER_SIGN_IN: Final[Mapping[str, _Wording]] = {
    ErrorCode.UNAUTHORIZED: _Wording(
        "Mogplex did not accept the access token of your client's sign-in",
        "It may be expired, and your client renews it when it is refused: call {tool} again. If it stays so, ask the "
        "user to connect this server anew in the client; during an outage of Mogplex every token is refused.",
    ),
    ErrorCode.FORBIDDEN: _Wording(
        "The access token of your client's sign-in does not allow this",
        "If a scope is missing, ask the user to connect this server anew in the client and to allow what it asks for; "
        "trying again without it will not help.",
    ),
}


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
    wording = _WORDINGS[error.code]
    if token_from in _OVER_HTTP:
        wording = _WORDINGS_OVER_HTTP.get(error.code, wording)
    if token_from == "sign_in":  # noqa: S105 - a kind, not a secret
        wording = _WORDINGS_AFTER_SIGN_IN.get(error.code, wording)
    seconds = None if error.retry_after is None else max(1, round(error.retry_after))
    places = {
        "retry": _waiting(seconds or _SECONDS_WITHOUT_HEADER),
        "keys": f"{web_url(base_url)}/settings/api-keys",
        "tool": tool or "it",
        "use_it": _USE_IT.get(token_from, _USE_IT_ELSEWHERE),
    }
    new_token = f"to create a new one at {places['keys']} and {places['use_it']}"
    new_scope = f"to create a token that has it at {places['keys']} and {places['use_it']}"
    sign_in = "" if token_from in _USE_IT else f"{_SIGN_IN_AGAIN}, or "
    places |= {"new_token": f"{sign_in}{new_token}", "new_scope": f"{sign_in}{new_scope}"}
    happened = sentence(spell(error.happened, _spelled) or wording.happened.format(**places))
    following = spell(error.advice, _spelled)
    if not following and not repeatable and error.code == ErrorCode.UNEXPECTED_ANSWER:
        check = f"{_OPERATOR} its proxy and MOGPLEX_URL" if token_from in _OVER_HTTP else _TELL
        following = f"{check[0].upper()}{check[1:]}."
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
