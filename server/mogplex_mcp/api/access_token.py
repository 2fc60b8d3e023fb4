"""Access tokens of Mogplex: checked once, masked wherever they could be seen."""

import re
from dataclasses import dataclass, field
from typing import Final, Self

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.redaction import kind_of_key

_PERSONAL: Final = re.compile(r"mog_[0-9A-Za-z]{32}")
# RFC 6750, section 2.1. Mogplex issues 32 letters; a shorter text is a word or a password, and must not be sent.
_OAUTH: Final = re.compile(r"(?!mog_)(?=.{16,4096}$)[A-Za-z0-9._~+/-]+=*")
_SCHEME: Final = re.compile(r"bearer[ \t]+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, repr=False)
class Token:
    """An access token of Mogplex: a personal access token (PAT), or an OAuth access token.

    Mogplex takes every bearer that does not begin with `mog_` for the second kind (mogplex-api.md, section 4).

    Attributes:
        value: `mog_` and 32 base62 characters, or an opaque text. For the Authorization header only.
    """

    value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token as people paste it: with white space, quotes, `Bearer` or all of them around it.

        Raises:
            MogplexError: `MALFORMED_TOKEN`; the message never holds what was given.
        """
        value = text.strip().strip("\"'`").strip()
        value = _SCHEME.sub("", value, count=1) if _SCHEME.match(value) else value
        if _PERSONAL.fullmatch(value):
            return cls(value)
        if _OAUTH.fullmatch(value):
            if kind := kind_of_key(value):
                raise MogplexError(ErrorCode.MALFORMED_TOKEN, f"This looks like {kind}, not like a token of Mogplex.")
            return cls(value)
        raise MogplexError(
            ErrorCode.MALFORMED_TOKEN,
            "A Mogplex token is mog_ followed by 32 letters and digits, or an OAuth access token of at least 16 "
            f"characters without blanks; {len(value)} characters were given.",
        )

    @property
    def is_oauth(self) -> bool:
        """Whether it is an OAuth access token, which expires, and not a personal access token."""
        return not self.value.startswith("mog_")

    def __repr__(self) -> str:
        return "Token(OAuth)" if self.is_oauth else "Token(mog_…)"

    __str__ = __repr__
