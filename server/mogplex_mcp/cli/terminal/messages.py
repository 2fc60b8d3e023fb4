"""Messages of errors for a person in a terminal: what happened, why, and which command or flag to use next."""

from collections.abc import Mapping
from typing import Final, Self

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.core.cleaning import clean
from mogplex_mcp.core.humanize import duration
from mogplex_mcp.core.redaction import without_keys
from mogplex_mcp.operations.errors import (
    Argument,
    Operation,
    OperationCode,
    OperationError,
    Speller,
    spell,
)

QUOTED_CHARACTERS: Final = 3_000
_FIRST_ERROR_STATUS: Final = 400
_SECONDS_WITHOUT_HEADER: Final = 60

OPERATION_COMMANDS: Final[Mapping[str, str]] = {
    "check_connection": "doctor",
    "list_repos": "repos list",
    "start_run": "run",
    "tail_run": "runs events",
    "get_run": "runs get",
    "list_runs": "runs list",
    "cancel_run": "runs cancel",
    "list_sandboxes": "sandboxes list",
    "create_sandbox": "sandboxes create",
    "get_sandbox_logs": "sandboxes logs",
    "list_automations": "automations list",
    "get_automation": "automations get",
    "trigger_automation": "automations trigger",
    "list_automation_runs": "automations runs",
    "get_automation_run": "automations get-run",
}
"""The commands of operations; those without one are reached by `call`."""

_FLAGS: Final[Mapping[str, str]] = {
    "run_id": "RUN",
    "run_ids": "RUN",
    "sandbox_id": "SANDBOX",
    "automation_id": "AUTOMATION",
    "prompt": "PROMPT",
    "working_branch": "--branch",
    "root_directory": "--root",
    "continue_run": "--continue",
}

