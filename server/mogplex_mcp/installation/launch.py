"""The command that starts this server from a program that has no shell's PATH, and again next month."""

import importlib.util
import itertools
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation.errors import InstallationError

PROGRAM: Final = "mogplex-mcp"
MODULE: Final = "mogplex_mcp"
# Folders in uv's cache that it makes for `uvx` and `uv run --with`, and deletes.
_UV_CACHE: Final = ("archive-v", "environments-v", "builds-v")
# A version, an extra or a tag behind the name of a package or an image.
_BEHIND_NAME: Final = re.compile(r"[@:=<>~!\[]")
# What uv and others are told before what they start: `--from mogplex-mcp[keyring] mogplex-mcp`.
_NAMES_NO_START: Final = ("--from", "--with", "--with-editable", "--directory", "--project", "--name", "-C")
_PIPX_CACHE: Final = (".cache", "cache")
# Where tools live in an environment of their own, made to last.
_LASTING: Final = (("uv", "tools"), ("pipx", "venvs"))


@dataclass(frozen=True)
class Launch:
    """How to start this server.

    Attributes:
        command: An absolute path.
        args: What comes before the options of the server.
        options: Those of the server.
        note: What might end it, and what to do against that; "" for nothing.
    """

    command: str
    args: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Installation:
    """Where a Python program is installed.

    Attributes:
        scripts: Folders in which its commands may be, the likeliest first.
        python: Its interpreter.
        prefix: Its environment.
        is_virtual: Whether that is a virtual environment.
        temporary: Where temporary files are.
        uvx: Where uvx may be.
        has_keyring: Whether it can read the system's keyring.
    """

    scripts: tuple[Path, ...]
    python: Path
    prefix: Path
    is_virtual: bool
    temporary: Path
    uvx: tuple[Path, ...] = field(default=())
    has_keyring: bool = False

    @classmethod
    def this(cls, home: Path) -> "Installation":
        """That of this process."""
        users = [scheme for scheme in sysconfig.get_scheme_names() if scheme.endswith("_user")]
        scripts = [sysconfig.get_path("scripts"), *(sysconfig.get_path("scripts", scheme) for scheme in users)]
        found = shutil.which("uvx")
        usual = [home / ".local/bin", home / ".cargo/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
        name = _executable("uvx")
        return cls(
            scripts=(Path(sys.executable).parent, *map(Path, scripts)),
            python=Path(sys.executable),
            prefix=Path(sys.prefix),
            is_virtual=sys.prefix != sys.base_prefix,
            temporary=Path(tempfile.gettempdir()),
            uvx=(*([Path(found)] if found else []), *(folder / name for folder in usual)),
            has_keyring=importlib.util.find_spec("keyring") is not None,
        )

    def launch(self, options: Sequence[str] = ()) -> Launch:
        """How to start this installation, or one that lasts where this one does not.

        Raises:
            InstallationError: This one will be deleted, and nothing was found to make it again.
        """
        if any(part.startswith(_UV_CACHE) for part in self.prefix.parts):
            return self._by_uvx(tuple(options))
        if _has_pair(self.prefix, "pipx", _PIPX_CACHE):
            raise InstallationError(
                f"{PROGRAM} runs from pipx's cache, which is deleted after some days. "
                f"Install it with `pipx install {PROGRAM}`, then run `{PROGRAM} install` again."
            )
        note = ""
        if _is_below(self.prefix, self.temporary):
            note = f"{self.prefix} is a temporary folder: the entry fails when that is gone. {_HOW_TO_KEEP}"
        elif self.is_virtual and not any(_has_pair(self.prefix, one, (two,)) for one, two in _LASTING):
            note = f"The command is in the virtual environment {self.prefix}: keep that. {_HOW_TO_KEEP}"
        script = next((path for folder in self.scripts if (path := folder / _executable(PROGRAM)).is_file()), None)
        if script:
            return Launch(str(script.absolute()), (), tuple(options), note)
        return Launch(str(self.python.absolute()), ("-m", MODULE), tuple(options), note)

    def _by_uvx(self, options: tuple[str, ...]) -> Launch:
        uvx = next((path for path in self.uvx if path.is_file()), None)
        if uvx is None:
            raise InstallationError(
                f"{PROGRAM} runs from uv's cache, which is deleted in time, and uvx was not found. "
                f"Install it with `uv tool install {PROGRAM}`, then run `{PROGRAM} install` again."
            )
        args = ("--from", f"{PROGRAM}[keyring]", PROGRAM) if self.has_keyring else (PROGRAM,)
        return Launch(str(uvx.absolute()), args, options)


_HOW_TO_KEEP: Final = f"`uv tool install {PROGRAM}` or `pipx install {PROGRAM}` makes one that stays."


def server_options(settings: Settings, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of the server among what was given to a command, as a client has to give them again.

    Args:
        settings: What was made of them; a file is named there by its whole path.
        given: What the parser found, by the name of the setting.
    """
    found: list[str] = []
    for option in OPTIONS:
        text = given.get(option.setting)
        if text is None or not option.flag or option.commands:
            continue
        value = getattr(settings, option.setting)
        if not option.metavar:
            found.append(f"--{option.flag}")
        else:
            found += [f"--{option.flag}", str(value.absolute()) if isinstance(value, Path) else str(text)]
    return tuple(found)


def options_in(command: str, args: Iterable[str]) -> tuple[str, ...] | None:
    """The options of this server in somebody's command and arguments; None if they start something else."""
    words = [command, *args]
    for index, word in enumerate(words):
        name = word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
        if _BEHIND_NAME.split(name)[0] in (PROGRAM, MODULE) and (index == 0 or words[index - 1] not in _NAMES_NO_START):
            return tuple(words[index + 1 :])
    return None


def _executable(name: str) -> str:
    return f"{name}.exe" if sys.platform == "win32" else name


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _has_pair(path: Path, first: str, second: Sequence[str]) -> bool:
    return any(one == first and two in second for one, two in itertools.pairwise(path.parts))
