from pathlib import Path

import pytest

from mogplex_mcp.core.private_file import replace, write_private


class SharingError(PermissionError):
    """What Windows raises while another process has the file open."""

    def __init__(self, winerror: int) -> None:
        super().__init__(13, "The process cannot access the file")
        self.winerror = winerror


class Windows:
    """Refuses to rename a file until it has been tried so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: int, error: OSError) -> None:
        self.slept: list[float] = []
        original = Path.replace

        def refuse(source: Path, target: Path) -> Path:
            nonlocal refused
            if refused:
                refused -= 1
                raise error
            return original(source, target)

        monkeypatch.setattr(Path, "replace", refuse)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    return source, target


@pytest.mark.parametrize("winerror", [5, 32, 33])
def test_replace_retries_while_another_process_has_the_file_open(
    winerror: int, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows(monkeypatch, 10, SharingError(winerror))
    source, target = files
    replace(source, target, sleep=windows.sleep)
    assert target.read_text() == "new"
    assert windows.slept == [0.1] * 10


def test_replace_gives_up_after_a_second(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows(monkeypatch, 11, SharingError(32))
    source, target = files
    with pytest.raises(SharingError):
        replace(source, target, sleep=windows.sleep)
    assert target.read_text() == "old"


def test_replace_does_not_retry_other_errors(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows(monkeypatch, 1, OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        replace(*files, sleep=windows.sleep)
    assert windows.slept == []


def test_write_private_outlasts_a_virus_scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "tokens.json"
    write_private(path, "old")
    Windows(monkeypatch, 1, SharingError(5))
    write_private(path, "new")
    assert path.read_text() == "new"
    assert [file.name for file in path.parent.iterdir()] == ["tokens.json"]
