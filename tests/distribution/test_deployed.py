"""The deployment of `deploy/`, run: Caddy with the Caddyfile, replicas that share a PostgreSQL, clients over TLS."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import pytest
from distribution.project import ROOT
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.distribution.test_deploy import tool
from tests.postgres_server import PostgresServer, postgres_server
from tests.transports.processes import lines, process, simulator

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

SECONDS = 60.0
# As in compose.yaml, with a shorter drain: the proxy asks /readyz every two seconds.
DRAIN = "4"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Replica:
    """One `mogplex-mcp http` on a port of its own, which can be replaced."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.port = free_port()
        self._folder = folder
        self._variables = variables
        self._stack = contextlib.ExitStack()
        self.start()

    def start(self) -> None:
        arguments = ("http", "--port", str(self.port), "--drain-seconds", DRAIN)
        self.running = self._stack.enter_context(process(self._folder, *arguments, more=self._variables))
        assert re.search(r"http://\S+/mcp", lines(self.running.stderr).readline())

    def end(self, number: signal.Signals) -> None:
        self.running.send_signal(number)
        self.running.wait(timeout=SECONDS)

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def caddy(folder: Path, replicas: list[Replica]) -> Iterator[tuple[str, Path]]:
    """The address of the proxy, and the certificate of its own authority."""
    port, plain = free_port(), free_port()
    # Only what a test must not touch: ports that are taken, the trust store of the machine.
    options = f"admin off\nskip_install_trust\nhttp_port {plain}\nstorage file_system {folder}"
    config = folder / "Caddyfile"
    config.write_text(f"{{\n{options}\n}}\nimport {ROOT / 'deploy' / 'Caddyfile'}\n", encoding="utf-8")
    given = {"SITE": f"localhost:{port}", "REPLICAS": " ".join(f"127.0.0.1:{one.port}" for one in replicas)}
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], **given}
    command = [tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]
    with (
        (folder / "caddy.log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running,
    ):
        try:
            yield f"https://localhost:{port}", folder / "pki" / "authorities" / "local" / "root.crt"
        finally:
            running.terminate()


class Deployment:
    """Two replicas behind the proxy."""

    def __init__(self, address: str, trust: ssl.SSLContext, replicas: list[Replica]) -> None:
        self.address = address
        self.trust = trust
        self.replicas = replicas

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {DEMO_TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=headers, verify=self.trust, timeout=SECONDS) as http,
            Client(streamable_http_client(f"{self.address}/mcp", http_client=http)) as client,
        ):
            yield client

    async def end(self, number: int, how: signal.Signals) -> None:
        await anyio.to_thread.run_sync(self.replicas[number].end, how)

    async def start(self, number: int) -> None:
        await anyio.to_thread.run_sync(self.replicas[number].start)


async def proxied(address: str, root: Path) -> ssl.SSLContext:
    """Wait until the proxy serves; return what verifies its certificate."""
    with anyio.fail_after(SECONDS):
        while not await anyio.Path(root).exists():
            await anyio.lowlevel.checkpoint()
        trust = ssl.create_default_context(cafile=root)
        async with httpx2.AsyncClient(verify=trust) as http:
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"{address}/readyz")).status_code == 200:
                        return trust


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def deployment(tmp_path: Path, database: PostgresServer) -> AsyncIterator[Deployment]:
    tool("caddy")
    with contextlib.ExitStack() as closing:
        mogplex = closing.enter_context(simulator(tmp_path))
        variables = {"MOGPLEX_URL": mogplex, "MOGPLEX_MCP_DATABASE_URL": database.create_database(uuid.uuid4().hex)}
        replicas = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            replicas.append(Replica(folder, variables))
            closing.callback(replicas[-1].close)
        address, root = closing.enter_context(caddy(tmp_path, replicas))
        yield Deployment(address, await proxied(address, root), replicas)


async def call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)


async def test_no_call_fails_when_a_replica_is_killed_between_calls(deployment: Deployment) -> None:
    async with deployment.client() as client:
        for _ in range(4):
            assert (await call(client, "list_repos"))["repos"]
        run = await call(client, "start_run", repo="acme/web", prompt="Fix it.")
        await deployment.end(0, signal.SIGKILL)
        for _ in range(4):
            assert (await call(client, "list_repos"))["repos"]
        # What the killed replica started, the other one knows: it is the same run, not a second one.
        again = await call(client, "start_run", repo="acme/web", prompt="Fix it.")
        assert again["run_id"] == run["run_id"]
        assert again["replayed"]
        assert [one["run_id"] for one in (await call(client, "list_runs"))["runs"]] == [run["run_id"]]
        await deployment.start(0)
        await deployment.end(1, signal.SIGKILL)
        assert (await call(client, "get_run", run_id=run["run_id"]))["run_id"] == run["run_id"]


async def test_no_call_fails_while_replicas_roll_over(deployment: Deployment) -> None:
    ended = anyio.Event()
    calls = 0

    async def keep_calling() -> None:
        nonlocal calls
        async with deployment.client() as client:
            while not ended.is_set():
                # Costs no request to Mogplex, whose limit is 60 a minute.
                assert len((await client.list_tools()).tools) > 10
                await call(client, "list_runs")
                calls += 1

    async with anyio.create_task_group() as callers:
        for _ in range(3):
            callers.start_soon(keep_calling)
        for number in range(2):
            await deployment.end(number, signal.SIGTERM)
            await deployment.start(number)
        ended.set()
    assert calls > 10


async def test_proxy_hands_on_events_as_they_come_and_says_when_nothing_serves(deployment: Deployment) -> None:
    said: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        said.append(message)

    async with deployment.client() as client:
        run = await call(client, "start_run", repo="acme/web", prompt="Show progress.")
        await client.call_tool("tail_run", {"run_id": run["run_id"]}, progress_callback=note)
    assert said
    for number in range(2):
        await deployment.end(number, signal.SIGKILL)
    async with httpx2.AsyncClient(verify=deployment.trust, timeout=SECONDS) as http:
        assert (await http.get(f"{deployment.address}/readyz")).status_code in (502, 503)
