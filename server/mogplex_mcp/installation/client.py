"""The description of an MCP client: where its configuration is, and how an entry looks in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

SCOPES: Final = ("user", "project", "local")
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
# What a client's parser may accept in addition to plain JSON.
BOM, COMMENTS, COMMAS = "a byte order mark", "a comment", "a trailing comma"
LENIENT: Final = frozenset({BOM, COMMENTS, COMMAS})
STRICT: Final = frozenset[str]()


@dataclass(frozen=True)
class ConfigLocation:
    """A location where a client looks for its configuration.

    Attributes:
        folder: With placeholders, see `clients`.
        names: File names; the last that exists, or else the first.
        platforms: Platforms with this location, as in `sys.platform`.
        role: "main": the first whose folder exists counts, and others whose file exists are written, too. "instead": a
            file here is read in place of all others. "also": read in addition, if its folder exists.
    """

    folder: str
    names: tuple[str, ...]
    platforms: tuple[str, ...] = ("darwin", "linux", "win32")
    role: Literal["main", "instead", "also"] = "main"


@dataclass(frozen=True, eq=False)  # compared by identity, so that a row can be a key
class Client:
    """One MCP client.

    Attributes:
        name: As a user types it.
        title: As its vendor writes it.
        page: The vendor's page about the configuration.
        user: Locations of the user's configuration.
        entries: The path of the entries in the file.
        restart: How to make it read the configuration again.
        project: Locations of a project's configuration; empty if there is none.
        local: The path of the user's own entries for one project, in the user's file; empty if there are none.
        markers: Paths that exist if the client is installed, if that is not the folder of its configuration.
        file_variable: The environment variable that names the user's file.
        format: json, toml or yaml.
        accepts: What of `LENIENT` its parser accepts. A client reads nothing of a file that has more.
        leading_fields: Fields of an entry before its command; `{name}` stands for the name of the entry.
        trailing_fields: Fields of an entry after its arguments, such as the timeout of a tool call.
        command_field: The field with the command.
        command_is_list: Whether command and arguments are one list.
        variables: The field of an entry that holds environment variables.
        forwarded: The field that lists variables which the client passes on from its own environment; "" for none.
        fills: How placeholders begin that it fills in itself, such as `${env:`.
        process: The name of its process, by platform, if it rewrites its file from memory: it has to be quit first.
        note: A hint for the user.
    """

    name: str
    title: str
    page: str
    user: tuple[ConfigLocation, ...]
    entries: tuple[str, ...]
    restart: str
    project: tuple[ConfigLocation, ...] = ()
    local: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    file_variable: str = ""
    format: str = "json"
    accepts: frozenset[str] = STRICT
    leading_fields: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    trailing_fields: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    command_field: str = "command"
    command_is_list: bool = False
    variables: str = "env"
    forwarded: str = ""
    fills: tuple[str, ...] = ()
    process: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    note: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of entries: the user, the project (everyone who works on it), the user in the project."""
        has = {"user": True, "project": bool(self.project), "local": bool(self.local)}
        return tuple(scope for scope in SCOPES if has[scope])
