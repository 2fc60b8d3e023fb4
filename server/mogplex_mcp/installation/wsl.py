"""Programs on Windows, as seen from a Linux below it (WSL): where their files are, and how they start this server."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mogplex_mcp.config.settings import FOLDER_VARIABLES
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine

DISTRIBUTION: Final = "WSL_DISTRO_NAME"
_CMD: Final = "cmd.exe"
_SECONDS: Final = 20.0

Run = Callable[[list[str]], bytes]
"""Run a program and return its stdout; raise `OSError` or `subprocess.SubprocessError` if it fails."""


def windows_machine(machine: Machine, run: Run | None = None) -> Machine:
    """Return the machine that programs on Windows see, with its paths as this Linux has them.

    Args:
        machine: This machine.
        run: Runs programs; None for those of this machine.

    Raises:
        InstallationError: This is not WSL, or Windows does not say where its user's files are.
    """
    if not machine.is_wsl:
        raise InstallationError("--wsl writes the files of programs on Windows from WSL, and this isn't WSL.")
    run = run or _run
    try:
        # /u: UTF-16 whatever the code page is, /d: without commands of the registry.
        output = run([shutil.which(_CMD) or "/mnt/c/Windows/System32/cmd.exe", "/d", "/u", "/c", "set"])
        lines = output.decode("utf-16-le", "replace").splitlines()
        # Windows does not distinguish their case.
        variables = {name.upper(): value for name, _, value in (line.partition("=") for line in lines)}
        folders = {name: _translated(variables[name], run) for name in FOLDER_VARIABLES if variables.get(name)}
        home = Path(_translated(variables["USERPROFILE"], run))
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        raise InstallationError(
            f"Windows did not say where its user's files are ({type(error).__name__}): run `mogplex-mcp install` in "
            "PowerShell instead."
        ) from None
    return Machine("win32", home, machine.project, {**folders, DISTRIBUTION: machine.folders.get(DISTRIBUTION, "")})


def started_from_windows(launch: Launch, folders: Mapping[str, str]) -> Launch:
    """Return a launch with which programs on Windows start this server in this Linux.

    Args:
        launch: The launch for programs of this Linux.
        folders: The variables of the machine.
    """
    name = folders.get(DISTRIBUTION)
    # --exec: without a shell, which would expand the arguments.
    args = (*(("-d", name) if name else ()), "--exec", launch.command, *launch.args)
    variables = {**launch.variables, **launch.forwarded}
    if variables:
        # Without it, Windows passes none of them on; u: to Linux only.
        variables["WSLENV"] = ":".join(f"{variable}/u" for variable in variables)
    return replace(launch, command="wsl.exe", args=args, variables=variables, forwarded={}, hidden=())


def _translated(path: str, run: Run) -> str:
    return run(["wslpath", "-u", path]).decode().strip()


def _run(words: list[str]) -> bytes:
    return subprocess.run(words, capture_output=True, timeout=_SECONDS, check=True).stdout  # noqa: S603 - of the system
