"""Sanitizing of untrusted text for one line of an error: no control characters, no tokens, limited length."""

import re
import unicodedata

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")
_TOKEN = re.compile(r"mog_[0-9A-Za-z]{4,}")


def one_line(text: str, limit: int = 300) -> str:
    """Return the text on one line of at most `limit` characters, without control characters and with tokens masked."""
    # Only the start of a huge text is processed, with some spare for the characters that are removed.
    text = _ANSI.sub("", text[: limit * 8])
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    text = " ".join("".join(kept).split())
    text = _TOKEN.sub("mog_…", text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
