"""Keeping secrets out of what is written: the shapes of known keys, and the one filter before stderr.

A text is cleaned of what merely begins like a key: what it loses in vain is little. A call is refused only for a whole
key: what merely looks like one is work that somebody wants done.
"""

import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final

MARK: Final = "[secret removed]"

_BEGINNINGS: Final = re.compile(
    r"(?:mog_[0-9A-Za-z]{8}|gh[pousr]_[0-9A-Za-z]{16}|github_pat_\w{8}|glpat-[\w-]{8}|xox[abeoprs]-[\w-]{8}"
    r"|(?<![A-Za-z0-9])(?:sk-[\w-]{8}|[rs]k_(?:live|test)_\w{8}|npm_[0-9A-Za-z]{16}|AIza[\w-]{16}|AKIA[0-9A-Z]{8}"
    r"|eyJ[\w-]{8,2000}\.eyJ[\w-]{8,2000}\.))[\w-]*"  # begin like parts of words: "task-force"
    r"|(?i:\bbearer\s+)[\w.~+/=-]{12,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\w\s+/=\\]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
# With what is said of them. A digit is asked for where plain words could have the same shape: "sk-learn-estimators".
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
# In each of those there is one of these: most texts are told to hold no key by one look instead of ten.
_HINT: Final = re.compile(r"mog_|gh[pousr]_|github_pat_|glpat-|xox|sk-|k_live_|npm_|AIza|AKIA|PRIVATE KEY")
# What pydantic says of a value that does not fit: the value itself, which can be anybody's.
_INPUT: Final = re.compile(r"input_value=.{0,500}?(?=, input_type=)", re.DOTALL)
# They write messages whole, values of variables included, when they are asked to tell everything.
_TALKATIVE: Final = ("httpcore2", "mcp", "sse_starlette")
_SHORTEST_SECRET: Final = 4


def without_keys(text: str) -> str:
    """The text with a mark in place of what looks like a key."""
    return _BEGINNINGS.sub(MARK, text)


def find_key(value: Any, own: str = "") -> str:
    """What kind of key a value holds anywhere inside, such as "a GitHub token"; "" for none.

    Args:
        value: Text, or JSON with texts in it.
        own: The token of whoever asks.
    """
    for text in (value,) if isinstance(value, str) else _texts(value):
        if own and own in text:
            return "this server's own Mogplex token"
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
        secrets: Values that are never written, whatever their shape.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")
        known = sorted({one.strip() for one in secrets if len(one.strip()) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known)) or r"(?!)")

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, traceback included."""
        return self.redact(super().format(record))

    def redact(self, text: str) -> str:
        """The text without known secrets, what looks like a key, and values that somebody sent."""
        return _INPUT.sub("input_value=(hidden)", without_keys(self._known.sub(MARK, text)))


def install(level: str, redactor: Redactor) -> None:
    """Let everything that this process says of itself on stderr go through one filter: logs, warnings, crashes.

    Args:
        level: How much to say: debug, info, warning or error.
        redactor: The filter.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(redactor)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.raiseExceptions = False  # a record that cannot be formatted would be printed as it is
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_crash
    sys.unraisablehook = lambda what: _log_crash(what.exc_type, what.exc_value, what.exc_traceback)
    threading.excepthook = lambda what: _log_crash(what.exc_type, what.exc_value, what.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    logging.getLogger(__package__).critical("Crashed", exc_info=(kind, error or kind(), traceback))
