"""The MCP Inspector signs in, knowing nothing but the address of a server with --oauth."""

import json
import re
import subprocess
import threading
from pathlib import Path

import httpx2
import pytest

from tests.acceptance import environments
from tests.transports.processes import environment, http_server, lines, simulator

pytestmark = pytest.mark.acceptance

SECONDS = 60


def browse(url: str) -> None:
    """Open a page as a browser in which its person is signed in at Mogplex."""
    assert httpx2.get(url, follow_redirects=True, timeout=SECONDS).status_code == 200


def test_the_inspector_signs_in_with_the_address_alone(tmp_path: Path) -> None:
    package = environments.npm("inspector") / "node_modules" / "@modelcontextprotocol" / "inspector"
    program = [str(environments.NODE), str(package / "clients" / "launcher" / "build" / "index.js"), "--cli"]
    # Without a terminal, it asks nobody unless it is told that it may; `false` is a browser that opens nothing.
    variables = {"MCP_AUTO_OPEN_ENABLED": "true", "BROWSER": "false", "MCP_INSPECTOR_SECRET_STORE": "memory"}
    with (
        simulator(tmp_path, "signed-in") as mogplex,
        http_server(tmp_path, "--oauth", "--url", mogplex) as address,
        subprocess.Popen(
            [*program, address, "--transport", "http", "--callback-url", "http://127.0.0.1:0/oauth/callback",
             "--method", "tools/call", "--tool-name", "list_repos"],
            env=environment(tmp_path, variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as inspector,
    ):  # fmt: skip
        deadline = threading.Timer(SECONDS, inspector.kill)
        deadline.start()
        try:
            said = ""
            for line in lines(inspector.stdout):
                said += line
                if url := re.search(rf"{mogplex}/api/auth/mcp/authorize\?\S+", line):
                    browse(url.group())
            assert inspector.wait() == 0, said[-3_000:]
        finally:
            deadline.cancel()
            inspector.kill()
    answer = json.loads(said[said.index("\n{") :])
    assert answer["structuredContent"]["repos"]
