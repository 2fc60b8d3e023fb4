"""Redaction: `Secret` values, the patterns of known keys, and the filter of everything that is written to stderr.

OAuth tokens have no pattern: those of this process are known by `remember_secrets`, that of a caller by `redacting`.

Text is redacted where it merely begins like a key: a false positive costs little. A call is refused only for a complete
key: a false positive would refuse work.
"""

import contextlib
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

MARK: Final = "[secret removed]"

_BEGINNINGS: Final = re.compile(
    r"(?:mog_[0-9A-Za-z]{8}|gh[pousr]_[0-9A-Za-z]{16}|github_pat_\w{8}|glpat-[\w-]{8}|xox[abeoprs]-[\w-]{8}"
    r"|(?<![A-Za-z0-9])(?:sk-[\w-]{8}|[rs]k_(?:live|test)_\w{8}|npm_[0-9A-Za-z]{16}|AIza[\w-]{16}|AKIA[0-9A-Z]{8}"
    r"|eyJ[\w-]{8,2000}\.eyJ[\w-]{8,2000}\.))[\w-]*"  # begin like parts of words: "task-force"
    r"|(?<=://)[^\s/:@\"'<>]{0,100}:(?!\d{1,5}(?:[/?#\s]|$))[^\s\"'<>]{1,200}@"  # a password in a URL, and not a port
    r"|(?i:\bbearer\s+)[\w.~+/=-]{12,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\w\s+/=\\]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
# Each with its name. A digit is required where words could have the same form: "sk-learn-estimators".
_WHOLE: Final = (
    (re.compile(r"mog_[0-9A-Za-z]{32}"), "a Mogplex token"),
    (re.compile(r"gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z]{22}_\w{30}"), "a GitHub token"),
    (re.compile(r"glpat-(?=[\w-]{0,19}\d)[\w-]{20}"), "a GitLab token"),
    (re.compile(r"xox[abeoprs]-(?=[\w-]{0,19}\d)[\w-]{20}"), "a Slack token"),
    (re.compile(r"(?<![A-Za-z0-9])sk-(?=[\w-]{0,31}\d)(?=[\w-]{0,31}[A-Z])[\w-]{32}"), "a key of an AI service"),
    (re.compile(r"(?<![A-Za-z0-9])[rs]k_live_[0-9A-Za-z]{24}"), "a Stripe key"),
    (re.compile(r"(?<![A-Za-z0-9])npm_[0-9A-Za-z]{36}"), "an npm token"),
    (re.compile(r"(?<![A-Za-z0-9])AIza[\w-]{35}"), "a Google key"),
    (re.compile(r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![0-9A-Z])"), "an AWS key"),
    (re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----\s+[\w+/=]{16}"), "a private key"),
)
# Every key contains one of these: one search instead of ten rules out most texts.
_HINT: Final = re.compile(r"mog_|gh[pousr]_|github_pat_|glpat-|xox|sk-|k_live_|npm_|AIza|AKIA|PRIVATE KEY")
# pydantic's errors quote the invalid value, which can be a secret.
_INPUT: Final = re.compile(r"input_value=.{0,500}?(?=, input_type=)", re.DOTALL)
# At level DEBUG they log whole messages, with the values of variables.
_VERBOSE: Final = ("httpcore2", "mcp", "sse_starlette")
# It logs errors that it raises as well, with tracebacks, states and what the authorization server sent.
_SILENT: Final = "mcp.client.auth"
_SHORTEST_SECRET: Final = 4
# Access tokens are replaced every hour; what was current a day ago has expired.
_MOST_REMEMBERED: Final = 64
# A shorter text is a word, from a file edited by hand or an odd server: without it no text could be read.
_SHORTEST_REMEMBERED: Final = 16

_of_caller: ContextVar[str] = ContextVar("_of_caller", default="")


@dataclass(frozen=True)
class Secret:
    """A value that no `repr`, log or error shows."""

    value: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return "(hidden)" if self.value else "(not set)"


NO_SECRET: Final = Secret()


class _Remembered:
    """The secrets of this process, the newest last. Threads read them while others add one."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        if secret not in self.secrets:
            self.secrets = (*self.secrets, secret)[-_MOST_REMEMBERED:]


_remembered: Final = _Remembered()


def remember_secrets(*secrets: str) -> None:
    """Redact these values everywhere from now on: tokens of this process that have no pattern. Short ones are not."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_REMEMBERED:
            _remembered.add(secret)


@contextlib.contextmanager
def redacting(secret: str) -> Iterator[None]:
    """Redact a value as long as the block runs: the token of a caller, which must hide nothing from others."""
    before = _of_caller.set(secret)
    try:
        yield
    finally:
        _of_caller.reset(before)


def without_keys(text: str) -> str:
    """Return the text with a mark in place of each key."""
    return _BEGINNINGS.sub(MARK, _without_known(text))


def _without_known(text: str) -> str:
    for secret in _known_secrets():
        text = text.replace(secret, MARK)
    return text


def _known_secrets() -> tuple[str, ...]:
    caller = _of_caller.get()
    return (*_remembered.secrets, caller) if caller else _remembered.secrets


def without_whole_keys(text: str) -> str:
    """Return the text with a mark in place of each complete key; what merely begins like one stays."""
    text = _without_known(text)
    if _HINT.search(text):
        for shape, _ in _WHOLE:
            text = shape.sub(MARK, text)
    return text


def find_key(value: Any, own: str = "") -> str:
    """Return the kind of key that a value contains, such as "a GitHub token"; "" for none.

    Args:
        value: Text, or JSON with texts in it.
        own: The caller's own token.
    """
    for text in (value,) if isinstance(value, str) else _texts(value):
        if (own and own in text) or any(secret in text for secret in _known_secrets()):
            return "this server's own Mogplex token"
        if kind := kind_of_key(text):
            return kind
    return ""


def kind_of_key(text: str) -> str:
    """Return the kind of key that a text contains, by the patterns of kinds alone; "" for none."""
    if _HINT.search(text):
        for shape, kind in _WHOLE:
            if shape.search(text):
                return kind
    return ""


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one


class Redactor(logging.Formatter):
    """Formats log records, tracebacks included, without secrets.

    Args:
        secrets: Values that are redacted in addition to known keys.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")
        known = sorted({one.strip() for one in secrets if len(one.strip()) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known)) or r"(?!)")

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted text of a record, traceback included."""
        return self.redact(super().format(record))

    def redact(self, text: str) -> str:
        """Return the text without known secrets, keys, and invalid values in pydantic's errors."""
        return _INPUT.sub("input_value=(hidden)", without_keys(self._known.sub(MARK, text)))


def install(level: str, redactor: Redactor) -> None:
    """Redact everything that this process writes to stderr: logs, warnings, tracebacks of crashes.

    Args:
        level: The log level: debug, info, warning or error.
        redactor: The formatter.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(redactor)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False  # a record that can't be formatted would be printed unredacted
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.getLogger(_SILENT).setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    sys.unraisablehook = lambda what: _log_crash(what.exc_type, what.exc_value, what.exc_traceback)
    threading.excepthook = lambda what: _log_crash(what.exc_type, what.exc_value, what.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    logging.getLogger(__package__).critical("Crashed", exc_info=(kind, error or kind(), traceback))
