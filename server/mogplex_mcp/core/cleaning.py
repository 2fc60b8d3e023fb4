"""Make text of others safe to show: without escape sequences, invisible characters and keys, and not too long."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from mogplex_mcp.core.redaction import find_key, without_keys

_ESCAPES: Final = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # operating system commands: titles, links
    r"|[\x1b\x9b]\[?[0-?]{0,64}[ -/]{0,16}[@-~]"  # control sequences: colours, cursor
    r"|\x1b."
)
# Tag characters and variation selectors can encode hidden text; other invisible characters go by category.
_HIDDEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_LONGEST_WORD: Final = 64
_NAME: Final = re.compile(r"[A-Za-z0-9_.@+#/-]+")
_LONGEST_NAME: Final = 200
_LAST_OF_FOUR_DIGITS: Final = 0xFFFF
_CUT: Final = "… [cut]"


def clean(text: str, limit: int) -> str:
    """Return the text without escape sequences, invisible characters and keys, cut to `limit` characters."""
    # Clean only the start of a message of megabytes, since the rest is truncated.
    head = text[: 4 * limit + 1_000]
    head = _HIDDEN.sub("", _ESCAPES.sub("", head)).replace("\r\n", "\n")
    head = "".join(map(_visible, head))
    head = without_keys(head).strip()
    if len(head) <= limit and len(text) <= 4 * limit + 1_000:
        return head
    return (head[: max(0, limit - len(_CUT))] + _CUT)[:limit]


def clean_line(text: str, limit: int) -> str:
    """Return the text cleaned, on one line."""
    return " ".join(clean(text, limit).split())


def escape_invisible(text: str) -> str:
    """Return the text with every invisible or misleading character but line feed and blank as an escape of its number.

    Nothing is lost, and nothing can hide text, reorder it or begin a line that its author did not write.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character in " \n" or (character.isprintable() and not _HIDDEN.match(character)):
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= _LAST_OF_FOUR_DIGITS else f"\\U{number:08x}"


def sanitize_word(text: str, otherwise: str = "other") -> str:
    """Return the text if it is one harmless word, such as a status or a code, and `otherwise` if it is not."""
    return text if len(text) <= _LONGEST_WORD and _is_word(text) else otherwise


def is_plain(text: str) -> bool:
    """Return whether the text is a plain name, as of a repository, branch or directory, without spaces or tokens."""
    return len(text) <= _LONGEST_NAME and _is_plain(text)


def sanitize_name(text: str, otherwise: str = "") -> str:
    """Return the text if it is a plain name; else `otherwise`."""
    return text if text and is_plain(text) else otherwise


# Called for each of hundreds of repositories, and with the same names for the next list.
@lru_cache(maxsize=4_096)
def _is_plain(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not find_key(text)


# Ids and statuses repeat.
@lru_cache(maxsize=4_096)
def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and not find_key(text)


def _visible(character: str) -> str:
    if character in "\n\t" or (character.isascii() and character.isprintable()):
        return character
    if character in "\r\x0b\x0c\x85\u2028\u2029":
        return "\n"
    return "" if unicodedata.category(character) in _INVISIBLE_CATEGORIES else character
