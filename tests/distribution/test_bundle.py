"""The MCP bundle is what the official tool takes, and what is in it starts."""

import json
from pathlib import Path

import anyio
import pytest
import uv
from mcp import Client, StdioServerParameters

from distribution import bundle
from mogplex_mcp import __version__
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.startup.built_answers import SELECTIONS
from tests.acceptance import environments
from tests.transports.processes import environment, simulator
from tests.transports.story import follow_to_pull_request

pytestmark = pytest.mark.anyio

MANIFEST = bundle.manifest()
TIMEOUT_SECONDS = 240


def filled_in(text: str, folder: Path, given: dict[str, str]) -> str:
    """What a host makes of a text of the manifest: the user's settings, or their defaults, in their places."""
    settings = MANIFEST["user_config"].items()
    values = {
        name: given.get(name, str(one["default"]).lower() if one["type"] == "boolean" else one["default"])
        for name, one in settings
    }
    for name, value in values.items():
        text = text.replace(f"${{user_config.{name}}}", value)
    return text.replace("${__dirname}", str(folder))


def variables(given: dict[str, str], folder: Path) -> dict[str, str]:
    env = MANIFEST["server"]["mcp_config"]["env"]
    return {name: filled_in(text, folder, given) for name, text in env.items()}


def test_the_token_is_kept_as_a_secret_and_needed_only_where_there_is_none_yet() -> None:
    setting = MANIFEST["user_config"]["api_key"]
    assert setting["sensitive"]
    assert not setting["required"]
    assert MANIFEST["server"]["mcp_config"]["env"]["MOGPLEX_API_KEY"] == "${user_config.api_key}"


def test_what_a_user_leaves_empty_is_not_set(tmp_path: Path) -> None:
    left, none = (Settings.load({"HOME": "/home/me"} | more) for more in (variables({}, tmp_path), {}))
    assert left == none


def test_what_a_user_fills_in_is_set(tmp_path: Path) -> None:
    given = {"api_key": DEMO_TOKEN, "default_repo": "acme/web", "read_only": "true", "toolsets": "repos,runs"}
    assert set(given) == set(MANIFEST["user_config"])
    settings = Settings.load(variables(given, tmp_path))
    assert settings.api_key.value == DEMO_TOKEN
    assert settings.default_repo == "acme/web"
    assert settings.read_only
    assert settings.toolsets == ("repos", "runs")


def test_its_variables_are_those_of_the_server() -> None:
    known = {option.environment[0] for option in OPTIONS}
    assert set(MANIFEST["server"]["mcp_config"]["env"]) <= known
    assert MANIFEST["version"] == __version__


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(FileExistsError):
        bundle.write(tmp_path)


def test_it_has_the_responses_of_its_server_built_in(tmp_path: Path) -> None:
    bundle.write(tmp_path)
    folder = tmp_path / "server" / "mogplex_mcp" / "startup" / "built"
    assert {file.stem for file in folder.iterdir()} == SELECTIONS.keys()


async def run(*command: Path | str) -> None:
    with anyio.fail_after(TIMEOUT_SECONDS):
        ended = await anyio.run_process([str(word) for word in command], check=False)
    assert ended.returncode == 0, (ended.stdout + ended.stderr).decode()


@pytest.mark.acceptance
async def test_it_is_packed_unpacked_and_started_as_its_hosts_do(tmp_path: Path) -> None:
    written, packed, installed = tmp_path / "written", tmp_path / "mogplex-mcp.mcpb", tmp_path / "installed"
    await anyio.to_thread.run_sync(bundle.write, written)
    package = environments.npm("mcpb") / "node_modules" / "@anthropic-ai" / "mcpb"
    mcpb = (environments.NODE, package / "dist" / "cli" / "cli.js")
    await run(*mcpb, "validate", written / "manifest.json")
    await run(*mcpb, "pack", written, packed)
    await run(*mcpb, "unpack", packed, installed)

    config = json.loads((installed / "manifest.json").read_text(encoding="utf-8"))["server"]["mcp_config"]
    assert config["command"] == "uv"
    with simulator(tmp_path, "--demo-seconds", "1") as mogplex:
        # The environment is made on the first start, before a client waits for an answer.
        tool = uv.find_uv_bin()
        await run(tool, "sync", "--quiet", "--directory", installed)
        given = variables({"api_key": DEMO_TOKEN}, installed) | {"MOGPLEX_URL": mogplex}
        server = StdioServerParameters(
            command=tool,
            args=[filled_in(text, installed, {}) for text in config["args"]],
            env=environment(tmp_path, given),
        )
        async with Client(server) as client:
            offered = {tool.name for tool in (await client.list_tools()).tools}
            prompts = {prompt.name for prompt in (await client.list_prompts()).prompts}
            await follow_to_pull_request(client, "Fix the flaky test.")
    assert offered == {tool["name"] for tool in MANIFEST["tools"]}
    assert prompts == {prompt["name"] for prompt in MANIFEST["prompts"]}
