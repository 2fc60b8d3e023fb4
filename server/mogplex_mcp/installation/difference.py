"""The unified diff of a configuration for display: short, and without secrets."""

import difflib
import re
from typing import Final

from mogplex_mcp.core.redaction import MARK, without_keys

_AROUND: Final = 3
_WIDEST: Final = 160
# A value whose name suggests a secret; secrets of other programs have no known format.
_SECRET: Final = re.compile(
    r"""(["']?[\w.-]*(?:key|token|secret|passw|auth|cookie|credential)[\w.-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*')""",
    re.IGNORECASE,
)

# Control characters, which a terminal would execute.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def difference(before: str, after: str) -> list[str]:
    """Return lines with the prefix `+`, `-` or a space, and `@@ line N @@` between hunks."""
    old, new = _lines(before), _lines(after)
    # Remove the common prefix and suffix first: comparing is slow, and a client's file can be huge.
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    start, end = max(0, first - _AROUND), max(0, last - _AROUND)
    lines = difflib.unified_diff(old[start : len(old) - end], new[start : len(new) - end], lineterm="", n=_AROUND)
    return [_shown(line, start) for line in list(lines)[2:]]


def printable(text: str) -> str:
    """Replace control characters by a visible mark."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _shown(line: str, start: int) -> str:
    if line.startswith("@@"):
        within = re.search(r"\+(\d+)", line)
        return f"@@ line {start + int(within.group(1) if within else 0)} @@"
    line = printable(_SECRET.sub(rf'\1"{MARK}"', without_keys(line)))
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
