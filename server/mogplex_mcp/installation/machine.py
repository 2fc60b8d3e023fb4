"""Paths of client configurations for one user, machine and project."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.clients import Client, ConfigLocation


@dataclass(frozen=True)
class Machine:
    """A user's home directory and project on one machine.

    Attributes:
        platform: As in `sys.platform`.
        home: The user's home directory.
        project: The folder of the project.
        folders: Environment variables that move folders.
    """

    platform: str
    home: Path
    project: Path
    folders: Mapping[str, str]

    @classmethod
    def this(cls, settings: Settings) -> "Machine":
        """Return this machine, with the project of the working directory.

        Raises:
            InstallationError: The user has no home directory.
        """
        if settings.home is None:
            raise InstallationError("There is no home directory: set HOME (USERPROFILE on Windows).")
        return cls(sys.platform, settings.home, _project(Path.cwd(), settings.home), settings.folders)

    def configuration(self, client: Client, scope: str) -> Path | None:
        """Return the path of a client's configuration for a scope; None if it has none.

        Of several locations, it is the first whose folder exists. The file need not exist.
        """
        locations = client.project if scope == "project" else client.user if scope in client.scopes else ()
        found = [(folder, location) for location in locations for folder in self._folders(location)]
        if not found:
            return None
        folder, location = next(((folder, location) for folder, location in found if folder.is_dir()), found[-1])
        return next((folder / name for name in location.names if (folder / name).exists()), folder / location.names[0])

    def has(self, client: Client) -> bool:
        """Whether a client seems to be installed for this user, or was used."""
        path = self.configuration(client, "user")
        if client.markers:
            return any(Path(self._filled(marker)).exists() for marker in client.markers)
        return path is not None and path.parent.is_dir()

    def entries(self, client: Client, scope: str) -> tuple[str, ...]:
        """Return the path of the entries in the file."""
        path = client.local if scope == "local" else client.entries
        return tuple(self.project.as_posix() if step == "{project}" else step for step in path)

    def shown(self, path: Path) -> str:
        """Return a path for display, relative to the home directory if possible."""
        try:
            return str(Path("~") / path.relative_to(self.home))
        except ValueError:
            return str(path)

    def _folders(self, location: ConfigLocation) -> list[Path]:
        platform = self.platform if self.platform in ("darwin", "win32") else "linux"
        if platform not in location.platforms:
            return []
        filled = self._filled(location.folder)
        start, star, rest = filled.partition("*")
        if not star:
            return [Path(filled)]
        begun = Path(start)
        return sorted(begun.parent.glob(f"{begun.name}*{rest}")) if begun.parent.is_dir() else []

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
        )

    def _moved(self, variable: str, usual: str) -> Path:
        moved = Path(self.folders.get(variable, ""))
        return moved if moved.is_absolute() else self.home / usual


def _project(folder: Path, home: Path) -> Path:
    """Return the repository around a folder, or the folder itself; a home directory in git isn't a project."""
    for one in (folder, *folder.parents):
        if one == home:
            break
        if (one / ".git").exists():
            return one
    return folder
