"""The type of the file system that a path is on, read from a table of mounts."""

import sys
from pathlib import Path

import pytest

from mogplex_mcp.storage.file_system import network_file_system

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a table of mounts is what Linux has")


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mounts"
    table.write_text(
        "/dev/sda1 / ext4 rw,relatime 0 0\n"
        "server:/home /home nfs4 rw,vers=4.2 0 0\n"
        "/dev/sdb1 /home/local ext4 rw 0 0\n"
        "//nas/share /mnt/my\\040share cifs rw 0 0\n"
        "drvfs /mnt/c 9p rw,aname=drvfs 0 0\n"
        "tmpfs /mnt/covered nfs rw 0 0\n"
        "tmpfs /mnt/covered tmpfs rw 0 0\n"
        "nonsense\n"
    )
    return table


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/ann/.local/state/mogplex-mcp/state.sqlite3", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/ann/state.sqlite3", ""),
        ("/home/local/state.sqlite3", ""),
        ("/mnt/my share/state.sqlite3", "cifs"),
        ("/mnt/c/Users/ann/state.sqlite3", "9p"),
        ("/mnt/covered/state.sqlite3", ""),
        ("/var/state.sqlite3", ""),
    ],
)
def test_file_system_of_a_path_is_that_of_the_innermost_mount(path: str, expected: str, mounts: Path) -> None:
    assert network_file_system(Path(path), mounts) == expected


def test_file_system_behind_a_symbolic_link_counts(tmp_path: Path, mounts: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/home/ann")
    assert network_file_system(link / "state.sqlite3", mounts) == "nfs4"


def test_file_system_is_local_where_there_is_no_table_of_mounts(tmp_path: Path) -> None:
    assert network_file_system(Path("/home/ann"), tmp_path / "missing") == ""
