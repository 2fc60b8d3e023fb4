"""Where the clients of one user keep their files on one machine."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation.clients import Client, Place
from mogplex_mcp.installation.errors import InstallationError


@dataclass(frozen=True)
class Machine:
    """One user's files on one machine, seen from one project.

    Attributes:
        platform: As in `sys.platform`.
        home: The user's home directory.
        project: The folder of the project.
        folders: Variables of the environment that move folders.
    """

    platform: str
    home: Path
    project: Path
    folders: Mapping[str, str]

    @classmethod
    def this(cls, settings: Settings) -> "Machine":
        """The machine that this runs on, in the project that the working directory belongs to.

        Raises:
            InstallationError: The user has no home directory.
        """
        if settings.home is None:
            raise InstallationError("There is no home directory: set HOME (USERPROFILE on Windows).")
        return cls(sys.platform, settings.home, _project(Path.cwd(), settings.home), settings.folders)

    def configuration(self, client: Client, scope: str) -> Path | None:
        """The file in which a client looks for servers of a scope; None where it has none.

        Of several places, it is the first whose folder exists. The file need not exist.
        """
        places = client.project if scope == "project" else client.user if scope in client.scopes else ()
        found = [(folder, place) for place in places for folder in self._folders(place)]
        if not found:
            return None
        folder, place = next(((folder, place) for folder, place in found if folder.is_dir()), found[-1])
        return next((folder / name for name in place.names if (folder / name).exists()), folder / place.names[0])

    def has(self, client: Client) -> bool:
        """Whether a client seems to be installed, or was used, by this user."""
        path = self.configuration(client, "user")
        if client.signs:
            return any(Path(self._filled(sign)).exists() for sign in client.signs)
        return path is not None and path.parent.is_dir()

    def entries(self, client: Client, scope: str) -> tuple[str, ...]:
        """The path in the file under which entries stand by name."""
        path = client.local if scope == "local" else client.entries
        return tuple(self.project.as_posix() if step == "{project}" else step for step in path)

    def shown(self, path: Path) -> str:
        """A path as a user would write it."""
        try:
            return str(Path("~") / path.relative_to(self.home))
        except ValueError:
            return str(path)

    def _folders(self, place: Place) -> list[Path]:
        platform = self.platform if self.platform in ("darwin", "win32") else "linux"
        if platform not in place.platforms:
            return []
        filled = self._filled(place.folder)
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
    """The repository around a folder, or the folder itself; a home directory in git is no project."""
    for one in (folder, *folder.parents):
        if one == home:
            break
        if (one / ".git").exists():
            return one
    return folder
