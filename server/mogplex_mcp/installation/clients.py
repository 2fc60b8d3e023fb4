"""The MCP clients that this server can be installed in: paths and formats of their configuration.

The facts are from the vendors' documentation, which each row links, from their sources, or from running them. In
addition:

- Claude Desktop from the Windows installer of 2026 is an MSIX package, which is redirected to its own folder instead of
  `%APPDATA%`: <https://github.com/anthropics/claude-code/issues/26073>. Linux is not documented. It writes its file
  from memory, so that a change while it runs is lost.
- Windsurf became Devin Desktop in June 2026. Its older agent, Cascade, still reads the old file; its newer one, Devin
  Local, reads that of Devin's command line: <https://docs.devin.ai/desktop/cascade/mcp>.
- OpenCode 2 keeps its entries one level deeper and also reads those of OpenCode 1: <https://opencode.ai/v2/docs/migrate-v1>.
- Each profile of VS Code other than the default one has a file of its own.
- Copilot for JetBrains has one file for all IDEs: <https://github.com/microsoft/copilot-intellij-feedback/issues/2044>.
  Users of macOS report two folders; the one that exists counts.
- Codex clears the environment of servers, `env_vars` apart, and runs its first turn without a server that is not there
  within a second, unless it is `required`.

Folders contain these placeholders, which `machine` fills in: `{home}`, `{project}`, `{config}` (`~/.config` or what
XDG_CONFIG_HOME names), `{appdata}` and `{localappdata}` (Windows), `{claude}`, `{codex}`, `{gemini}`, `{copilot}`,
`{cline}` and `{continue_}` (the home of that client, which a variable can move), and the wildcard `*`.
"""

from typing import Final

from mogplex_mcp.core.nearest import did_you_mean
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import BOM, COMMAS, COMMENTS, LENIENT, Client, ConfigLocation
from mogplex_mcp.installation.client_families import (
    MCP_JSON,
    MILLISECONDS,
    STDIO,
    TOOL_CALL_SECONDS,
    editor,
    opencode,
    vscode,
)

# The first start, with cold files and a busy machine, takes several seconds.
_START_SECONDS: Final = 30

