"""A canary in the place of each secret: it is found in the one place where it belongs, and nowhere else."""

import contextlib
import json
import logging
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from mogplex_mcp.core.redaction import Redactor
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator
from mogplex_mcp.simulator.world import ApiToken as SimulatedToken
from tests.tools.people import YES, User
from tests.tools.support import settings, text_of
from tests.transports.processes import PROGRAM, environment
from tests.trust.canaries import (
    CLIENT_KEY,
    INITIALIZE,
    OTHER_TOKEN,
    SHORT_STORY,
    TOKEN,
    VALUE,
    Mirror,
    assert_without,
    files,
    talkative,
)
from tests.trust.hostile import CALLS, Hostile
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


def test_over_stdio_the_token_is_in_its_header_alone(tmp_path: Path) -> None:
    messages: list[Any] = [
        {"jsonrpc": "2.0", "method": "notifications/odd", "params": {"value": VALUE}},
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": {"odd": VALUE}, "method": "tools/call", "params": {"value": VALUE}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "set_env_var", "arguments": [VALUE]}},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "set_env_var", "arguments": {"value": [VALUE]}},
        },
        *(
            {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
            for number, (tool, arguments) in enumerate(SHORT_STORY, 3)
        ),
    ]
    last = messages[-1]["id"]
    errors = tmp_path / "stderr"
    with Mirror() as mirror, errors.open("wb") as stderr:
        running = subprocess.Popen(
            PROGRAM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(tmp_path, talkative(tmp_path, mirror.url)),
        )
        assert running.stdin is not None
        assert running.stdout is not None
        said = []
        for message in messages:
            running.stdin.write(json.dumps(message).encode() + b"\n")
            running.stdin.flush()
            while message.get("id") in range(last + 1):
                said.append(running.stdout.readline())
                if json.loads(said[-1]).get("id") == message["id"]:
                    break
        running.stdin.close()
        said.append(running.stdout.read())
        running.stdout.close()
        assert running.wait(10) == 0
        mirror.check(TOKEN)
    assert any("/env-vars" in line and line.startswith("POST") for line, _, _ in mirror.requests)
    for text in [*said, errors.read_bytes(), *files(tmp_path)]:
        assert_without(text, TOKEN, CLIENT_KEY, VALUE)
    assert b"DEBUG asyncio" in errors.read_bytes()


