"""The user's token, of either kind: checked once, masked wherever it could be seen."""

import re
from dataclasses import dataclass, field
from typing import Self

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.redaction import find_key

_PERSONAL = re.compile(r"mog_[0-9A-Za-z]{32}")
# The characters of a bearer token (RFC 6750, section 2.1); Mogplex's own are 32 letters and digits.
_OAUTH = re.compile(r"(?!mog_)(?=.{16,4096}$)[A-Za-z0-9._~+/-]+=*")
_BEARER = re.compile(r"bearer[ \t]+", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class Token:
    """A token that Mogplex takes (mogplex-api.md, section 1, "Auth").

    Attributes:
        value: A personal access token, `mog_` and 32 base62 characters, or an OAuth access token, which is opaque. For
            the Authorization header only.
    """

    value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token as people paste it: with white space, quotes or both around it, or "Bearer" in front.

        Raises:
            MogplexError: `MALFORMED_TOKEN`; the message never holds what was given.
        """
        value = _BEARER.sub("", text.strip().strip("\"'`").strip(), count=1)
        if _PERSONAL.fullmatch(value):
            return cls(value)
        if _OAUTH.fullmatch(value):
            if kind := find_key(value):
                raise MogplexError(ErrorCode.MALFORMED_TOKEN, f"This looks like {kind}, not like a token of Mogplex.")
            return cls(value)
        raise MogplexError(
            ErrorCode.MALFORMED_TOKEN,
            "A Mogplex token is mog_ followed by 32 letters and digits, or an OAuth access token of at least 16 "
            f"characters without blanks; {len(value)} characters were given.",
        )

    @property
    def is_oauth(self) -> bool:
        """Whether it is the access token of a sign-in, which expires, and not a personal access token."""
        return not self.value.startswith("mog_")

    def __repr__(self) -> str:
        return "Token(…)" if self.is_oauth else "Token(mog_…)"

    __str__ = __repr__
