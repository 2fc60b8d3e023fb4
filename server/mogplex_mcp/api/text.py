"""Text of others made fit for one line of an error: no control characters, no tokens, not too long."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from mogplex_mcp.core.redaction import find_key

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")
_LONGEST_NAME: Final = 200
_PLAIN = re.compile(r"[A-Za-z0-9_.@+#/-]+")
_TOKEN = re.compile(r"mog_[0-9A-Za-z]{4,}")


def is_plain(text: str) -> bool:
    """Whether the text is one name without blanks, as repositories, branches and folders have, and nothing more."""
    return len(text) <= _LONGEST_NAME and _is_plain(text)


# A list of repositories asks this hundreds of times, and the next one asks the same again.
@lru_cache(maxsize=4_096)
def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and not find_key(text)


def one_line(text: str, limit: int = 300) -> str:
    """`text` on one line of at most `limit` characters, without control characters and with tokens masked."""
    # Of a huge text only the start can matter; the spare room is for what is taken out.
    text = _ANSI.sub("", text[: limit * 8])
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    text = " ".join("".join(kept).split())
    text = _TOKEN.sub("mog_…", text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
