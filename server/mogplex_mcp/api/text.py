"""Sanitizing of untrusted text for one line of an error: no control characters, no tokens, limited length."""

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
    """Return whether the text is a plain name, as of a repository, branch or directory, without spaces or tokens."""
    return len(text) <= _LONGEST_NAME and _is_plain(text)


# Called for each of hundreds of repositories, and with the same names for the next list.
@lru_cache(maxsize=4_096)
def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and not find_key(text)


def one_line(text: str, limit: int = 300) -> str:
    """Return the text on one line of at most `limit` characters, without control characters and with tokens masked."""
    # Only the start of a huge text is processed, with some spare for the characters that are removed.
    text = _ANSI.sub("", text[: limit * 8])
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    text = " ".join("".join(kept).split())
    text = _TOKEN.sub("mog_…", text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
