import codecs
from pathlib import Path

import pytest

from mogplex_mcp.core.decoding import decode_text
from mogplex_mcp.core.private_file import read_private

TEXT = "Fix the bug in „Größe“ 🛠\nSoon."


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
        codecs.BOM_UTF16_LE + TEXT.replace("\n", "\r\n").encode("utf-16-le"),
    ],
)
def test_decode_text_follows_the_byte_order_mark(content: bytes) -> None:
    assert decode_text(content) == TEXT


@pytest.mark.parametrize("content", [b"\xff", codecs.BOM_UTF16_LE + b"x", codecs.BOM_UTF8 + b"\xff"])
def test_decode_text_refuses_what_is_no_text(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_read_private_reads_what_windows_powershell_writes(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes("mog_x\r\n".encode(encoding))
    assert read_private(path) == "mog_x\n"