def test_over_http_each_token_is_in_its_header_alone(tmp_path: Path) -> None:
    def post(address: str, shown: str, message: Any) -> bytes:
        headers = {
            "authorization": f"Bearer {shown}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        asked = urllib.request.Request(address, json.dumps(message).encode(), headers)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - the same
                body: bytes = answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                body = refused.read()
        return body

    errors = tmp_path / "stderr"
    with Mirror() as mirror, errors.open("wb") as stderr:
        running = subprocess.Popen(
            [*PROGRAM, "http", "--port", "0"], stderr=stderr, env=environment(tmp_path, talkative(tmp_path, mirror.url))
        )
        try:
            while "/mcp" not in (line := errors.read_text()):
                assert running.poll() is None, line
            address = next(word.rstrip(";") for word in line.split() if word.startswith("http://"))
            said = []
            for shown in (OTHER_TOKEN, CLIENT_KEY, TOKEN[:-1], "Basic " + TOKEN, CLIENT_KEY + "x"):
                for number, (tool, arguments) in enumerate(SHORT_STORY[:12]):
                    call = {"name": tool, "arguments": arguments}
                    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
                    said.append(post(address, shown, message))
                said.append(post(address, shown, {"jsonrpc": "2.0", "id": 99, "method": "odd", "params": VALUE}))
        finally:
            running.terminate()
            running.wait(10)
        mirror.check(TOKEN, OTHER_TOKEN)
    for text in [*said, errors.read_bytes(), *files(tmp_path)]:
        assert_without(text, TOKEN, OTHER_TOKEN, CLIENT_KEY)
    assert_without(errors.read_bytes(), VALUE)


FAULTS: list[Any] = [
    None,
    lambda request: httpx2.ReadError(f"broken: {request.headers['authorization']}", request=request),
    lambda request: httpx2.Response(500, json={"ok": False, "error": {"code": "x", "message": str(request.headers)}}),
    None,
    lambda request: httpx2.Response(302, headers={"location": f"https://evil.example/{TOKEN}?{TOKEN}"}),
    lambda request: httpx2.Response(502, html=f"<title>{request.headers['authorization']}</title>"),
    None,
    lambda request: httpx2.RemoteProtocolError(f"illegal status line: {TOKEN}", request=request),
    lambda request: httpx2.Response(401, json={"ok": False, "error": {"code": TOKEN, "message": TOKEN}}),
    None,
    lambda request: httpx2.ProxyError(f"407 {TOKEN}", request=request),
    lambda request: httpx2.Response(429, json={"ok": False, "error": {"message": TOKEN}}, headers={"retry-after": "1"}),
]


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """Everything that is logged, at the lowest level, before any filter."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(Redactor([CLIENT_KEY]).format(record))

    handler, root = Keep(logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


async def test_under_every_fault_the_token_goes_to_one_origin_in_its_header_alone(tmp_path: Path) -> None:
    faults = cycle(FAULTS)

    def fault(request: httpx2.Request) -> httpx2.Response | None:
        made = next(faults)
        outcome = made(request) if made else None
        if isinstance(outcome, Exception):
            raise outcome
        response: httpx2.Response | None = outcome
        return response

    transport = Hostile(lambda field: f"{field} {TOKEN}", otherwise=fault)
    chosen = settings(
        TOKEN,
        MOGPLEX_MCP_TOOLSETS="all",
        MOGPLEX_MCP_CLIENT_KEY=CLIENT_KEY,
        MOGPLEX_MCP_STATE_FILE=str(tmp_path / "state.sqlite3"),
    )
    with logged() as said:
        server = create_server(chosen, transport=transport, now=virtual_now)
        user = User(YES)
        async with Client(server, elicitation_callback=user) as client:
            for _ in range(3):
                for tool, arguments in CALLS:
                    given = arguments | ({"value": VALUE} if tool == "set_env_var" else {})
                    said.append((await client.call_tool(tool, given)).model_dump_json())
    assert_without("\n".join(said + user.asked), TOKEN, VALUE)
    assert_without(repr(chosen) + repr(server) + str(chosen), TOKEN, CLIENT_KEY)
    for kept in files(tmp_path):
        assert_without(kept, TOKEN, VALUE)
    for request in transport.requests:
        others = dict(request.headers)
        assert others.pop("authorization") == f"Bearer {TOKEN}"
        assert request.url.host == "mogplex.com"
        assert_without(f"{request.url}{others}", TOKEN, VALUE)
        assert_without(request.content, TOKEN, *([] if "env-vars" in request.url.path else [VALUE]))


async def test_a_value_goes_to_its_route_and_comes_back_from_nowhere(tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    world = simulator.world
    world.env_vars_available = True
    world.tokens.append(SimulatedToken(TOKEN, world.users[0].id))
    user = User(YES)
    chosen = settings(TOKEN, MOGPLEX_MCP_TOOLSETS="all", MOGPLEX_MCP_STATE_FILE=str(tmp_path / "state.sqlite3"))
    said = []
    async with Client(
        create_server(chosen, transport=simulator.transport(), now=virtual_now), elicitation_callback=user
    ) as client:
        for tool, arguments in (
            ("set_env_var", {"repo": "acme/web", "key": "NAME", "value": VALUE, "kind": "sensitive"}),
            ("list_env_vars", {"repo": "acme/web"}),
            ("set_env_var", {"repo": "acme/web", "key": f"NAME={VALUE}", "value": VALUE}),
            ("delete_env_var", {"repo": "acme/web", "key": "NAME"}),
        ):
            said.append(str(await client.call_tool(tool, arguments)))
    assert "NAME was created" in said[0]
    assert_without("".join(said + user.asked), TOKEN, VALUE)


async def test_connected_servers_are_told_without_a_value(tmp_path: Path) -> None:
    simulator = Simulator(now=virtual_now)
    config = {
        "url": f"https://user:Pepper-Anchor-77@mcp.example:8443/{VALUE}?key={VALUE}",
        "headers": {"Authorization": f"Bearer {VALUE}", VALUE: "x", TOKEN: "x"},
        "http_headers": {"X-Key": VALUE},
        "env": {"SERVICE_KEY": VALUE, TOKEN: VALUE},
        "args": ["--key", VALUE],
        "command": f"serve --key {VALUE}",
        "bearer_token": VALUE,
    }
    simulator.world.users[0].mcp_servers = [
        {"name": "docs", "enabled": True, "config": config},
        {"name": TOKEN, "enabled": True, "config": {"env": [VALUE], "headers": VALUE, "url": [VALUE]}},
    ]
    async with Client(
        create_server(settings(MOGPLEX_MCP_TOOLSETS="all"), transport=simulator.transport(), now=virtual_now)
    ) as client:
        result = await client.call_tool("list_mcp_servers", {})
    assert "mcp.example" in text_of(result)
    assert "SERVICE_KEY" in text_of(result)
    assert_without(str(result), VALUE, TOKEN, "Pepper-Anchor-77")
