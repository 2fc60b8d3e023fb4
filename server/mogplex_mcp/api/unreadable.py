"""Count the rows of lists that could not be read, for a note in the answer of the call that asked for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_counts: ContextVar[dict[str, int] | None] = ContextVar("unreadable_rows", default=None)


@contextmanager
def collect_unreadable() -> Iterator[Mapping[str, int]]:
    """Yield the numbers of unreadable rows by the name of their list, which fill up during the block."""
    counts: dict[str, int] = {}
    token = _counts.set(counts)
    try:
        yield counts
    finally:
        _counts.reset(token)


def note_unreadable(rows: Mapping[str, int]) -> None:
    """Add numbers of unreadable rows by the name of their list; a list that is read twice counts once."""
    counts = _counts.get()
    if counts is not None:
        counts.update({name: max(number, counts.get(name, 0)) for name, number in rows.items()})


def unreadable_notes(rows: Mapping[str, int]) -> Sequence[str]:
    """Return one sentence for each list with unreadable rows."""
    return [_note(number, name) for name, number in rows.items() if number]


def _note(number: int, name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower()
    start = "1 row could not be read and is" if number == 1 else f"{number} rows could not be read and are"
    return f"{start} left out of the {words}: Mogplex sent no usable id, or no object."
