"""The MCP clients that this server can be installed in: facts of other makers, in one table.

They are from the makers' own pages, which each row names. Beside those:

- Claude Desktop from the Windows installer of 2026 is an MSIX package, which sees a folder of its own in place of
  `%APPDATA%`: <https://github.com/anthropics/claude-code/issues/26073>. It has no page about Linux.
- Windsurf became Devin Desktop in June 2026. Its older agent, Cascade, still reads the old file; its newer one, Devin
  Local, reads that of Devin's command line: <https://docs.devin.ai/desktop/cascade/mcp>.
- OpenCode 2 has its entries one level deeper and reads those of OpenCode 1, too: <https://opencode.ai/v2/docs/migrate-v1>.

Folders are written with these words, which `machine` fills in: `{home}`, `{project}`, `{config}` (`~/.config` or what
XDG_CONFIG_HOME names), `{appdata}` and `{localappdata}` (Windows), `{claude}`, `{codex}` and `{gemini}` (the home of
that client, which a variable can move), and `*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from mogplex_mcp.installation.errors import InstallationError

# A call that asks the user something takes as long as the user does; what only waits ends long before.
TOOL_CALL_SECONDS: Final = 300
SCOPES: Final = ("user", "project", "local")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Place:
    """Where a client looks for its configuration.

    Attributes:
        folder: With words in braces, see above.
        names: Of files; the first that exists counts, or else the first.
        platforms: Where it is there, as in `sys.platform`.
    """

    folder: str
    names: tuple[str, ...]
    platforms: tuple[str, ...] = ("darwin", "linux", "win32")


@dataclass(frozen=True, eq=False)  # a row is itself, and can be a key
class Client:
    """One MCP client.

    Attributes:
        name: As a user types it.
        title: As its maker writes it.
        page: Where its maker describes the configuration.
        user: Where the user's own configuration is; the first place whose folder exists counts.
        entries: The path in the file under which entries stand by name.
        restart: What to do so that it reads the configuration again.
        project: Where a project's configuration is; empty if there is none.
        local: The path of the user's own entries for one project, in the user's file; empty if there are none.
        signs: What exists where the client is installed, if that is not the folder of its configuration.
        kind: The format: json or toml.
        before: Fields of an entry before its command.
        after: Fields of an entry behind its arguments, such as the limit of a tool call.
        one_list: Whether command and arguments are one list.
        variables: The field of an entry in which variables of the environment stand.
        note: What else a user should know.
    """

    name: str
    title: str
    page: str
    user: tuple[Place, ...]
    entries: tuple[str, ...]
    restart: str
    project: tuple[Place, ...] = ()
    local: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    kind: str = "json"
    before: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    after: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    one_list: bool = False
    variables: str = "env"
    note: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """For whom an entry can count: the user, whoever works on the project, or the user in the project."""
        has = {"user": True, "project": bool(self.project), "local": bool(self.local)}
        return tuple(scope for scope in SCOPES if has[scope])


_DESKTOP: Final = ("claude_desktop_config.json",)
_MCP: Final = ("mcp.json",)
_SETTINGS: Final = ("settings.json",)
_VSCODE_FOLDERS: Final = {"darwin": "{home}/Library/Application Support", "linux": "{config}", "win32": "{appdata}"}

CLIENTS: Final = (
    Client(
        "claude-desktop",
        "Claude Desktop",
        "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
        user=(
            Place("{home}/Library/Application Support/Claude", _DESKTOP, ("darwin",)),
            Place("{config}/Claude", _DESKTOP, ("linux",)),
            Place("{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude", _DESKTOP, ("win32",)),
            Place("{appdata}/Claude", _DESKTOP, ("win32",)),
        ),
        entries=("mcpServers",),
        restart="Quit Claude Desktop, not only its window, and open it again.",
    ),
    Client(
        "claude-code",
        "Claude Code",
        "https://code.claude.com/docs/en/mcp",
        user=(Place("{claude}", (".claude.json",)),),
        project=(Place("{project}", (".mcp.json",)),),
        local=("projects", "{project}", "mcpServers"),
        signs=("{claude}/.claude.json", "{home}/.claude"),
        entries=("mcpServers",),
        before={"type": "stdio"},
        restart="Start a new session of Claude Code, or call /mcp in it.",
    ),
    Client(
        "cursor",
        "Cursor",
        "https://cursor.com/docs/mcp",
        user=(Place("{home}/.cursor", _MCP),),
        project=(Place("{project}/.cursor", _MCP),),
        entries=("mcpServers",),
        restart="Switch the server on in Cursor's settings under MCP, if it is not yet.",
    ),
    Client(
        "vscode",
        "VS Code",
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        user=tuple(
            Place(f"{folder}/{name}/User", _MCP, (platform,))
            for platform, folder in _VSCODE_FOLDERS.items()
            for name in ("Code", "Code - Insiders", "VSCodium")
        ),
        project=(Place("{project}/.vscode", _MCP),),
        entries=("servers",),
        before={"type": "stdio"},
        restart="Start the server with “MCP: List Servers” in VS Code, if it does not start by itself.",
    ),
    Client(
        "codex",
        "Codex",
        "https://developers.openai.com/codex/mcp",
        user=(Place("{codex}", ("config.toml",)),),
        project=(Place("{project}/.codex", ("config.toml",)),),
        entries=("mcp_servers",),
        kind="toml",
        after={"tool_timeout_sec": TOOL_CALL_SECONDS},
        restart="Start a new session of Codex; it reads a project's file in projects that it was told to trust.",
    ),
    Client(
        "gemini",
        "Gemini CLI",
        "https://geminicli.com/docs/tools/mcp-server/",
        user=(Place("{gemini}/.gemini", _SETTINGS),),
        project=(Place("{project}/.gemini", _SETTINGS),),
        entries=("mcpServers",),
        after={"timeout": TOOL_CALL_SECONDS * 1_000},
        restart="Start Gemini CLI again; it starts servers only in folders that it was told to trust.",
    ),
    Client(
        "windsurf",
        "Windsurf",
        "https://docs.devin.ai/desktop/cascade/mcp",
        user=(Place("{home}/.codeium/windsurf", ("mcp_config.json",)),),
        entries=("mcpServers",),
        restart="Press Refresh among the MCP servers of Cascade.",
        note="This is for the agent Cascade; what Devin Local reads is written by `mogplex-mcp install devin`.",
    ),
    Client(
        "devin",
        "Devin Desktop and CLI",
        "https://docs.devin.ai/cli/extensibility/mcp/configuration",
        user=(
            Place("{home}/.config/devin", ("mcp_config.json",), ("darwin", "linux")),
            Place("{appdata}/devin", ("mcp_config.json",), ("win32",)),
        ),
        project=(Place("{project}/.devin", ("mcp_config.json",)),),
        entries=("mcpServers",),
        restart="Start a new session of Devin.",
    ),
    Client(
        "zed",
        "Zed",
        "https://zed.dev/docs/ai/mcp",
        user=(
            Place("{home}/.config/zed", _SETTINGS, ("darwin",)),
            Place("{config}/zed", _SETTINGS, ("linux",)),
            Place("{appdata}/Zed", _SETTINGS, ("win32",)),
        ),
        project=(Place("{project}/.zed", _SETTINGS),),
        entries=("context_servers",),
        restart="Zed starts the server by itself; its state is in the settings of the Agent Panel.",
    ),
    Client(
        "opencode",
        "OpenCode",
        "https://opencode.ai/docs/mcp-servers/",
        user=(Place("{config}/opencode", ("opencode.json", "opencode.jsonc")),),
        project=(Place("{project}", ("opencode.json", "opencode.jsonc")),),
        entries=("mcp",),
        before={"type": "local"},
        after={"enabled": True, "timeout": TOOL_CALL_SECONDS * 1_000},
        one_list=True,
        variables="environment",
        restart="Start OpenCode again.",
    ),
)


def client_named(name: str) -> Client:
    """The client of a name.

    Raises:
        InstallationError: There is none; the message has the nearest one, and all of them.
    """
    names = [client.name for client in CLIENTS]
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted in names:
        return CLIENTS[names.index(wanted)]
    import difflib  # noqa: PLC0415 - this table is imported for --help, too, and with it whenever the server starts

    near = difflib.get_close_matches(wanted, names, 1, 0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InstallationError(f"no client is called {name!r}; {hint}There are: {', '.join(names)}.")
