"""A server with invalid settings: clients show its reasons, and nothing runs that the user may have forbidden."""

import subprocess
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from tests.transports.processes import PROGRAM, environment

pytestmark = pytest.mark.anyio


def started(tmp_path: Path, *args: str, **variables: str) -> StdioServerParameters:
    command, *first = PROGRAM
    return StdioServerParameters(command=command, args=[*first, *args], env=environment(tmp_path, variables))


async def said(client: Client, tool: str) -> str:
    result = await client.call_tool(tool, {})
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize(
    ("args", "variables", "reason"),
    [
        ((), {"MOGPLEX_MCP_READ_ONLY": "maybe"}, "MOGPLEX_MCP_READ_ONLY is invalid: write true or false, not 'maybe'."),
        (("--toolsets", "run"), {}, 'there is no toolset "run"; did you mean runs'),
        ((), {"MOGPLEX_MCP_TOOLS": "get_rum"}, 'there is no tool "get_rum"; did you mean get_run'),
        (("--exclude-tools", "x"), {}, 'there is no tool "x"'),
        (("--url", "https://mogplex.com/wrong"), {}, "--url is invalid: The Mogplex address has a path that"),
        (("--readonly",), {}, "The command line of this server is invalid: unrecognized arguments: --readonly"),
        (("--toolsets",), {}, "is invalid: argument --toolsets: expected one argument."),
        (("stdio",), {}, "is invalid: argument command: invalid choice: 'stdio'"),
        ((), {"MOGPLEX_URL": "http://mogplex.example"}, "MOGPLEX_URL is invalid: http:// would send your token"),
    ],
)
async def test_server_with_an_invalid_setting_says_so_in_every_tool_and_runs_none(
    args: tuple[str, ...], variables: dict[str, str], reason: str, tmp_path: Path
) -> None:
    server = started(tmp_path, *args, MOGPLEX_MCP_DEMO="1", **variables)
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["check_connection"]
        assert reason in (client.instructions or "")
        for tool in ("check_connection", "start_run", "no_such_tool"):
            assert reason in await said(client, tool)


async def test_server_with_an_invalid_setting_says_so_to_clients_of_the_older_protocol(tmp_path: Path) -> None:
    async with Client(started(tmp_path, MOGPLEX_MCP_DEMO="perhaps"), mode="legacy") as client:
        assert "MOGPLEX_MCP_DEMO is invalid" in await said(client, "start_run")


async def test_server_without_a_valid_wait_runs_with_the_default_and_says_so_in_every_tool(tmp_path: Path) -> None:
    async with Client(started(tmp_path, "--demo", MOGPLEX_MCP_MAX_WAIT="soon")) as client:
        assert len((await client.list_tools()).tools) > 1
        for tool in ("check_connection", "list_repos", "list_runs"):
            text = await said(client, tool)
            assert text.count("MOGPLEX_MCP_MAX_WAIT is invalid: write a number of seconds, not 'soon'.") == 1


async def test_check_connection_names_placeholders_that_were_not_filled_in(tmp_path: Path) -> None:
    variables = {"MOGPLEX_API_KEY": "${user_config.api_key}", "MOGPLEX_MCP_READ_ONLY": "${user_config.read_only}"}
    async with Client(started(tmp_path, "--demo", **variables)) as client:
        text = await said(client, "check_connection")
        assert "MOGPLEX_API_KEY contains a placeholder that was not filled in: it counts as not set." in text
        assert "MOGPLEX_MCP_READ_ONLY contains a placeholder" in text
        assert "start_run" in {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("words", [["--readonly"], ["serve"], ["rnu"], ["runs", "list", "--bogus"], ["--max-wait"]])
def test_invalid_command_line_exits_with_2_whatever_stdin_is(words: list[str], tmp_path: Path) -> None:
    for stdin in (subprocess.DEVNULL, subprocess.PIPE):
        done = subprocess.run(
            [*PROGRAM, *words],
            stdin=stdin,
            capture_output=True,
            env=environment(tmp_path),
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"--help" in done.stderr
        assert b"Traceback" not in done.stderr