_SERVERS: Final = ("mcpServers",)
_DESKTOP: Final = ("claude_desktop_config.json",)
_CLINE: Final = ("cline_mcp_settings.json",)
_MCP_CONFIG: Final = ("mcp_config.json",)
_SETTINGS: Final = ("settings.json",)
_POSIX: Final = ("darwin", "linux")
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
        entries=_SERVERS,
        process={"darwin": "Claude", "win32": "Claude.exe"},
        restart="Open Claude Desktop again; if it ran meanwhile, quit it (not only its window) and install once more.",
    ),
    Client(
        "claude-code",
        "Claude Code",
        "https://code.claude.com/docs/en/mcp",
        user=(
            ConfigLocation("{claude}", (".claude.json",)),
            ConfigLocation("{home}/.claude", (".config.json",), role="instead"),
        ),
        project=(ConfigLocation("{project}", (".mcp.json",)),),
        local=("projects", "{project}", "mcpServers"),
        markers=("{claude}/.claude.json", "{home}/.claude"),
        entries=_SERVERS,
        accepts=frozenset({BOM}),
        leading_fields=STDIO,
        fills=("${",),
        restart="Start a new session of Claude Code, or call /mcp in it.",
    ),
    Client(
        "cursor",
        "Cursor",
        "https://cursor.com/docs/mcp",
        user=(ConfigLocation("{home}/.cursor", MCP_JSON),),
        project=(ConfigLocation("{project}/.cursor", MCP_JSON),),
        entries=_SERVERS,
        accepts=LENIENT,
        fills=("${env:",),
        restart="Switch the server on in Cursor's settings under MCP, if it is not yet.",
    ),
    vscode("vscode", "VS Code", "Code", "com.visualstudio.code"),
    vscode("vscode-insiders", "VS Code Insiders", "Code - Insiders", "com.visualstudio.code.insiders"),
    vscode("vscodium", "VSCodium", "VSCodium", "com.vscodium.codium"),
    Client(
        "codex",
        "Codex",
        "https://developers.openai.com/codex/mcp",
        user=(ConfigLocation("{codex}", ("config.toml",)),),
        project=(ConfigLocation("{project}/.codex", ("config.toml",)),),
        entries=("mcp_servers",),
        format="toml",
        accepts=LENIENT,
        trailing_fields={
            "startup_timeout_sec": _START_SECONDS,
            "tool_timeout_sec": TOOL_CALL_SECONDS,
            "required": True,
        },
        forwarded="env_vars",
        restart="Start a new session of Codex; it reads a project's file only in trusted projects.",
    ),
    Client(
        "gemini",
        "Gemini CLI",
        "https://geminicli.com/docs/tools/mcp-server/",
        user=(ConfigLocation("{gemini}/.gemini", _SETTINGS),),
        project=(ConfigLocation("{project}/.gemini", _SETTINGS),),
        entries=_SERVERS,
        accepts=frozenset({COMMENTS}),
        trailing_fields=MILLISECONDS,
        fills=("$",),
        restart="Start Gemini CLI again; it starts servers only in trusted folders.",
    ),
    Client(
        "windsurf",
        "Windsurf",
        "https://docs.devin.ai/desktop/cascade/mcp",
        user=(ConfigLocation("{home}/.codeium/windsurf", _MCP_CONFIG),),
        entries=_SERVERS,
        fills=("${env:",),
        restart="Press Refresh among the MCP servers of Cascade.",
        note="This is for the agent Cascade; what Devin Local reads is written by `mogplex-mcp install devin`.",
    ),
    Client(
        "devin",
        "Devin Desktop and CLI",
        "https://docs.devin.ai/cli/extensibility/mcp/configuration",
        user=(
            ConfigLocation("{home}/.config/devin", _MCP_CONFIG, _POSIX),
            ConfigLocation("{appdata}/devin", _MCP_CONFIG, ("win32",)),
        ),
        project=(ConfigLocation("{project}/.devin", _MCP_CONFIG),),
        entries=_SERVERS,
        restart="Start a new session of Devin.",
    ),
    Client(
        "zed",
        "Zed",
        "https://zed.dev/docs/ai/mcp",
        user=(
            ConfigLocation("{home}/.config/zed", _SETTINGS, ("darwin",)),
            ConfigLocation("{config}/zed", _SETTINGS, ("linux",)),
            ConfigLocation("{home}/.var/app/dev.zed.Zed/config/zed", _SETTINGS, ("linux",), "also"),
            ConfigLocation("{appdata}/Zed", _SETTINGS, ("win32",)),
        ),
        project=(ConfigLocation("{project}/.zed", _SETTINGS),),
        entries=("context_servers",),
        accepts=LENIENT,
        leading_fields={"source": "custom"},
        restart="Zed starts the server by itself; its state is in the settings of the Agent Panel.",
    ),
    opencode("opencode", "OpenCode", "https://opencode.ai/docs/mcp-servers/"),
    Client(
        "copilot-cli",
        "Copilot CLI",
        "https://docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers",
        user=(ConfigLocation("{copilot}", ("mcp-config.json",)),),
        project=(ConfigLocation("{project}/.github", MCP_JSON),),
        entries=_SERVERS,
        accepts=LENIENT,
        leading_fields=STDIO,
        trailing_fields=MILLISECONDS,
        fills=("${",),
        restart="Start a new session of Copilot CLI, or call /mcp in it.",
    ),
    Client(
        "cline",
        "Cline",
        "https://docs.cline.bot/mcp/configuring-mcp-servers",
        user=(
            ConfigLocation("{cline}/data/settings", _CLINE),
            *editor("Code", "globalStorage/saoudrizwan.claude-dev/settings", _CLINE),
        ),
        markers=("{cline}",),
        file_variable="CLINE_MCP_SETTINGS_PATH",
        entries=_SERVERS,
        # Its timeout is in seconds, 60 without it.
        trailing_fields={"disabled": False, "autoApprove": [], "timeout": TOOL_CALL_SECONDS},
        fills=("${env:",),
        restart="Cline reads it at once.",
    ),
    Client(
        "junie",
        "JetBrains Junie",
        "https://junie.jetbrains.com/docs/junie-cli-mcp-configuration.html",
        user=(ConfigLocation("{home}/.junie/mcp", MCP_JSON),),
        project=(ConfigLocation("{project}/.junie/mcp", MCP_JSON),),
        markers=("{home}/.junie",),
        entries=_SERVERS,
        restart="Junie reads it at once.",
    ),
    Client(
        "copilot-jetbrains",
        "Copilot for JetBrains",
        "https://docs.github.com/en/copilot/how-tos/provide-context/use-mcp/extend-copilot-chat-with-mcp?tool=jetbrains",
        user=(
            ConfigLocation("{config}/github-copilot/intellij", MCP_JSON, ("linux",)),
            ConfigLocation("{home}/.config/github-copilot/intellij", MCP_JSON, ("darwin",)),
            ConfigLocation("{home}/Library/Application Support/github-copilot/intellij", MCP_JSON, ("darwin",)),
            ConfigLocation("{localappdata}/github-copilot/intellij", MCP_JSON, ("win32",)),
        ),
        entries=("servers",),
        accepts=frozenset({COMMENTS, COMMAS}),
        leading_fields=STDIO,
        restart="Press Start above the entry in mcp.json (Settings, Tools, GitHub Copilot, MCP), or restart the IDE.",
    ),
    Client(
        "goose",
        "Goose",
        "https://block.github.io/goose/docs/getting-started/using-extensions",
        user=(
            ConfigLocation("{home}/.config/goose", ("config.yaml",), ("darwin",)),
            ConfigLocation("{config}/goose", ("config.yaml",), ("linux",)),
            ConfigLocation("{appdata}/Block/goose/config", ("config.yaml",), ("win32",)),
        ),
        entries=("extensions",),
        format="yaml",
        accepts=LENIENT,
        leading_fields={"name": "{name}", "type": "stdio"},
        trailing_fields={"enabled": True, "timeout": TOOL_CALL_SECONDS},
        command_field="cmd",
        variables="envs",
        restart="Start a new session of Goose.",
    ),
    Client(
        "kiro",
        "Kiro",
        "https://kiro.dev/docs/mcp/configuration/",
        user=(ConfigLocation("{home}/.kiro/settings", MCP_JSON),),
        project=(ConfigLocation("{project}/.kiro/settings", MCP_JSON),),
        markers=("{home}/.kiro",),
        entries=_SERVERS,
        trailing_fields={"disabled": False, "autoApprove": [], **MILLISECONDS},
        fills=("${",),
        restart="Kiro reads it at once.",
    ),
    Client(
        "amp",
        "Amp",
        "https://ampcode.com/manual#mcp",
        user=(
            ConfigLocation("{home}/.config/amp", _SETTINGS),
            ConfigLocation("{appdata}/amp", _SETTINGS, ("win32",)),
        ),
        project=(ConfigLocation("{project}/.amp", _SETTINGS),),
        file_variable="AMP_SETTINGS_FILE",
        entries=("amp.mcpServers",),
        accepts=LENIENT,
        fills=("${",),
        restart="Start a new session of Amp; it asks before it starts the servers of a project.",
    ),
    Client(
        "continue",
        "Continue",
        "https://docs.continue.dev/customize/deep-dives/mcp",
        user=(ConfigLocation("{continue_}/mcpServers", ("mogplex.json",)),),
        project=(ConfigLocation("{project}/.continue/mcpServers", ("mogplex.json",)),),
        markers=("{continue_}",),
        entries=_SERVERS,
        fills=("${{",),
        restart="Continue reads it at once; tools are used in its agent mode.",
        note="Continue's command line does not read this folder yet: add the server to its config.yaml for that.",
    ),
    Client(
        "qwen",
        "Qwen Code",
        "https://qwenlm.github.io/qwen-code-docs/en/users/features/mcp/",
        user=(ConfigLocation("{home}/.qwen", _SETTINGS),),
        project=(ConfigLocation("{project}/.qwen", _SETTINGS),),
        entries=_SERVERS,
        accepts=frozenset({BOM, COMMENTS}),
        trailing_fields=MILLISECONDS,
        fills=("$",),
        restart="Start Qwen Code again.",
    ),
    Client(
        "lmstudio",
        "LM Studio",
        "https://lmstudio.ai/docs/app/mcp",
        user=(ConfigLocation("{home}/.lmstudio", MCP_JSON), ConfigLocation("{home}/.cache/lm-studio", MCP_JSON)),
        entries=_SERVERS,
        restart="LM Studio reads it at once.",
    ),
    opencode("kilo", "Kilo Code", "https://kilo.ai/docs/features/mcp/using-mcp-in-kilo-code"),
    Client(
        "antigravity",
        "Antigravity",
        "https://antigravity.google/docs/mcp",
        user=(ConfigLocation("{home}/.gemini/config", _MCP_CONFIG),),
        entries=_SERVERS,
        restart="Press Refresh in the list of MCP servers of Antigravity.",
    ),
)


def client_named(name: str) -> Client:
    """Return the client of a name.

    Raises:
        InstallationError: The name is unknown; the message has similar ones, and all.
    """
    names = [client.name for client in CLIENTS]
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted in names:
        return CLIENTS[names.index(wanted)]
    near = did_you_mean(wanted, names)
    hint = f"; {near}" if near else "."
    raise InstallationError(f"no client is called {name[:40]!r}{hint} There are: {', '.join(names)}.")
