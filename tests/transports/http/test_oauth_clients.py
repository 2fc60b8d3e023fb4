"""A real client's OAuth flow, from the bare address of this server to a run, and over the expiry of its token."""

from typing import Any

import httpx2
import pytest
from mcp import MCPError

from mogplex_mcp.simulator import Simulator
from tests.server.support import ERAS, start
from tests.transports.http.signing_in import Storage, app_with_sign_in, connector, renewed, simulator, token_of
from tests.transports.http.support import HEADERS, LIST, served

pytestmark = pytest.mark.anyio


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


async def send(address: str, token: str, message: Any = LIST) -> httpx2.Response:
    async with httpx2.AsyncClient(headers=HEADERS | {"Authorization": f"Bearer {token}"}, timeout=30) as http:
        return await http.post(f"http://{address}/mcp", json=message)


def asked(mogplex: Simulator) -> int:
    """How many requests of the API Mogplex got."""
    return sum(request.path.startswith("/") and "/auth/" not in request.path for request in mogplex.requests)


@ERAS
async def test_client_that_knows_the_address_only_signs_in_and_starts_a_run(mode: str) -> None:
    mogplex, storage = simulator(), Storage()
    async with served(app_with_sign_in(mogplex)) as address, connector(mogplex, address, storage, mode) as client:
        run_id = await start(client)
        listed = await client.call_tool("list_runs", {})
        assert run_id in str(listed)
    (query,) = storage.authorized
    assert query["scope"][0].split()[:2] == ["read", "write"]
    assert query["resource"] == [f"http://{address}/mcp"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(storage.issued) == 1


async def test_client_of_a_read_only_server_is_not_given_the_right_to_write() -> None:
    mogplex, storage = simulator(), Storage()
    async with (
        served(app_with_sign_in(mogplex, read_only=True)) as address,
        connector(mogplex, address, storage) as client,
    ):
        assert not (await client.call_tool("list_repos", {})).is_error
    assert "write" not in storage.authorized[0]["scope"][0].split()
