"""Cut long texts into pages: what is too long for one answer is read piece by piece, without loss."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.toolkit.arguments import LARGEST_NUMBER

PAGE_CHARACTERS: Final = 5_500
"""Small enough that an answer with a page and its facts is never cut."""

PageNumber = Annotated[
    int,
    Field(
        description="Which page, from 1, of a text that is too long for one answer. Default: 1.",
        ge=1,
        le=LARGEST_NUMBER,
    ),
]

_ESCAPED_IN_JSON: Final = frozenset('"\\\n\t')


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        text: What is on it; all pages, joined without anything between, are the whole text.
        number: From 1.
        count: How many there are.
    """

    text: str
    number: int
    count: int


def page_of(text: str, number: int) -> Page:
    """Return a page of a text.

    Raises:
        InvalidArgumentError: There is no page of this number.
    """
    pieces = _pieces(text)
    if number > len(pieces):
        raise InvalidArgumentError(f"there is no page {number}: the last one is {len(pieces)}")
    return Page(pieces[number - 1], number, len(pieces))


def _pieces(text: str) -> list[str]:
    pieces = []
    while text:
        end = _fitting(text)
        after_line = text.rfind("\n", 0, end) + 1
        # A page ends where a line ends, unless that would leave most of it empty.
        cut = after_line if end < len(text) and after_line > end // 2 else end
        pieces.append(text[:cut])
        text = text[cut:]
    return pieces or [""]


def _fitting(text: str) -> int:
    """Return how many characters fit into a page as they are written in JSON."""
    room = PAGE_CHARACTERS
    for position, character in enumerate(text):
        room -= 2 if character in _ESCAPED_IN_JSON else 1
        if room < 0:
            return position
    return len(text)
