"""The simulator on real sockets."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, Fault, FaultKind, Simulator, serve

from .conftest import Clock
from .support import post_run, start

pytestmark = pytest.mark.anyio


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return Simulator(now=clock.now)


@pytest.fixture
async def port(simulator: Simulator) -> AsyncIterator[int]:
    async with anyio.create_task_group() as group:
        yield await group.start(serve, simulator, "127.0.0.1", 0)
        group.cancel_scope.cancel()


@pytest.fixture
async def client(port: int) -> AsyncIterator[httpx2.AsyncClient]:
    base = f"http://127.0.0.1:{port}/api/v1/mogplex"
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}"}
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=5, trust_env=False) as opened:
        yield opened


async def test_a_run_can_be_started_and_followed(client: httpx2.AsyncClient, clock: Clock, repo_id: str) -> None:
    run = await start(client, repo_id)
    clock.at += 600

    assert (await client.get(f"/runs/{run['runId']}")).json()["data"]["run"]["status"] == "success"


async def test_answers_are_sent_in_chunks_and_name_no_server(client: httpx2.AsyncClient) -> None:
    response = await client.get("/repos")

    assert response.headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "server", "date"} & set(response.headers)


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        (FaultKind.REFUSED, httpx2.RemoteProtocolError),
        (FaultKind.RESET_BEFORE_WRITE, httpx2.ReadError),
        (FaultKind.RESET_AFTER_WRITE, httpx2.ReadError),
        (FaultKind.CUT_BODY, httpx2.RemoteProtocolError),
    ],
)
async def test_connections_really_break(
    kind: FaultKind, raised: type[Exception], simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault(kind))

    with pytest.raises(raised):
        await client.get("/repos")
    assert (await client.get("/repos")).status_code == 200


@pytest.mark.parametrize(("kind", "runs"), [(FaultKind.RESET_BEFORE_WRITE, 0), (FaultKind.RESET_AFTER_WRITE, 1)])
async def test_a_reset_comes_before_or_after_the_write(
    kind: FaultKind, runs: int, simulator: Simulator, client: httpx2.AsyncClient, repo_id: str
) -> None:
    before = len(simulator.world.runs)
    simulator.faults.add(Fault(kind))
    with pytest.raises(httpx2.TransportError):
        await post_run(client, repo_id)

    assert len(simulator.world.runs) - before == runs


async def test_a_wrong_length_gives_half_a_body(simulator: Simulator, client: httpx2.AsyncClient) -> None:
    whole = await client.get("/repos")
    simulator.faults.add(Fault("wrong_length"))
    half = await client.get("/repos")

    assert whole.content.startswith(half.content)
    assert len(half.content) == len(whole.content) // 2


@pytest.mark.parametrize("kind", [FaultKind.SLOW, FaultKind.SLOW_BODY])
async def test_a_slow_response_exceeds_the_read_timeout(
    kind: FaultKind, simulator: Simulator, client: httpx2.AsyncClient
) -> None:
    simulator.faults.add(Fault(kind, seconds=60))

    with pytest.raises(httpx2.ReadTimeout):
        await client.get("/repos", timeout=0.05)


async def test_serving_stops_when_it_is_cancelled_and_leaves_stdout_alone(
    simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    async with anyio.create_task_group() as group:
        port = await group.start(serve, simulator, "127.0.0.1", 0)
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.get(f"http://127.0.0.1:{port}/login")
        group.cancel_scope.cancel()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    assert capfd.readouterr() == ("", "")


def test_uvicorn_is_imported_only_to_serve() -> None:
    program = "import sys, mogplex_mcp.simulator; print('uvicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


async def test_a_port_that_is_taken_is_an_error(simulator: Simulator, port: int) -> None:
    with pytest.raises(OSError, match=f"port {port}: another program uses that port. Choose another one with --port"):
        await serve(simulator, "127.0.0.1", port)
