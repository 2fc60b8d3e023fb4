"""Where each client keeps its configuration, on each system, and what an entry looks like there."""

from pathlib import Path

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import Client
from mogplex_mcp.installation.clients import CLIENTS, client_named
from mogplex_mcp.installation.document import FORMATS
from mogplex_mcp.installation.entry import entry_for, parse_entry, snippet_for
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.installation.machine import Machine
from tests.installation.support import LAUNCH, configuration, machine

LIBRARY = "home/Library/Application Support"
ROAMING = "home/AppData/Roaming"

USER_FILES = {
    "claude-desktop": {
        "darwin": f"{LIBRARY}/Claude/claude_desktop_config.json",
        "linux": "home/.config/Claude/claude_desktop_config.json",
        "win32": f"{ROAMING}/Claude/claude_desktop_config.json",
    },
    "claude-code": dict.fromkeys(("darwin", "linux", "win32"), "home/.claude.json"),
    "cursor": dict.fromkeys(("darwin", "linux", "win32"), "home/.cursor/mcp.json"),
    "vscode": {
        "darwin": f"{LIBRARY}/Code/User/mcp.json",
        "linux": "home/.config/Code/User/mcp.json",
        "win32": f"{ROAMING}/Code/User/mcp.json",
    },
    "codex": dict.fromkeys(("darwin", "linux", "win32"), "home/.codex/config.toml"),
    "gemini": dict.fromkeys(("darwin", "linux", "win32"), "home/.gemini/settings.json"),
    "windsurf": dict.fromkeys(("darwin", "linux", "win32"), "home/.codeium/windsurf/mcp_config.json"),
    "devin": {
        "darwin": "home/.config/devin/mcp_config.json",
        "linux": "home/.config/devin/mcp_config.json",
        "win32": f"{ROAMING}/devin/mcp_config.json",
    },
    "zed": {
        "darwin": "home/.config/zed/settings.json",
        "linux": "home/.config/zed/settings.json",
        "win32": f"{ROAMING}/Zed/settings.json",
    },
    "opencode": dict.fromkeys(("darwin", "linux", "win32"), "home/.config/opencode/opencode.json"),
    "vscode-insiders": {
        "darwin": f"{LIBRARY}/Code - Insiders/User/mcp.json",
        "linux": "home/.config/Code - Insiders/User/mcp.json",
        "win32": f"{ROAMING}/Code - Insiders/User/mcp.json",
    },
    "vscodium": {
        "darwin": f"{LIBRARY}/VSCodium/User/mcp.json",
        "linux": "home/.config/VSCodium/User/mcp.json",
        "win32": f"{ROAMING}/VSCodium/User/mcp.json",
    },
    "copilot-cli": dict.fromkeys(("darwin", "linux", "win32"), "home/.copilot/mcp-config.json"),
    "cline": dict.fromkeys(("darwin", "linux", "win32"), "home/.cline/data/settings/cline_mcp_settings.json"),
    "junie": dict.fromkeys(("darwin", "linux", "win32"), "home/.junie/mcp/mcp.json"),
    "copilot-jetbrains": {
        "darwin": "home/.config/github-copilot/intellij/mcp.json",
        "linux": "home/.config/github-copilot/intellij/mcp.json",
        "win32": "home/AppData/Local/github-copilot/intellij/mcp.json",
    },
    "goose": {
        "darwin": "home/.config/goose/config.yaml",
        "linux": "home/.config/goose/config.yaml",
        "win32": f"{ROAMING}/Block/goose/config/config.yaml",
    },
    "kiro": dict.fromkeys(("darwin", "linux", "win32"), "home/.kiro/settings/mcp.json"),
    "amp": dict.fromkeys(("darwin", "linux", "win32"), "home/.config/amp/settings.json"),
    "continue": dict.fromkeys(("darwin", "linux", "win32"), "home/.continue/mcpServers/mogplex.json"),
    "qwen": dict.fromkeys(("darwin", "linux", "win32"), "home/.qwen/settings.json"),
    "lmstudio": dict.fromkeys(("darwin", "linux", "win32"), "home/.lmstudio/mcp.json"),
    "kilo": dict.fromkeys(("darwin", "linux", "win32"), "home/.config/kilo/kilo.json"),
    "antigravity": dict.fromkeys(("darwin", "linux", "win32"), "home/.gemini/config/mcp_config.json"),
}
PROJECT_FILES = {
    "claude-desktop": None,
    "claude-code": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
    "windsurf": None,
    "devin": ".devin/mcp_config.json",
    "zed": ".zed/settings.json",
    "opencode": "opencode.json",
    "vscode-insiders": ".vscode/mcp.json",
    "vscodium": ".vscode/mcp.json",
    "copilot-cli": ".github/mcp.json",
    "cline": None,
    "junie": ".junie/mcp/mcp.json",
    "copilot-jetbrains": None,
    "goose": None,
    "kiro": ".kiro/settings/mcp.json",
    "amp": ".amp/settings.json",
    "continue": ".continue/mcpServers/mogplex.json",
    "qwen": ".qwen/settings.json",
    "lmstudio": None,
    "kilo": "kilo.json",
    "antigravity": None,
}
every_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


@every_client
@pytest.mark.parametrize("platform", ["darwin", "linux", "win32"])
def test_the_users_file_is_where_the_client_looks(client: Client, platform: str, tmp_path: Path) -> None:
    assert machine(tmp_path, platform).configuration(client, "user") == tmp_path / USER_FILES[client.name][platform]


