"""The MCP clients that this server can be installed in: paths and formats of their configuration.

The facts are from the vendors' documentation, which each row links. In addition:

- Claude Desktop from the Windows installer of 2026 is an MSIX package, which is redirected to its own folder instead of
  `%APPDATA%`: <https://github.com/anthropics/claude-code/issues/26073>. Linux is not documented.
- Windsurf became Devin Desktop in June 2026. Its older agent, Cascade, still reads the old file; its newer one, Devin
  Local, reads that of Devin's command line: <https://docs.devin.ai/desktop/cascade/mcp>.
- OpenCode 2 keeps its entries one level deeper and also reads those of OpenCode 1: <https://opencode.ai/v2/docs/migrate-v1>.

Folders contain these placeholders, which `machine` fills in: `{home}`, `{project}`, `{config}` (`~/.config` or what
XDG_CONFIG_HOME names), `{appdata}` and `{localappdata}` (Windows), `{claude}`, `{codex}` and `{gemini}` (the home of
that client, which a variable can move), and the wildcard `*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from mogplex_mcp.installation import InstallationError

# A call with an elicitation takes as long as the user does; one that only waits ends long before.
TOOL_CALL_SECONDS: Final = 300
SCOPES: Final = ("user", "project", "local")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class ConfigLocation:
    """A location where a client looks for its configuration.

    Attributes:
        folder: With placeholders, see above.
        names: File names; the first that exists, or else the first.
        platforms: Platforms with this location, as in `sys.platform`.
    """

    folder: str
    names: tuple[str, ...]
    platforms: tuple[str, ...] = ("darwin", "linux", "win32")


@dataclass(frozen=True, eq=False)  # compared by identity, so that a row can be a key
class Client:
    """One MCP client.

    Attributes:
        name: As a user types it.
        title: As its vendor writes it.
        page: The vendor's page about the configuration.
        user: Locations of the user's configuration; the first with an existing folder counts.
        entries: The path of the entries in the file.
        restart: How to make it read the configuration again.
        project: Locations of a project's configuration; empty if there is none.
        local: The path of the user's own entries for one project, in the user's file; empty if there are none.
        markers: Paths that exist if the client is installed, if that is not the folder of its configuration.
        format: json or toml.
        leading_fields: Fields of an entry before its command.
        trailing_fields: Fields of an entry after its arguments, such as the timeout of a tool call.
        command_is_list: Whether command and arguments are one list.
        variables: The field of an entry that holds environment variables.
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
    format: str = "json"
    leading_fields: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    trailing_fields: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    command_is_list: bool = False
    variables: str = "env"
    note: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of entries: the user, the project (everyone who works on it), the user in the project."""
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
            ConfigLocation("{home}/Library/Application Support/Claude", _DESKTOP, ("darwin",)),
            ConfigLocation("{config}/Claude", _DESKTOP, ("linux",)),
            ConfigLocation("{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude", _DESKTOP, ("win32",)),
            ConfigLocation("{appdata}/Claude", _DESKTOP, ("win32",)),
        ),
        entries=("mcpServers",),
        restart="Quit Claude Desktop, not only its window, and open it again.",
    ),
    Client(
        "claude-code",
        "Claude Code",
        "https://code.claude.com/docs/en/mcp",
        user=(ConfigLocation("{claude}", (".claude.json",)),),
        project=(ConfigLocation("{project}", (".mcp.json",)),),
        local=("projects", "{project}", "mcpServers"),
        markers=("{claude}/.claude.json", "{home}/.claude"),
        entries=("mcpServers",),
        leading_fields={"type": "stdio"},
        restart="Start a new session of Claude Code, or call /mcp in it.",
    ),
    Client(
        "cursor",
        "Cursor",
        "https://cursor.com/docs/mcp",
        user=(ConfigLocation("{home}/.cursor", _MCP),),
        project=(ConfigLocation("{project}/.cursor", _MCP),),
        entries=("mcpServers",),
        restart="Switch the server on in Cursor's settings under MCP, if it is not yet.",
    ),
    Client(
        "vscode",
        "VS Code",
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        user=tuple(
            ConfigLocation(f"{folder}/{name}/User", _MCP, (platform,))
            for platform, folder in _VSCODE_FOLDERS.items()
            for name in ("Code", "Code - Insiders", "VSCodium")
        ),
        project=(ConfigLocation("{project}/.vscode", _MCP),),
        entries=("servers",),
        leading_fields={"type": "stdio"},
        restart="Start the server with “MCP: List Servers” in VS Code, if it does not start by itself.",
    ),
    Client(
        "codex",
        "Codex",
        "https://developers.openai.com/codex/mcp",
        user=(ConfigLocation("{codex}", ("config.toml",)),),
        project=(ConfigLocation("{project}/.codex", ("config.toml",)),),
        entries=("mcp_servers",),
        format="toml",
        trailing_fields={"tool_timeout_sec": TOOL_CALL_SECONDS},
        restart="Start a new session of Codex; it reads a project's file only in trusted projects.",
    ),
    Client(
        "gemini",
        "Gemini CLI",
        "https://geminicli.com/docs/tools/mcp-server/",
        user=(ConfigLocation("{gemini}/.gemini", _SETTINGS),),
        project=(ConfigLocation("{project}/.gemini", _SETTINGS),),
        entries=("mcpServers",),
        trailing_fields={"timeout": TOOL_CALL_SECONDS * 1_000},
        restart="Start Gemini CLI again; it starts servers only in trusted folders.",
    ),
    Client(
        "windsurf",
        "Windsurf",
        "https://docs.devin.ai/desktop/cascade/mcp",
        user=(ConfigLocation("{home}/.codeium/windsurf", ("mcp_config.json",)),),
        entries=("mcpServers",),
        restart="Press Refresh among the MCP servers of Cascade.",
        note="This is for the agent Cascade; what Devin Local reads is written by `mogplex-mcp install devin`.",
    ),
    Client(
        "devin",
        "Devin Desktop and CLI",
        "https://docs.devin.ai/cli/extensibility/mcp/configuration",
        user=(
            ConfigLocation("{home}/.config/devin", ("mcp_config.json",), ("darwin", "linux")),
            ConfigLocation("{appdata}/devin", ("mcp_config.json",), ("win32",)),
        ),
        project=(ConfigLocation("{project}/.devin", ("mcp_config.json",)),),
        entries=("mcpServers",),
        restart="Start a new session of Devin.",
    ),
    Client(
        "zed",
        "Zed",
        "https://zed.dev/docs/ai/mcp",
        user=(
            ConfigLocation("{home}/.config/zed", _SETTINGS, ("darwin",)),
            ConfigLocation("{config}/zed", _SETTINGS, ("linux",)),
            ConfigLocation("{appdata}/Zed", _SETTINGS, ("win32",)),
        ),
        project=(ConfigLocation("{project}/.zed", _SETTINGS),),
        entries=("context_servers",),
        restart="Zed starts the server by itself; its state is in the settings of the Agent Panel.",
    ),
    Client(
        "opencode",
        "OpenCode",
        "https://opencode.ai/docs/mcp-servers/",
        user=(ConfigLocation("{config}/opencode", ("opencode.json", "opencode.jsonc")),),
        project=(ConfigLocation("{project}", ("opencode.json", "opencode.jsonc")),),
        entries=("mcp",),
        leading_fields={"type": "local"},
        trailing_fields={"enabled": True, "timeout": TOOL_CALL_SECONDS * 1_000},
        command_is_list=True,
        variables="environment",
        restart="Start OpenCode again.",
    ),
)


def client_named(name: str) -> Client:
    """Return the client of a name.

    Raises:
        InstallationError: The name is unknown; the message has the closest one, and all of them.
    """
    names = [client.name for client in CLIENTS]
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted in names:
        return CLIENTS[names.index(wanted)]
    import difflib  # noqa: PLC0415 - --help imports this table at every start

    near = difflib.get_close_matches(wanted, names, 1, 0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InstallationError(f"no client is called {name!r}; {hint}There are: {', '.join(names)}.")
