"""The user's token, of either kind: checked once, masked wherever it could be seen."""

import re
from dataclasses import dataclass, field
from typing import Self

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.redaction import find_key

_PERSONAL = re.compile(r"mog_[0-9A-Za-z]{32}")
# The characters of a bearer token (RFC 6750, section 2.1); Mogplex's own are 32 letters and digits.
_OAUTH = re.compile(r"[A-Za-z0-9._~+/-]{16,4096}={0,2}")
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
        if value.startswith("mog_"):
            problem = f"a personal access token is mog_ followed by 32 letters and digits; {len(value)} characters"
        elif not _OAUTH.fullmatch(value):
            problem = (
                "it is mog_ followed by 32 letters and digits, or the access token of a sign-in, which has at least 16 "
                f"characters and no blanks; {len(value)} characters"
            )
        elif kind := find_key(value):
            # Mogplex takes everything else for an access token, and must not get another service's.
            raise MogplexError(ErrorCode.MALFORMED_TOKEN, f"Not a token of Mogplex: what was given contains {kind}.")
        else:
            return cls(value)
        raise MogplexError(ErrorCode.MALFORMED_TOKEN, f"Not a Mogplex token: {problem} were given.")

    @property
    def is_oauth(self) -> bool:
        """Whether it is the access token of a sign-in, which expires, and not a personal access token."""
        return not self.value.startswith("mog_")

    def __repr__(self) -> str:
        return "Token(…)" if self.is_oauth else "Token(mog_…)"

    __str__ = __repr__
