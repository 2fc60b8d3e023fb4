"""Helpers for `login` tests: real processes, and fake keyrings of every kind."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.transports.processes import PROGRAM, environment

# A module named `keyring` shadows the package.
KEYRINGS: Mapping[str, str] = {
    "working": """
import json, pathlib
FILE = pathlib.Path(__file__).with_name("kept.json")
def _kept():
    return json.loads(FILE.read_text()) if FILE.exists() else {}
def get_password(service, user):
    return _kept().get(f"{service} {user}")
def set_password(service, user, password):
    FILE.write_text(json.dumps(_kept() | {f"{service} {user}": password}))
def delete_password(service, user):
    FILE.write_text(json.dumps({name: one for name, one in _kept().items() if name != f"{service} {user}"}))
""",
    "locked": """
class KeyringLocked(Exception): pass
def get_password(service, user):
    raise KeyringLocked("Failed to unlock the collection!")
set_password = delete_password = lambda *_: get_password("", "")
""",
    "absent": """
class NoKeyringError(RuntimeError): pass
def get_password(*_):
    raise NoKeyringError("No recommended backend was available.")
set_password = delete_password = get_password
""",
    "broken": """
def get_password(*_):
    raise RuntimeError(f"D-Bus is gone: {_}")
set_password = delete_password = get_password
""",
    "forgetful": """
get_password = set_password = delete_password = lambda *_: None
""",
}


class Done(NamedTuple):
    """The result of a command."""

    code: int
    stderr: str
    stdout: str


def keyring(folder: Path, kind: str) -> dict[str, str]:
    """Return the environment variables for a process with that keyring."""
    module_folder = folder / f"keyring-{kind}"
    module_folder.mkdir(exist_ok=True)
    (module_folder / "keyring.py").write_text(KEYRINGS[kind])
    return {"PYTHONPATH": str(module_folder)}


# The machine that runs the tests may have a real keyring.
NO_KEYRING = "raise ImportError\n"


def run(home: Path, *arguments: str, text: str = "", **more: str) -> Done:
    """Run a command to its end, with `text` on stdin."""
    if arguments[0] in ("login", "logout"):
        arguments = (*arguments, "--yes")  # there is no terminal
    if "PYTHONPATH" not in more:
        module_folder = home / "no-keyring"
        module_folder.mkdir(parents=True, exist_ok=True)
        (module_folder / "keyring.py").write_text(NO_KEYRING)
        more["PYTHONPATH"] = str(module_folder)
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=text.encode(),
        capture_output=True,
        env=environment(home, {"MOGPLEX_MCP_LOG_LEVEL": "debug", "PYTHONASYNCIODEBUG": "1", **more}),
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stderr.decode(), done.stdout.decode())


def tokens_file(home: Path) -> Path:
    return home / ".config" / "mogplex-mcp" / "tokens.json"