@every_client
def test_the_projects_file_is_where_the_client_looks(client: Client, tmp_path: Path) -> None:
    here, expected = machine(tmp_path), PROJECT_FILES[client.name]
    assert here.configuration(client, "project") == (here.project / expected if expected else None)
    assert ("project" in client.scopes) == (expected is not None)


def test_claude_code_has_entries_of_the_user_for_one_project(tmp_path: Path) -> None:
    here, client = machine(tmp_path), client_named("claude-code")
    assert client.scopes == ("user", "project", "local")
    assert here.configuration(client, "local") == here.configuration(client, "user")
    assert here.entries(client, "local") == ("projects", here.project.as_posix(), "mcpServers")


@pytest.mark.parametrize(
    ("name", "variable", "expected"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
    ],
)
def test_a_variable_can_move_it(name: str, variable: str, expected: str, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    here = machine(tmp_path, **{variable: str(moved)})
    assert here.configuration(client_named(name), "user") == moved / expected
    ignored = machine(tmp_path, **{variable: "relative"})
    assert ignored.configuration(client_named(name), "user") == machine(tmp_path).configuration(
        client_named(name), "user"
    )


def test_of_several_names_the_file_that_exists_counts(tmp_path: Path) -> None:
    here, client = machine(tmp_path), client_named("opencode")
    path = here.home / ".config/opencode/opencode.jsonc"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert here.configuration(client, "user") == path


@every_client
def test_a_client_is_found_by_what_it_leaves_in_the_home_directory(client: Client, tmp_path: Path) -> None:
    here = machine(tmp_path)
    assert not here.has(client)
    configuration(here, client)
    assert here.has(client)


@every_client
def test_an_entry_is_read_back_as_it_was_written(client: Client) -> None:
    launch = Launch("/bin/uvx", ("mogplex-mcp",), ("--read-only",))
    parsed = parse_entry(client, entry_for(client, launch))
    assert (parsed.command, parsed.args) == ("/bin/uvx", ("mogplex-mcp", "--read-only"))
    assert parsed.options == ("--read-only",)
    assert not parsed.environment
    assert not parsed.is_disabled


@every_client
def test_a_snippet_is_a_whole_configuration(client: Client) -> None:
    data = FORMATS[client.format].read(snippet_for(client, LAUNCH, "mogplex"))
    for step in client.entries:
        assert list(data) == [step]
        data = data[step]
    assert data == {"mogplex": entry_for(client, LAUNCH)}


def test_each_shape_is_what_its_client_reads() -> None:
    shapes = {
        name: entry_for(client_named(name), LAUNCH)
        for name in (
            *("cursor", "vscode", "codex", "gemini", "opencode", "zed", "copilot-cli", "cline", "goose", "kilo"),
        )
    }
    command = LAUNCH.command
    assert shapes == {
        "cursor": {"command": command, "args": []},
        "vscode": {"type": "stdio", "command": command, "args": []},
        "codex": {"command": command, "args": [], "startup_timeout_sec": 30, "tool_timeout_sec": 300, "required": True},
        "gemini": {"command": command, "args": [], "timeout": 300_000},
        "opencode": {"type": "local", "command": [command], "enabled": True, "timeout": 300_000},
        "zed": {"source": "custom", "command": command, "args": []},
        "copilot-cli": {"type": "stdio", "command": command, "args": [], "timeout": 300_000},
        "cline": {"command": command, "args": [], "disabled": False, "autoApprove": [], "timeout": 300},
        "goose": {"name": "mogplex", "type": "stdio", "cmd": command, "args": [], "enabled": True, "timeout": 300},
        "kilo": {"type": "local", "command": [command], "enabled": True, "timeout": 300_000},
    }


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "text",
        {},
        {"url": "https://mogplex.com/mcp"},
        {"command": None},
        {"command": "", "args": 3},
        {"command": []},
    ],
)
def test_an_entry_of_any_shape_starts_something_else(entry: object) -> None:
    assert parse_entry(client_named("cursor"), entry).options is None


def test_values_of_the_environment_are_not_shown() -> None:
    entry = {"command": "mogplex-mcp", "env": {"MOGPLEX_API_KEY": "mog_secret"}}
    assert "mog_secret" not in repr(parse_entry(client_named("cursor"), entry))


@pytest.mark.parametrize("name", ["Claude Desktop", "claude_desktop", " CLAUDE-DESKTOP "])
def test_a_name_may_be_written_in_other_ways(name: str) -> None:
    assert client_named(name).name == "claude-desktop"


def test_of_an_unknown_name_the_nearest_is_named() -> None:
    with pytest.raises(InstallationError, match=r"'cursro'; did you mean cursor\? There are: claude-desktop, "):
        client_named("cursro")
    with pytest.raises(InstallationError, match=r"'copilot'; did you mean copilot-cli or copilot-jetbrains\? "):
        client_named("copilot")
    with pytest.raises(InstallationError, match=r"'emacs'. There are: claude-desktop"):
        client_named("emacs")


@pytest.mark.parametrize("entry", [{"disabled": True}, {"enabled": False}])
def test_an_entry_that_is_switched_off_is_known(entry: dict[str, bool]) -> None:
    assert parse_entry(client_named("codex"), {"command": "mogplex-mcp", **entry}).is_disabled


def test_a_project_is_the_repository_around_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home/shop/deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    settings = Settings(home=tmp_path / "home")
    # Who keeps the home directory in git has no project there.
    (tmp_path / "home/.git").mkdir()
    assert Machine.this(settings).project == folder
    (tmp_path / "home/shop/.git").mkdir()
    assert Machine.this(settings).project == tmp_path / "home/shop"
