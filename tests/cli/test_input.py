import codecs
import os
from pathlib import Path

import pytest

from mogplex_mcp.cli.terminal import input as terminal_input
from mogplex_mcp.cli.terminal.messages import CommandError
from mogplex_mcp.core import standard_streams
from mogplex_mcp.core.shutdown import Shutdown

pytestmark = pytest.mark.anyio

TEXT = '{"repo": "acme/größe"}'
FORMS = {
    "utf-8": TEXT.encode(),
    "utf-8 with a mark": TEXT.encode("utf-8-sig"),
    "utf-16 of PowerShell": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
}


class Console:
    """A Windows console: `os.read` would give its code page, the raw stream gives UTF-8."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)
        self.buffer = self.raw = self

    def isatty(self) -> bool:
        return True

    def read(self, size: int) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
async def test_read_value_decodes_a_file_by_its_byte_order_mark(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "arguments.json"
    path.write_bytes(content)
    assert await terminal_input.read_value(f"@{path}", Shutdown()) == TEXT


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
async def test_read_stdin_decodes_by_the_byte_order_mark(content: bytes) -> None:
    reading, writing = os.pipe()
    saved = os.dup(0)
    os.dup2(reading, 0)
    try:
        os.write(writing, content)
        os.close(writing)
        assert await terminal_input.read_stdin(Shutdown()) == TEXT
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reading)


async def test_read_value_of_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00\xff")
    with pytest.raises(CommandError) as refused:
        await terminal_input.read_value(f"@{tmp_path / 'binary'}", Shutdown())
    assert "isn't UTF-8 text" in refused.value.text


@pytest.mark.parametrize(("system", "key"), [("win32", "Ctrl-Z and Enter"), ("linux", "Ctrl-D"), ("darwin", "Ctrl-D")])
async def test_read_stdin_names_the_key_that_ends_it(
    system: str, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Console("größe\n".encode()))
    monkeypatch.setattr("sys.platform", system)

    async def at_once(*_: object) -> None:
        return

    monkeypatch.setattr("anyio.wait_readable", at_once)
    assert await terminal_input.read_stdin(Shutdown()) == "größe\n"
    assert f"; {key} on an empty line ends." in capsys.readouterr().err


def test_read_available_reads_a_console_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Console("ü\n".encode()))
    assert standard_streams.read_available(100).decode() == "ü\n"
    assert standard_streams.read_available(100) == b""
