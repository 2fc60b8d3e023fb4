"""What the tests of the server share: a server in the test's own process, snapshots."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

import mcp_types
import pytest
from mcp import Client, MCPError
from mcp.server import Server

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.tenants.services import Services
from tests.virtual_time import virtual_now

Mode = Literal["legacy", "auto"]
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
UNKNOWN = "00000000-0000-4000-8000-000000000000"

_SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


def server(simulator: Simulator | None = None, *, token: str = DEMO_TOKEN, **environment: str) -> Server[Services]:
    """A server in front of a simulator, on virtual time, that reads and writes nothing of this machine."""
    simulator = simulator or Simulator(now=virtual_now)
    settings = Settings.load({"MOGPLEX_API_KEY": token, **environment})
    return create_server(settings, transport=simulator.transport(), now=virtual_now)


@contextlib.asynccontextmanager
async def connect(
    simulator: Simulator | None = None, *, mode: Mode = "auto", token: str = DEMO_TOKEN, **environment: str
) -> AsyncIterator[Client]:
    async with Client(server(simulator, token=token, **environment), mode=mode) as client:
        yield client


async def read(client: Client, uri: str) -> str:
    (contents,) = (await client.read_resource(uri)).contents
    assert isinstance(contents, mcp_types.TextResourceContents)
    assert contents.uri == uri
    return contents.text


async def refused(client: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as caught:
        await client.read_resource(uri)
    assert "Traceback" not in caught.value.message
    return caught.value


async def start(client: Client, prompt: str = "Fix the flaky test.") -> str:
    """The id of a new run."""
    result = await client.call_tool("start_run", {"repo": "acme/web", "prompt": prompt})
    assert result.structured_content, result
    return str(result.structured_content["run_id"])


async def follow(client: Client, run_id: str) -> None:
    """Watch a run to its end."""
    arguments: dict[str, Any] = {"run_id": run_id}
    while "cursor" in (news := (await client.call_tool("tail_run", arguments)).structured_content or {}):
        arguments["cursor"] = news["cursor"]
    assert news["status"] == "success"


def compare(folder: str, name: str, told: Mapping[str, Any]) -> None:
    """Compare what clients are told with its snapshot."""
    path = _SNAPSHOTS / folder / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert path.is_file(), f"{name} has no snapshot; make one by running this test with UPDATE_SNAPSHOTS=1"
    assert told == json.loads(path.read_text(encoding="utf-8")), (
        f"{name} is told to clients in other words than before; if that is wanted, run this test with "
        "UPDATE_SNAPSHOTS=1 and look at the difference"
    )


def snapshots_in(folder: str) -> set[str]:
    return {path.stem for path in (_SNAPSHOTS / folder).glob("*.json")}
