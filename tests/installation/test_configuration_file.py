"""A configuration on the disk is replaced whole or not at all, and nothing of it is lost."""

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mogplex_mcp.installation import InstallationError, configuration_file
from mogplex_mcp.installation.configuration_file import MOST_BACKUPS, backups, check_owner, read, write
from tests.systems import with_modes, with_posix

NOW = datetime(2026, 11, 22, 13, 40, 5, tzinfo=UTC)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@with_modes
def test_a_file_is_replaced_and_what_it_was_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")
    path.chmod(0o640)
    backup = write(read(path), "after", NOW, private=True)
    assert path.read_text() == "after"
    assert mode(path) == 0o640
    assert backup == tmp_path / "mcp.json.backup-20261122-134005"
    assert backup.read_text() == "before"
    assert mode(backup) == 0o600
    assert names(tmp_path) == ["mcp.json", "mcp.json.backup-20261122-134005"]


def test_two_changes_in_one_second_have_two_copies(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("first")
    write(read(path), "second", NOW, private=True)
    backup = write(read(path), "third", NOW, private=True)
    assert backup is not None
    assert (backup.name, backup.read_text()) == ("mcp.json.backup-20261122-134005-1", "second")


def test_file_that_another_program_has_open_for_a_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")
    original, refused = Path.replace, list[PermissionError]()

    def refuse_twice(source: Path, target: Path) -> Path:
        if len(refused) < 2:  # as Windows does while an indexer reads it
            error = PermissionError(13, "in use")
            error.winerror = 32  # type: ignore[attr-defined]  # of Windows alone
            refused.append(error)
            raise error
        return original(source, target)

    monkeypatch.setattr(Path, "replace", refuse_twice)
    monkeypatch.setattr("mogplex_mcp.core.private_file._RETRY_SECONDS", 0)
    write(read(path), "after", NOW, private=True)
    assert path.read_text() == "after"
    assert len(names(tmp_path)) == 2


@with_modes
def test_a_new_file_of_the_user_is_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mcp.json"
    assert write(read(path), "{}", NOW, private=True) is None
    assert mode(path) == 0o600
    assert names(path.parent) == ["mcp.json"]


def test_a_new_file_of_a_project_is_as_the_user_makes_files(tmp_path: Path) -> None:
    path, other = tmp_path / "mcp.json", tmp_path / "other"
    write(read(path), "{}", NOW, private=False)
    other.touch()
    assert mode(path) == mode(other)


def test_a_symbolic_link_is_followed_and_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles/mcp.json", tmp_path / "home/mcp.json"
    real.parent.mkdir()
    link.parent.mkdir()
    real.write_text("before")
    link.symlink_to(Path("..") / "dotfiles" / "mcp.json")
    write(read(link), "after", NOW, private=True)
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert names(link.parent) == ["mcp.json"]


def test_a_link_to_a_file_that_is_not_there_yet_makes_that_file(tmp_path: Path) -> None:
    link = tmp_path / "mcp.json"
    link.symlink_to(tmp_path / "real.json")
    write(read(link), "{}", NOW, private=True)
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_text() == "{}"


def test_write_leaves_out_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    file = read(path)
    assert file.text == "{}"
    assert file.has_mark
    backup = write(file, "{1}", NOW, private=True)
    assert path.read_bytes() == b"{1}"
    assert backup is not None
    assert backup.read_bytes() == b"\xef\xbb\xbf{}"


def test_write_keeps_the_newest_backups_only(tmp_path: Path) -> None:
    path, foreign = tmp_path / "mcp.json", tmp_path / "mcp.json.backup-mine"
    foreign.write_text("mine")
    for number in range(12):
        path.write_text(f"{number}")
        write(read(path), "new", NOW, private=True)
    assert [backup.read_text() for backup in backups(path)] == ["11", "10", "9", "8", "7"]
    assert len(names(tmp_path)) == 2 + MOST_BACKUPS
    assert foreign.read_text() == "mine"


@with_modes
def test_write_never_shows_a_backup_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("secret")
    path.chmod(0o644)
    modes: list[int] = []
    monkeypatch.setattr(Path, "chmod", lambda one, to: modes.extend([to] if "backup" in one.name else []))
    backup = write(read(path), "new", NOW, private=True)
    assert backup is not None
    assert (mode(backup), modes) == (0o600, [])


PRIVATE_COPY = (
    "C:\\Users\\me\\AppData\\Local\\Packages\\Python.3.13_qbz5n2kfra8p0\\LocalCache\\Roaming\\Cursor\\mcp.json"
)


def test_write_refuses_a_file_that_windows_redirects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mcp.json"
    file = read(path)
    monkeypatch.setattr(os.path, "realpath", lambda _: PRIVATE_COPY)
    with pytest.raises(
        InstallationError, match=r"was redirected to C:.*which no client reads.*uv tool install"
    ) as refused:
        write(file, "new", NOW, private=True)
    assert str(path) in str(refused.value)
    existing = replace(file, target=Path(PRIVATE_COPY))
    with pytest.raises(InstallationError, match="was redirected to"):
        write(existing, "new", NOW, private=True)


def test_what_another_program_wrote_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")
    file = read(path)
    path.write_text("theirs")
    with pytest.raises(InstallationError, match="was changed by another program just now: run this again"):
        write(file, "ours", NOW, private=True)
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["mcp.json"]


def test_a_file_that_another_program_made_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    file = read(path)
    path.write_text("theirs")
    with pytest.raises(InstallationError, match="was changed by another program"):
        write(file, "ours", NOW, private=True)
    assert path.read_text() == "theirs"


def test_a_read_only_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(InstallationError, match="is read-only: make it writable"):
        write(read(path), "after", NOW, private=True)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["mcp.json"]


@pytest.mark.parametrize("step", ["os.open", "pathlib.Path.replace"])
@pytest.mark.parametrize(
    ("number", "windows", "said"),
    [
        (13, 0, "can't be read or written (Permission denied)"),
        (30, 0, "can't be read or written (Read-only file system)"),
        (28, 0, "cannot be used: No space left on device"),
        (13, 32, "can't be written, probably because a program has it open: close that program and run this again"),
    ],
)
def test_what_cannot_be_written_is_as_before(step: str, number: int, windows: int, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")
    file = read(path)

    def refuse(*_: object, **__: object) -> None:
        error = OSError(number, os.strerror(number), str(path))
        error.winerror = windows  # type: ignore[attr-defined]  # of Windows alone
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, refuse)
        with pytest.raises(InstallationError) as refused:
            write(file, "after", NOW, private=True)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["mcp.json"]


def test_a_disk_that_is_full_leaves_no_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("before")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InstallationError, match="No space left"):
        write(read(path), "after", NOW, private=True)
    assert names(tmp_path) == ["mcp.json"]


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").mkdir()
    with pytest.raises(InstallationError, match=r"mcp\.json is a folder instead of a file"):
        read(tmp_path / "mcp.json")