# Without it, the command of `tail_run` shows events and returns.
_WAITS: Final = "--follow"
_DOCTOR: Final = "`mogplex-mcp doctor` checks each of them."
_AGAIN: Final = "Run the same command again once."
# By the kind of its source: what puts a token in place. `login` would not help where another source comes first.
_USE_IT: Final[Mapping[str, str]] = {
    "environment": "set MOGPLEX_API_KEY to it",
    "file": "write it to the file of --api-key-file (MOGPLEX_API_KEY_FILE)",
}
_USE_IT_ELSEWHERE: Final = "run `mogplex-mcp login --token`"
# By code: what happened, and what to do; {keys} is the web page of tokens, {use_it} what puts a token in place,
# {new_token} how to get one and do that, {new_scope} one with a scope that is missing, {retry} the time to wait.
_MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    ErrorCode.NO_TOKEN: (
        "There is no Mogplex token.",
        "Run `mogplex-mcp login`, which opens your browser; or create a token at {keys} and set MOGPLEX_API_KEY.",
    ),
    ErrorCode.MALFORMED_TOKEN: (
        "The Mogplex token was not sent, because it is malformed.",
        "Copy it again from {keys} (it may be truncated) and {use_it}.",
    ),
    ErrorCode.INVALID_ARGUMENT: ("Nothing was done.", "Correct that and run the command again."),
    ErrorCode.BUDGET_EXHAUSTED: (
        "Nothing was sent, to stay within Mogplex's limit of requests.",
        "Run the same command again in {retry}.",
    ),
    ErrorCode.SHUTTING_DOWN: ("mogplex-mcp is shutting down.", "Run the same command again."),
    ErrorCode.UNREACHABLE: (
        "Mogplex could not be reached.",
        f"Check the network, the proxy and MOGPLEX_URL. {_DOCTOR}",
    ),
    ErrorCode.TLS_FAILED: (
        "The connection to Mogplex is not secure, so nothing was sent over it.",
        "Make this machine trust the certificate (on Linux: SSL_CERT_FILE), or correct MOGPLEX_URL.",
    ),
    ErrorCode.TIMED_OUT: ("Mogplex did not respond in time.", _AGAIN),
    ErrorCode.CONNECTION_LOST: ("The connection to Mogplex broke.", _AGAIN),
    ErrorCode.REDIRECTED: (
        "The response was a redirect, which was not followed with the token.",
        f"Check MOGPLEX_URL, the proxy and the token. {_DOCTOR}",
    ),
    ErrorCode.UNEXPECTED_ANSWER: (
        "The response did not come from the Mogplex API.",
        f"Try again in a minute. If it fails again, check MOGPLEX_URL and the proxy. {_DOCTOR}",
    ),
    ErrorCode.BAD_REQUEST: (
        "Mogplex refused the request.",
        "Correct the arguments that the reason names and run the command again.",
    ),
    ErrorCode.UNAUTHORIZED: (
        "Mogplex did not accept the token.",
        (
            "It may be revoked or expired: {new_token}. During an outage of "
            "Mogplex every token is refused: if it worked before, try again in a minute first."
        ),
    ),
    ErrorCode.FORBIDDEN: (
        "The token does not allow this.",
        "To get the scope, {new_scope}.",
    ),
    ErrorCode.BILLING: (
        "Mogplex refused this because of the account's billing.",
        "Add funds or choose a plan under Settings > Billing on the Mogplex web site; until then it is refused again.",
    ),
    ErrorCode.NOT_FOUND: (
        "Mogplex did not find it.",
        "Check the id: `repos list`, `runs list`, `sandboxes list` and `automations list` show the ids.",
    ),
    ErrorCode.CONFLICT: ("This isn't possible in the current state.", "Check the state first."),
    ErrorCode.IDEMPOTENCY_CONFLICT: (
        "Nothing was started: this idempotency key belongs to another request.",
        "Omit --idempotency-key, or use a new key.",
    ),
    ErrorCode.RATE_LIMITED: ("Mogplex's rate limit is reached.", "Run the same command again in {retry}."),
    ErrorCode.INTERNAL_ERROR: (
        "Mogplex failed.",
        "Run the same command again once. If it fails again, the fault is in Mogplex.",
    ),
    ErrorCode.NOT_SUPPORTED: (
        "Mogplex cannot do this here.",
        "Trying again will not help. It may be possible on the Mogplex web site.",
    ),
    ErrorCode.SERVICE_UNAVAILABLE: ("Mogplex is not available.", "Run the same command again in {retry}."),
    OperationCode.UNKNOWN_REPO_ID: (
        "Mogplex does not know the repository, or cannot start runs at the moment.",
        "`mogplex-mcp repos list` shows the ids; if yours is right, run the command again in a minute.",
    ),
    OperationCode.JOURNAL_UNUSABLE: (
        "Nothing was sent to Mogplex, because the journal of runs cannot be used.",
        (
            "Free disk space or fix the permissions of that file, set --state-file to another one, or run the command "
            "with --without-journal."
        ),
    ),
    OperationCode.UNKNOWN_GENERATION: (
        "Nothing was started: the newest of many earlier starts could not be found.",
        "Run the same command again in a minute, or with an --idempotency-key of its own.",
    ),
    OperationCode.CONFIRMATION_NEEDED: (
        "Nothing was done: this needs your confirmation.",
        "Run it in a terminal, or add --yes to confirm.",
    ),
    OperationCode.UNEXPECTED_EXCEPTION: (
        "mogplex-mcp itself failed.",
        "Run the same command again once. If it fails again, add --log-level debug.",
    ),
}
_SHOWN_CODES: Final[Mapping[str, str]] = {
    OperationCode.UNKNOWN_REPO_ID: ErrorCode.SERVICE_UNAVAILABLE,
    OperationCode.UNEXPECTED_EXCEPTION: ErrorCode.INTERNAL_ERROR,
}


