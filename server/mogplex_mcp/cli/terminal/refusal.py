"""What a person is told when a command did not work: the tools' errors, with what a person can do next."""

import re
from collections.abc import Mapping
from typing import Final, Self

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.cli.terminal.wording import for_people
from mogplex_mcp.config.settings import Settings

_ERROR: Final = re.compile(
    r"(?P<happened>.*?)\nWhy: (?P<why>.*?)\nNext: (?P<following>.*?)"
    r"\n\(code: (?P<code>\w+)(?:, retry_after_seconds: \d+)?\)(?:\n(?P<quoted>.*))?",
    re.DOTALL,
)
# What an error says at its end when it is not known what became of the call.
_TWICE: Final = re.compile(r"(?:Calling \w+ again with the same arguments is safe|Look before doing it again).*")
_QUOTED: Final = ("What was answered is quoted below", "This was answered")
_SETUP: Final = "`mogplex-mcp doctor` looks at each of them."
_ADVICE: Final[Mapping[str, str]] = {
    "no_token": "Create one at {keys} and run `mogplex-mcp login`, or set MOGPLEX_API_KEY.",
    "malformed_token": "Copy it again from {keys}, it may be cut, and run `mogplex-mcp login`.",
    "unauthorized": "It may be revoked or expired: create a new one at {keys} and run `mogplex-mcp login`. During an "
    "outage of Mogplex every token is refused: if it worked before, try again in a minute first.",
    "forbidden": "Create a token that has the scope at {keys} and run `mogplex-mcp login`.",
    "unreachable": f"Check the network, the proxy and MOGPLEX_URL. {_SETUP}",
    "redirected": f"Check MOGPLEX_URL, the proxy and the token. {_SETUP}",
    "unexpected_answer": f"Try again in a minute; if it stays so, check MOGPLEX_URL and the proxy. {_SETUP}",
    "tls_failed": "Make this machine trust the certificate (on Linux: SSL_CERT_FILE), or correct MOGPLEX_URL.",
    "timed_out": "Run the same command again once.",
    "connection_lost": "Run the same command again once.",
    "ending": "Run the same command again.",
    "internal_error": "Run the same command again once; if it stays so, Mogplex has a fault.",
    "not_found": "Check the id: `repos list`, `runs list`, `sandboxes list` and `automations list` show what is there.",
    "not_supported": "Trying again will not help; Mogplex's web page may do it.",
    "idempotency_conflict": "Leave the idempotency key out, or use a new one.",
    "unknown_tool": "`mogplex-mcp call` lists the tools.",
    "journal_unusable": "Make room for that file or fix its permissions, or set MOGPLEX_MCP_STATE_FILE to another one; "
    "--without-journal goes without.",
    "bridge_fault": "Run the same command again once, with --log-level debug if it stays so.",
}


class Refusal(Exception):  # noqa: N818 - what a person is told, not always an error
    """A command that did not do what it should.

    Attributes:
        happened: What happened, as a sentence.
        why: The reason, as a sentence.
        following: What to do next, as a sentence.
        code: A word for programs, as tool errors have it.
        quoted: What others said of it, cleaned.
    """

    def __init__(self, happened: str, why: str, following: str, code: str, quoted: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.why = why
        self.following = following
        self.code = code
        self.quoted = quoted

    @classmethod
    def of(cls, text: str, settings: Settings) -> Self:
        """The error of a tool, told to a person instead of a model.

        Args:
            text: What a model would have read.
            settings: Where Mogplex is.
        """
        said = _ERROR.fullmatch(text)
        if said is None:
            return cls(text, "", "", "")
        # The first lines are the warning and the mark for models, the last one is the mark again.
        quoted = "\n".join((said["quoted"] or "").splitlines()[2:-1])
        following = _advice(said["code"], said["following"], f"{web_url(settings.base_url)}/settings/api-keys")
        return cls(said["happened"], said["why"].replace(*_QUOTED), following, said["code"], quoted)

    @classmethod
    def usage(cls, why: str, following: str) -> Self:
        """A command line that cannot be meant."""
        return cls("Nothing was done.", why, following, "invalid_argument")

    @property
    def text(self) -> str:
        """What a person reads, line by line."""
        parts = [self.happened]
        parts += [f"Why:  {self.why}"] if self.why else []
        parts += [f"      {line}" for line in self.quoted.splitlines()]
        parts += [f"Next: {self.following}"] if self.following else []
        return "\n".join(parts)


def _advice(code: str, following: str, keys: str) -> str:
    twice = _TWICE.search(following)
    if code in _ADVICE:
        following = " ".join([_ADVICE[code].format(keys=keys), *([twice.group()] if twice else [])])
    return for_people(following)
