"""Short ids of runs: shown in lists at a terminal, and accepted where one run of the journal begins with them."""

import re
from collections.abc import Iterable
from typing import Final

from mogplex_mcp.api.identifiers import canonical_uuid, without_quotes
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.ledger import Ledger

_SHOWN: Final = 8
_BEGINNING: Final = re.compile(r"[0-9a-f][0-9a-f-]{3,34}")
_MOST_NAMED: Final = 5


def short_length(ids: Iterable[str]) -> int:
    """Return how many characters tell all ids apart, 8 at least."""
    whole = set(ids)
    longest = max(map(len, whole), default=_SHOWN)
    return next(
        (length for length in range(_SHOWN, longest) if len({one[:length] for one in whole}) == len(whole)), longest
    )


async def whole_run_id(ledger: Ledger, text: str) -> str:
    """Return the id of the one run of the journal that begins with a text; any text that is no beginning unchanged.

    Raises:
        CommandError: No run, or more than one, begins with it.
    """
    beginning = without_quotes(text).lower()
    if canonical_uuid(text, "run") or not _BEGINNING.fullmatch(beginning):
        return text
    try:
        known = [entry.run_id for entry in await ledger.runs() if entry.run_id.startswith(beginning)]
    except StateError:
        return text
    found = list(dict.fromkeys(known))
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError.usage(
            f"{len(found)} runs of the journal begin with {beginning}: {', '.join(found[:_MOST_NAMED])}.",
            "Give more of the id.",
        )
    raise CommandError.usage(
        f"No run of the journal on this machine begins with {beginning}.",
        "`mogplex-mcp runs list` shows those that it has; for any other give the whole id.",
    )
