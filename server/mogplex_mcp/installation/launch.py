"""The command with which a client starts this server, without a shell's PATH and permanently."""

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
from mogplex_mcp.installation import InstallationError

PROGRAM: Final = "mogplex-mcp"
MODULE: Final = "mogplex_mcp"
# Temporary environments of `uvx` and `uv run --with` in uv's cache.
_UV_CACHE: Final = ("archive-v", "environments-v", "builds-v")
# A version, an extra or a tag after the name of a package or an image.
_BEHIND_NAME: Final = re.compile(r"[@:=<>~!\[]")
# Options of uv and others whose value is not the command: `--from mogplex-mcp[keyring] mogplex-mcp`.
_NAMES_NO_START: Final = ("--from", "--with", "--with-editable", "--directory", "--project", "--name", "-C")
_SUFFIX: Final = re.compile(r"\.(?:exe|cmd|bat|ps1|com)$")
_PIPX_CACHE: Final = (".cache", "cache")
# Permanent environments of tools.
_LASTING: Final = (("uv", "tools"), ("pipx", "venvs"))


@dataclass(frozen=True)
class Launch:
    """How to start this server.

    Attributes:
        command: An absolute path.
        args: Arguments before the options of the server.
        options: The options of the server.
        note: What may break it, and the remedy; "" for nothing.
        variables: Settings that the shell has, by variable.
        forwarded: Variables of the shell that the connection depends on, without secrets.
        hidden: Names of those with a password in them, which are not written.
    """

    command: str
    args: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    note: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    forwarded: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installation:
    """The Python environment that the program is installed in.

    Attributes:
        scripts: Folders of its commands, the most likely first.
        python: Its interpreter.
        prefix: Its `sys.prefix`.
        is_virtual: Whether it is a virtual environment.
        temporary: The folder of temporary files.
        uvx: Possible paths of uvx.
        has_keyring: Whether the keyring package is installed.
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
        """Return the environment of this process."""
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
        """Return the command for this environment, or for a permanent one if this one is temporary.

        Raises:
            InstallationError: This one is temporary, and uvx was not found.
        """
        if _in_uv_cache(self.prefix):
            return self._by_uvx(tuple(options))
        if _has_pair(self.prefix, "pipx", _PIPX_CACHE):
            raise InstallationError(
                f"{PROGRAM} runs from pipx's cache, which is deleted after some days. "
                f"Install it with `pipx install {PROGRAM}`, then run `{PROGRAM} install` again."
            )
        note = ""
        if _is_below(self.prefix, self.temporary):
            note = f"{self.prefix} is a temporary folder: the entry fails once it is deleted. {_HOW_TO_KEEP}"
        elif self.is_virtual and not any(_has_pair(self.prefix, one, (two,)) for one, two in _LASTING):
            note = f"The command is in the virtual environment {self.prefix}: keep it. {_HOW_TO_KEEP}"
        script = next((path for folder in self.scripts if (path := folder / _executable(PROGRAM)).is_file()), None)
        if script:
            return Launch(str(script.absolute()), (), tuple(options), note)
        return Launch(str(self.python.absolute()), ("-m", MODULE), tuple(options), note)

    def _by_uvx(self, options: tuple[str, ...]) -> Launch:
        uvx = next((path for path in self.uvx if path.is_file()), None)
        if uvx is None:
            raise InstallationError(
                f"{PROGRAM} runs from uv's cache, which is deleted sooner or later, and uvx was not found. "
                f"Install it with `uv tool install {PROGRAM}`, then run `{PROGRAM} install` again."
            )
        args = ("--from", f"{PROGRAM}[keyring]", PROGRAM) if self.has_keyring else (PROGRAM,)
        note = f"uvx adds up to a second to each start; `uv tool install {PROGRAM}`, then this again, avoids that."
        return Launch(str(uvx.absolute()), args, options, note)


_HOW_TO_KEEP: Final = f"`uv tool install {PROGRAM}` or `pipx install {PROGRAM}` makes a permanent one."


def server_options(settings: Settings, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options of the server among the options of a command, for the arguments of an entry.

    Args:
        settings: The settings made from them, with absolute paths.
        given: The parsed command line, by setting.
    """
    found: list[str] = []
    for option in OPTIONS:
        text = given.get(option.setting)
        if text is None or not option.flag or option.commands:
            continue
        value = getattr(settings, option.setting)
        if not option.metavar:
            found += [f"--{option.flag}"] if value else []
        else:
            found += [f"--{option.flag}", str(value.absolute()) if isinstance(value, Path) else str(text)]
    return tuple(found)


def options_in(command: str, args: Iterable[str]) -> tuple[str, ...] | None:
    """Return the options of this server in a command line; None if it starts another program."""
    words = [command, *args]
    for index, word in enumerate(words):
        name = _SUFFIX.sub("", word.replace("\\", "/").rpartition("/")[2].lower())
        if _BEHIND_NAME.split(name)[0] in (PROGRAM, MODULE) and (index == 0 or words[index - 1] not in _NAMES_NO_START):
            return tuple(words[index + 1 :])
    return None


def typed_again(typed: str, prefix: Path, *, on_path: bool) -> str:
    """Return how a person calls this program once more, in the shell in which it was called.

    Args:
        typed: The first word of its command line, as Python has it.
        prefix: `sys.prefix` of its environment.
        on_path: Whether a shell finds it by its name; in the environment that `uvx` makes it does, and only there.
    """
    if _in_uv_cache(prefix):
        return f"uvx {PROGRAM}"
    if on_path or options_in(typed, ()) is None:  # as with `python -m`, where it is `__main__.py`
        return PROGRAM
    return f'"{typed}"' if " " in typed else typed


def _in_uv_cache(prefix: Path) -> bool:
    return any(part.startswith(_UV_CACHE) for part in prefix.parts)


def _executable(name: str) -> str:
    return f"{name}.exe" if sys.platform == "win32" else name


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _has_pair(path: Path, first: str, second: Sequence[str]) -> bool:
    return any(one == first and two in second for one, two in itertools.pairwise(path.parts))
