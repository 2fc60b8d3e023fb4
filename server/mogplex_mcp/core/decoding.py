"""Decoding of text that people make with an editor or a shell."""

import codecs
from typing import Final

# UTF-32 first: its mark in little-endian order begins with that of UTF-16.
_ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(content: bytes | bytearray, errors: str = "strict") -> str:
    r"""Return the text of bytes without their byte order mark and with \n as line ends. Without a mark they are UTF-8.

    Windows PowerShell 5.1 writes UTF-16 with a mark (`>`), and UTF-8 with a mark (`Set-Content -Encoding UTF8`).

    Args:
        content: The bytes.
        errors: What to do about undecodable bytes, as for `bytes.decode`.

    Raises:
        UnicodeDecodeError: Some bytes cannot be decoded.
    """
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    return content.decode(encoding, errors).replace("\r\n", "\n")