class CommandError(Exception):
    """A command that failed, with the message for its user.

    Attributes:
        happened: What happened, as a sentence.
        why: The reason; may be empty.
        advice: What to do next; may be empty.
        code: The error code, from which the exit status follows.
        quoted: Untrusted text, cleaned.
    """

    def __init__(self, happened: str, why: str, advice: str, code: str, quoted: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.why = why
        self.advice = advice
        self.code = code
        self.quoted = quoted

    @classmethod
    def usage(cls, why: str, advice: str) -> Self:
        """Return a usage error."""
        return cls("Nothing was done.", why, advice, ErrorCode.INVALID_ARGUMENT)

    @property
    def text(self) -> str:
        """Return the message as it is printed."""
        parts = [self.happened]
        parts += [f"Why:  {self.why}"] if self.why else []
        parts += [f"      {line}" for line in self.quoted.splitlines()]
        parts += [f"Next: {self.advice}"] if self.advice else []
        return "\n".join(parts)


def command_error(
    error: OperationError,
    *,
    base_url: str,
    repeatable: bool = True,
    speller: Speller | None = None,
    token_from: str = "",
) -> CommandError:
    """Return the message of an operation's error for a person in a terminal.

    Args:
        error: The error.
        base_url: Where Mogplex is.
        repeatable: Whether the command is idempotent.
        speller: Spells arguments and operations; by default as commands and flags.
        token_from: The kind of the source of the token.
    """
    speller = speller or as_commands
    happened, advice = _MESSAGES[error.code]
    if not repeatable and (error.may_have_happened or error.code == ErrorCode.UNEXPECTED_ANSWER):
        advice = f"Check MOGPLEX_URL and the network. {_DOCTOR}"
    seconds = round(error.retry_after) if error.retry_after is not None else _SECONDS_WITHOUT_HEADER
    # What may have happened, and could be done twice, is not advised.
    usual = advice if repeatable or not error.may_have_happened else ""
    keys, use_it = f"{web_url(base_url)}/settings/api-keys", _USE_IT.get(token_from, _USE_IT_ELSEWHERE)
    sign_in = "" if token_from in _USE_IT else "run `mogplex-mcp login`, or "
    advice = spell(error.advice, speller) or usual.format(
        keys=keys,
        use_it=use_it,
        new_token=f"{sign_in}create a new one at {keys} and {use_it}",
        new_scope=f"{sign_in}create a token that has it at {keys} and {use_it}",
        retry=duration(max(1, seconds)),
    )
    happened = spell(error.happened, speller) or happened
    if error.may_have_happened:
        happened += " It is not known whether it took effect."
        if repeatable:
            advice = f"{advice} Running the same command again is safe: nothing is done twice.".strip()
        else:
            # What is advised for the kind of error does not know that this can't be repeated; the operation does.
            known = f"{advice} " if error.advice else ""
            advice = f"{known}Check before you run it again: it could be done twice."
    why = spell(error.reason, speller)
    if error.quoted and not why:
        # Errors of JSON-RPC come with 200.
        is_error = error.status and error.status >= _FIRST_ERROR_STATUS
        responded = f"Mogplex responded with {error.status}:" if is_error else "The response was:"
        why = responded if error.status else "The input was:"
    return CommandError(
        without_keys(happened),
        without_keys(_sentence(why)),
        without_keys(advice),
        _SHOWN_CODES.get(error.code, error.code),
        clean(error.quoted, QUOTED_CHARACTERS),
    )


def as_commands(piece: Argument | Operation) -> str:
    """Return the flag of an argument, or the command line of an operation."""
    if isinstance(piece, Operation):
        given = " ".join(
            [*piece.arguments.values(), *([_WAITS] if piece.name == "tail_run" and piece.arguments else [])]
        )
        return f"`mogplex-mcp {OPERATION_COMMANDS.get(piece.name, f'call {piece.name}')}{f' {given}' if given else ''}`"
    flag = _FLAGS.get(piece.name, f"--{piece.name.replace('_', '-')}")
    if piece.value == "false":
        return flag.replace("--", "--no-", 1)
    return f"{flag} {piece.value}" if piece.value not in ("", "true") else flag


def as_tool_arguments(piece: Argument | Operation) -> str:
    """Return an argument as `key=value`, or an operation as a `mogplex-mcp call` command line."""
    if isinstance(piece, Operation):
        given = [f"{key}={value}" for key, value in piece.arguments.items()]
        return f"`mogplex-mcp call {' '.join([piece.name, *given])}`"
    return f"{piece.name}={piece.value}" if piece.value else piece.name


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".?!…:" else f"{text}."