@with_posix
def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mcp.json")
    with pytest.raises(InstallationError, match="isn't a regular file"):
        read(tmp_path / "mcp.json")


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").symlink_to(tmp_path / "mcp.json")
    with pytest.raises(InstallationError, match="cannot be used: Too many levels of symbolic links"):
        read(tmp_path / "mcp.json")


@pytest.mark.parametrize("content", ["{}".encode("utf-16"), b"{}\n\xff"])
def test_what_is_no_utf_8_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_bytes(content)
    with pytest.raises(InstallationError, match=r"isn't UTF-8 text \(line \d\): save it as UTF-8"):
        read(tmp_path / "mcp.json")


def test_what_is_far_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_file, "LARGEST", 1_048_576)
    with (tmp_path / "mcp.json").open("wb") as file:
        file.truncate(1_048_577)
    with pytest.raises(InstallationError, match="is larger than 1 MiB"):
        read(tmp_path / "mcp.json")


@with_posix
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mcp.json"
    check_owner(read(path))
    path.touch()
    check_owner(read(path))
    other = path.stat().st_uid + 4_000
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(InstallationError, match=r"mcp.json belongs to another user \(.*\): run this as that user"):
        check_owner(read(path))
    path.unlink()
    with pytest.raises(InstallationError, match=r"belongs to another user .*, without sudo, or add --force"):
        check_owner(read(path))


def test_below_a_file_there_is_no_configuration_and_none_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    file = read(tmp_path / "home" / ".cursor" / "mcp.json")
    assert file.content is None
    with pytest.raises(InstallationError, match="cannot be used: Not a directory"):
        write(file, "{}", NOW, private=True)
