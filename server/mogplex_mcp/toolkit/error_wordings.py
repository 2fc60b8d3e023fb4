"""The words of errors for a model: what happened and what to do, by the code and by where the token came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.operations.errors import OperationCode


@dataclass(frozen=True)
class Wording:
    """The words for a code.

    Attributes:
        happened: What happened.
        following: What to do; {retry} stands for the time to wait, {keys} for the web page of tokens, {use_it} for how
            a new token is put in place, {new_token} and {new_scope} for how to get one and do that, {tool} for the
            tool.
        tools: Tools to call as well, as far as they are offered.
        then: How to say that.
    """

    happened: str
    following: str
    tools: tuple[str, ...] = ()
    then: str = "If it stays so, call {tools}."


_CHECK: Final = ("check_connection",)
_THEN: Final = "Then call {tools} to see whether it works."
_WORDINGS: Final[Mapping[str, Wording]] = {
    ErrorCode.NO_TOKEN: Wording(
        "There is no Mogplex token",
        "Ask the user to run `mogplex-mcp login` in a terminal: it opens the browser, and the sign-in is used at once. "
        "Without a browser: to create a token at {keys} and to set MOGPLEX_API_KEY to it in this server's "
        "configuration.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.MALFORMED_TOKEN: Wording(
        "The Mogplex token was not sent, because it isn't a valid token",
        "It may be cut, or a placeholder that was never filled in: ask the user to copy it again from {keys} and "
        "{use_it}.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.INVALID_ARGUMENT: Wording("Nothing was done", "Correct that and call {tool} again."),
    ErrorCode.BUDGET_EXHAUSTED: Wording(
        "Nothing was sent, to stay within Mogplex's limit of requests", "Call {tool} again in {retry}, not sooner."
    ),
    ErrorCode.SHUTTING_DOWN: Wording("mogplex-mcp is shutting down", "When this server is back, call {tool} again."),
    ErrorCode.UNREACHABLE: Wording(
        "Mogplex could not be reached", "Ask the user to check the network, the proxy and MOGPLEX_URL.", _CHECK, _THEN
    ),
    ErrorCode.TLS_FAILED: Wording(
        "The connection to Mogplex is not secure, so nothing was sent over it",
        "Ask the user to make this machine trust the certificate (on Linux: SSL_CERT_FILE), or to correct MOGPLEX_URL; "
        "trying again will not help.",
    ),
    ErrorCode.TIMED_OUT: Wording("Mogplex did not answer in time", "Call {tool} again once.", _CHECK),
    ErrorCode.CONNECTION_LOST: Wording("The connection to Mogplex broke", "Call {tool} again once.", _CHECK),
    ErrorCode.REDIRECTED: Wording(
        "The response was a redirect, which was not followed with the token",
        "Ask the user to check MOGPLEX_URL, the proxy and the token.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.UNEXPECTED_ANSWER: Wording(
        "The response did not come from the Mogplex API",
        "A proxy or an outage may be in between: call {tool} again in a minute; if it stays so, ask the user to check "
        "MOGPLEX_URL and the proxy.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.BAD_REQUEST: Wording(
        "Mogplex refused the request", "Correct what the reason names and call {tool} again."
    ),
    ErrorCode.UNAUTHORIZED: Wording(
        "Mogplex did not accept the token",
        "It may be revoked or expired: ask the user {new_token}. During an outage of Mogplex every token is refused: "
        "if it worked before, call {tool} again in a minute first.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.FORBIDDEN: Wording(
        "The token does not allow this",
        "If a scope is missing, ask the user {new_scope}; trying again without it will not help.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.BILLING: Wording(
        "Mogplex refused this because of the account's billing",
        "Tell the user the reason: funds or a plan are missing, under Settings > Billing on the Mogplex web site; "
        "until then it is refused again.",
    ),
    ErrorCode.NOT_FOUND: Wording(
        "Mogplex does not know it",
        "Check the id: it must be of the right kind and belong to this token's user.",
        ("list_repos", "list_runs", "list_sandboxes"),
        "Look it up with {tools}.",
    ),
    ErrorCode.CONFLICT: Wording("It cannot be done in the present state", "Look at the state first, then decide."),
    ErrorCode.IDEMPOTENCY_CONFLICT: Wording(
        "Nothing was started: this idempotency_key belongs to another start",
        "Leave idempotency_key out, or use a new one.",
    ),
    ErrorCode.RATE_LIMITED: Wording("Mogplex's limit is reached", "Call {tool} again in {retry}, not sooner."),
    ErrorCode.INTERNAL_ERROR: Wording(
        "Mogplex failed", "Call {tool} again once; if it stays so, tell the user that Mogplex has a fault."
    ),
    ErrorCode.NOT_SUPPORTED: Wording(
        "Mogplex cannot do this here", "Tell the user the reason; trying again will not help."
    ),
    ErrorCode.SERVICE_UNAVAILABLE: Wording("Mogplex is not available", "Call {tool} again in {retry}."),
    OperationCode.UNKNOWN_REPO_ID: Wording(
        "Mogplex does not know the repository, or cannot start runs at the moment",
        "Check the id of the repository; if it is right, call {tool} again in a minute.",
        ("list_repos",),
        "Look it up with {tools}.",
    ),
    OperationCode.JOURNAL_UNUSABLE: Wording(
        "Nothing was sent to Mogplex, because the journal of runs cannot be used",
        "Ask the user to make room for that file or to fix its permissions, or to set MOGPLEX_MCP_STATE_FILE to "
        "another one; MOGPLEX_MCP_WITHOUT_JOURNAL=1 goes without.",
    ),
    OperationCode.UNKNOWN_GENERATION: Wording(
        "Nothing was started: the newest of many earlier starts could not be found",
        "Call {tool} again in a minute, or with an idempotency_key of its own.",
    ),
    OperationCode.CONFIRMATION_NEEDED: Wording(
        "Nothing was done: the user has to agree first", "Ask the user, then call {tool} again."
    ),
    OperationCode.UNEXPECTED_EXCEPTION: Wording(
        "mogplex-mcp itself failed in {tool}", "Call it again once; if it stays so, tell the user."
    ),
}
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
_TELL: Final = "tell the user, who can check MOGPLEX_URL and the network"
_OVER_HTTP: Final = ("request", "operator", "sign_in")
_OPERATOR: Final = "tell the user that the operator of this server has to check"
# For a caller over HTTP, who has neither the server's machine nor its settings.
_WORDINGS_OVER_HTTP: Final[Mapping[str, Wording]] = {
    ErrorCode.NO_TOKEN: Wording(
        "There is no Mogplex token", "Ask the user to create one at {keys} and {use_it}.", _CHECK, _THEN
    ),
    ErrorCode.UNREACHABLE: Wording(
        "Mogplex could not be reached",
        f"Call {{tool}} again in a minute; if it stays so, {_OPERATOR} its network, proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.TLS_FAILED: Wording(
        "The connection to Mogplex is not secure, so nothing was sent over it",
        f"Trying again will not help: {_OPERATOR} which certificates it trusts, and MOGPLEX_URL.",
    ),
    ErrorCode.REDIRECTED: Wording(
        "The response was a redirect, which was not followed with the token",
        f"Trying again will not help: {_OPERATOR} its proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    ErrorCode.UNEXPECTED_ANSWER: Wording(
        "The response did not come from the Mogplex API",
        "A proxy or an outage may be in between: call {tool} again in a minute; if it stays so, "
        f"{_OPERATOR} its proxy and MOGPLEX_URL.",
        _CHECK,
        _THEN,
    ),
    OperationCode.JOURNAL_UNUSABLE: Wording(
        "Nothing was sent to Mogplex, because the journal of runs cannot be used",
        f"Trying again will not help: {_OPERATOR} the file of the journal.",
    ),
}
# For a caller over HTTP whose client has signed in, and gets new tokens by itself.
_WORDINGS_AFTER_SIGN_IN: Final[Mapping[str, Wording]] = {
    ErrorCode.UNAUTHORIZED: Wording(
        "Mogplex did not accept the access token of your client's sign-in",
        "It may be expired, and your client renews it when it is refused: call {tool} again. If it stays so, ask the "
        "user to connect this server anew in the client; during an outage of Mogplex every token is refused.",
    ),
    ErrorCode.FORBIDDEN: Wording(
        "The access token of your client's sign-in does not allow this",
        "If a scope is missing, ask the user to connect this server anew in the client and to allow what it asks for; "
        "trying again without it will not help.",
    ),
}


def wording_of(code: str, token_from: str) -> Wording:
    """Return the words for a code.

    Args:
        code: An `ErrorCode` or an `OperationCode`.
        token_from: Where the token came from, see `errors.tool_error`.
    """
    wording = _WORDINGS[code]
    if token_from in _OVER_HTTP:
        wording = _WORDINGS_OVER_HTTP.get(code, wording)
    if token_from == "sign_in":  # noqa: S105 - a kind, not a secret
        wording = _WORDINGS_AFTER_SIGN_IN.get(code, wording)
    return wording


def token_places(keys: str, token_from: str) -> dict[str, str]:
    """Return what stands for {keys}, {use_it}, {new_token} and {new_scope} in a wording.

    Args:
        keys: The web page of tokens.
        token_from: Where the token came from, see `errors.tool_error`.
    """
    use_it = _USE_IT.get(token_from, _USE_IT_ELSEWHERE)
    sign_in = "" if token_from in _USE_IT else f"{_SIGN_IN_AGAIN}, or "
    return {
        "keys": keys,
        "use_it": use_it,
        "new_token": f"{sign_in}to create a new one at {keys} and {use_it}",
        "new_scope": f"{sign_in}to create a token that has it at {keys} and {use_it}",
    }


def address_advice(token_from: str) -> str:
    """Return who has to check the address and what is on the way to it."""
    check = f"{_OPERATOR} its proxy and MOGPLEX_URL" if token_from in _OVER_HTTP else _TELL
    return f"{check[0].upper()}{check[1:]}."
