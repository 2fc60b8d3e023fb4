"""Paths of client configurations for one user, machine and project."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client, ConfigLocation

# The name of a package ends with a hash of its publisher: this one is Anthropic's.
_PACKAGE_FAMILY: Final = "_pzs8sxrjxfjjc"
_KERNEL: Final = Path("/proc/version")


@dataclass(frozen=True)
class Machine:
    """A user's home directory and project on one machine.

    Attributes:
        platform: As in `sys.platform`.
        home: The user's home directory.
        project: The folder of the project.
        folders: Environment variables that move folders.
        is_wsl: Whether it is Linux below Windows, whose programs read other files.
    """

    platform: str
    home: Path
    project: Path
    folders: Mapping[str, str]
    is_wsl: bool = False

    @classmethod
    def this(cls, settings: Settings) -> "Machine":
        """Return this machine, with the project of the working directory.

        Raises:
            InstallationError: The user has no home directory.
        """
        if settings.home is None:
            raise InstallationError("There is no home directory: set HOME (USERPROFILE on Windows).")
        return cls(sys.platform, settings.home, _project(Path.cwd(), settings.home), settings.folders, is_wsl=_is_wsl())

    def configurations(self, client: Client, scope: str) -> list[Path]:
        """Return the files of a client for a scope, the main one first; empty if it has none. None need exist yet."""
        if scope == "project":
            return [path for location in client.project for path, _ in self._files(location)][:1]
        if scope not in client.scopes:
            return []
        moved = Path(self.folders.get(client.file_variable, ""))
        if moved.is_absolute():
            return [moved]
        by_role: dict[str, list[tuple[Path, bool]]] = {"main": [], "instead": [], "also": []}
        for location in client.user:
            by_role[location.role] += self._files(location)
        instead = [path for path, _ in by_role["instead"] if path.is_file()]
        if instead:
            return instead[:1]
        there = [path for path, is_there in by_role["main"] if is_there]
        found = [*there[:1], *(path for path in there[1:] if path.is_file())]
        found += [path for path, is_there in by_role["also"] if is_there]
        # Those of packages are only known if they are there.
        usual = [path for path, is_there in by_role["main"] if not is_there]
        return found or usual[:1]

    def configuration(self, client: Client, scope: str) -> Path | None:
        """Return the main file of a client for a scope; None if it has none."""
        return next(iter(self.configurations(client, scope)), None)

    def has(self, client: Client) -> bool:
        """Whether a client seems to be installed for this user, or was used."""
        return any(one.exists() for one in self.traces(client))

    def traces(self, client: Client) -> list[Path]:
        """Return the files and folders of which one exists where a client is installed, or was used."""
        markers = [Path(self._filled(marker)) for marker in client.markers]
        folders = [path.parent for path in self.configurations(client, "user")]
        return list(dict.fromkeys([*(folder for folder in folders if folder != self.home), *markers]))

    def entries(self, client: Client, scope: str, data: Any = None) -> tuple[str, ...]:
        """Return the path of the entries in the file.

        Args:
            client: The client.
            scope: user, project or local.
            data: The content of the file: on Windows a project's key in it may have the drive letter in another case.
        """
        if scope != "local":
            return client.entries
        project = self.project.as_posix()
        if self.platform == "win32":
            keys = data.get(client.local[0]) if isinstance(data, dict) else None
            same = [key for key in (keys if isinstance(keys, dict) else ()) if str(key).lower() == project.lower()]
            project = next(iter(same), project)
        return tuple(project if step == "{project}" else step for step in client.local)

    def shown(self, path: Path) -> str:
        """Return a path for display, relative to the home directory if possible."""
        try:
            return str(Path("~") / path.relative_to(self.home))
        except ValueError:
            return str(path)

    def _files(self, location: ConfigLocation) -> list[tuple[Path, bool]]:
        """Return the files of a location, and whether the client is there: its folder exists."""
        platform = self.platform if self.platform in ("darwin", "win32") else "linux"
        if platform not in location.platforms:
            return []
        filled = self._filled(location.folder)
        start, star, rest = filled.partition("*")
        if not star:
            return [(_file_in(Path(filled), location.names), Path(filled).is_dir())]
        parent, _, begun = start.rpartition("/")
        found = Path(parent).glob(f"{begun}*") if Path(parent).is_dir() else ()
        files = {_file_in(Path(f"{folder}{rest}"), location.names): folder.name for folder in found if folder.is_dir()}
        # Of several packages: one with a file, the vendor's own, the one in use.
        order = sorted(files, key=lambda path: (-_modified(path), path))
        order.sort(key=lambda path: (not path.is_file(), not files[path].endswith(_PACKAGE_FAMILY)))
        return [(path, True) for path in order]

    def _filled(self, folder: str) -> str:
        return folder.format(
            home=self.home,
            project=self.project,
            config=self._moved("XDG_CONFIG_HOME", ".config"),
            appdata=self._moved("APPDATA", "AppData/Roaming"),
            localappdata=self._moved("LOCALAPPDATA", "AppData/Local"),
            claude=self._moved("CLAUDE_CONFIG_DIR", ""),
            codex=self._moved("CODEX_HOME", ".codex"),
            gemini=self._moved("GEMINI_CLI_HOME", ""),
            copilot=self._moved("COPILOT_HOME", ".copilot"),
            cline=self._moved("CLINE_DIR", ".cline"),
            continue_=self._moved("CONTINUE_GLOBAL_DIR", ".continue"),
        )

    def _moved(self, variable: str, usual: str) -> Path:
        moved = Path(self.folders.get(variable, ""))
        return moved if moved.is_absolute() else self.home / usual


def _is_wsl() -> bool:
    try:
        return "microsoft" in _KERNEL.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False


def _file_in(folder: Path, names: Sequence[str]) -> Path:
    return next((folder / name for name in reversed(names) if (folder / name).exists()), folder / names[0])


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _project(folder: Path, home: Path) -> Path:
    """Return the repository around a folder, or the folder itself; a home directory in git isn't a project."""
    for one in (folder, *folder.parents):
        if one == home:
            break
        if (one / ".git").exists():
            return one
    return folder
