"""What MCP clients do with results, by the name in `clientInfo`. The figures change monthly."""

from fnmatch import fnmatchcase
from typing import Final

# Their models never see the server's instructions.
_WITHOUT_INSTRUCTIONS: Final = ("*copilot*", "*continue*", "*cline*")
# They cut the middle out of text and structured content together, at 8,000 characters.
_TOGETHER: Final = {"*cline*": 7_500}


def passes_instructions(client: str) -> bool:
    """Return whether the client of this name shows the server's instructions to its model."""
    return not any(fnmatchcase(client.lower(), pattern) for pattern in _WITHOUT_INSTRUCTIONS)


def most_together(client: str) -> int | None:
    """Return how many characters of text and structured content together the client of this name shows; None: all."""
    return next((most for pattern, most in _TOGETHER.items() if fnmatchcase(client.lower(), pattern)), None)
