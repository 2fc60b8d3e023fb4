"""The personal access token: checked once, masked wherever it could be seen."""

import re
from dataclasses import dataclass, field
from typing import Self

from mogplex_mcp.api.errors import ErrorCode, MogplexError

_TOKEN = re.compile(r"mog_[0-9A-Za-z]{32}")


@dataclass(frozen=True, repr=False)
class Token:
    """A Mogplex personal access token (mogplex-api.md, section 1, "Auth").

    Attributes:
        value: `mog_` and 32 base62 characters. For the Authorization header only.
    """

    value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token as people paste it: with white space, quotes or both around it.

        Raises:
            MogplexError: `MALFORMED_TOKEN`; the message never holds what was given.
        """
        value = text.strip().strip("\"'`").strip()
        if _TOKEN.fullmatch(value):
            return cls(value)
        raise MogplexError(
            ErrorCode.MALFORMED_TOKEN,
            f"A Mogplex token is mog_ followed by 32 letters and digits; {len(value)} characters were given.",
        )

    def __repr__(self) -> str:
        return "Token(mog_…)"

    __str__ = __repr__
