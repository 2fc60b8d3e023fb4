"""Several real `mogplex-mcp http` processes behind a round-robin balancer."""

import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.postgres_server import free_port
from tests.transports.http.support import served
from tests.transports.processes import PROGRAM, environment, unmeasured

READY_SECONDS = 60.0


class Replica:
    """One process on one port, which can be killed and started again.

    Attributes:
        address: `http://127.0.0.1:…`.
    """

    def __init__(self, home: Path, mogplex: str, database: str, more: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = home / f"replica-{self.port}.log"
        self._command = [*PROGRAM, "http", "--port", str(self.port), "--url", mogplex, "--toolsets", "all"]
        self._environment = unmeasured(environment(home, {"MOGPLEX_MCP_DATABASE_URL": database, **(more or {})}))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start the process and return when it serves."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        async with httpx2.AsyncClient() as http:
            with anyio.fail_after(READY_SECONDS):
                while True:
                    assert self._process.poll() is None, self.log.read_text()
                    with contextlib.suppress(httpx2.TransportError):
                        if (await http.get(f"{self.address}/healthz")).status_code == 200:
                            return
                    await anyio.sleep(0.05)

    async def stop(self) -> int:
        """End the process in order and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return await anyio.to_thread.run_sync(self._process.wait)

    async def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            await anyio.to_thread.run_sync(self._process.wait)


class Balancer:
    """An ASGI app that hands each request to the next replica, and on to another one if it is not served there.

    Attributes:
        replicas: The replicas, in turn.
        served: By which of them the last request was served.
    """

    def __init__(self, replicas: list[Replica]) -> None:
        self.replicas = replicas
        self.served: Replica | None = None
        self._next = 0
        # A connection for each request: one that a replica has just closed would look like a failure.
        self._http = httpx2.AsyncClient(timeout=120, limits=httpx2.Limits(max_keepalive_connections=0))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        headers = [(name, value) for name, value in request.headers.raw if name not in (b"host", b"content-length")]
        for _ in range(2 * len(self.replicas)):
            replica = self.replicas[self._next % len(self.replicas)]
            self._next += 1
            url = f"{replica.address}{request.url.path}"
            try:
                asked = self._http.build_request(request.method, url, content=body, headers=headers)
                answer = await self._http.send(asked, stream=True)
            except httpx2.ConnectError:
                continue
            if answer.status_code == 503:
                await answer.aclose()
                continue
            self.served = replica
            kept = {"content-type", "www-authenticate", "retry-after"}
            shown = {name: value for name, value in answer.headers.items() if name in kept}
            try:
                await StreamingResponse(answer.aiter_raw(), answer.status_code, shown)(scope, request.receive, send)
            finally:
                await answer.aclose()
            return
        await Response(status_code=503)(scope, receive, send)


class Cluster:
    """The replicas, and the address of the balancer."""

    def __init__(self, balancer: Balancer, address: str) -> None:
        self.balancer = balancer
        self.replicas = balancer.replicas
        self.address = f"http://{address}/mcp"

    @contextlib.asynccontextmanager
    async def client(
        self, mode: str = "auto", *, address: str = "", token: str = DEMO_TOKEN, **options: object
    ) -> AsyncIterator[Client]:
        """A client of the balancer, or of one replica."""
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=120) as http,
            Client(streamable_http_client(address or self.address, http_client=http), mode=mode, **options) as client,  # type: ignore[arg-type]
        ):
            yield client


@contextlib.asynccontextmanager
async def cluster(
    mogplex: str, *databases: str, started: bool = True, more: Mapping[str, str] | None = None
) -> AsyncIterator[Cluster]:
    """Run one replica for each database address, behind a balancer."""
    with tempfile.TemporaryDirectory() as folder:
        replicas = [Replica(Path(folder), mogplex, database, more) for database in databases]
        try:
            if started:
                async with anyio.create_task_group() as starting:
                    for replica in replicas:
                        starting.start_soon(replica.start)
            balancer = Balancer(replicas)
            async with served(balancer, lifespan=False) as address:
                yield Cluster(balancer, address)
            await balancer.aclose()
        finally:
            for replica in replicas:
                await replica.kill()
