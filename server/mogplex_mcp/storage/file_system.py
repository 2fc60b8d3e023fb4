"""Whether a file is on a network file system, where processes on two machines share no memory."""

import os
import re
import sys
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORK: Final = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|glusterfs|gpfs|lustre|ncpfs|nfs4?|prl_fs|smb3|smbfs|vboxsf|virtiofs|vmhgfs|"
    r"fuse\.(?:ceph-fuse|glusterfs|grpcfuse|rclone|s3fs|sshfs|vmhgfs-fuse)"
)
# Of GetDriveType.
_DRIVE_REMOTE: Final = 4


def network_file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the network file system that a path is on; "" for a local or an unknown one.

    Linux has a table of mounts, Windows knows its drives. macOS has neither without another process, so there the
    answer is "".

    Args:
        path: It need not exist.
        mounts: The table of mounts, as in proc_pid_mounts(5): device, mount point, type.
    """
    real = Path(os.path.realpath(path))
    if sys.platform == "win32":
        return "a network drive" if _is_remote(real) else ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found, longest = "", -1
    for line in lines:
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        folder = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point))
        # Of two mounts on one folder, the later one covers the other.
        if point and len(folder.parts) >= longest and real.is_relative_to(folder):
            found, longest = kind, len(folder.parts)
    return found if _NETWORK.fullmatch(found) else ""


def _is_remote(path: Path) -> bool:
    if sys.platform != "win32":
        return False
    if path.drive.startswith("\\\\"):
        return True
    import ctypes  # noqa: PLC0415 - slow to import

    return ctypes.windll.kernel32.GetDriveTypeW(f"{path.drive}\\") == _DRIVE_REMOTE
