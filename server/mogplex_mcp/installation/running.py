"""Whether a client runs that would overwrite its configuration from memory."""

import shutil
import subprocess
from typing import Final

from mogplex_mcp.installation.client import Client

_SECONDS: Final = 5.0


def is_running(client: Client, platform: str) -> bool:
    """Return whether the process of a client runs; False if that is not known."""
    name = client.process.get(platform)
    if not name:
        return False
    question = ["tasklist", "/NH", "/FI", f"IMAGENAME eq {name}"] if platform == "win32" else ["pgrep", "-x", name]
    program = shutil.which(question[0]) or shutil.which(f"{question[0]}.exe")  # the latter in WSL
    if program is None:
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - a tool of the system, with a name from the table of clients
            [program, *question[1:]], capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return name.lower().encode() in answer.stdout.lower() if platform == "win32" else answer.returncode == 0
