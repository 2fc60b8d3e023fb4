"""The responses that a package has built in: those of its own server to the first requests of clients.

`python -m distribution.built_answers FOLDER` writes them; the build of a source distribution does the same
(`build_hook`).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import mcp_types
from mcp.shared.message import SessionMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.server.app import create_server
from mogplex_mcp.startup.built_answers import CAPABILITIES_KEY, INFO_KEY, METHODS, SELECTIONS, VERSION_KEY

CLIENT: Final = {"name": "build", "version": "1"}

Request = tuple[str, dict[str, Any]]
"""A method and its parameters."""


async def ask(settings: Settings, requests: Sequence[Request]) -> list[dict[str, Any] | None]:
    """Return the server's results for requests over one connection; None for an error.

    Args:
        settings: The settings of the server.
        requests: What to ask, in order.
    """
    server = create_server(settings)
    to_server, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](1)
    outbound, from_server = anyio.create_memory_object_stream[SessionMessage](1)
    results = []
    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(server.run, inbound, outbound, server.create_initialization_options())
        for number, (method, params) in enumerate(requests):
            request = mcp_types.JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)
            await to_server.send(SessionMessage(request))
            response = (await from_server.receive()).message
            results.append(response.result if isinstance(response, mcp_types.JSONRPCResponse) else None)
        tasks.cancel_scope.cancel()
    return results


def legacy(version: str, client: Mapping[str, Any], capabilities: Mapping[str, Any]) -> list[Request]:
    """Return the requests of a client of an earlier protocol version."""
    params = {"protocolVersion": version, "clientInfo": client, "capabilities": capabilities}
    return [("initialize", params), *((method, {}) for method in METHODS if method != "initialize")]


def modern(version: str, client: Mapping[str, Any], capabilities: Mapping[str, Any]) -> list[Request]:
    """Return the requests of a client of the 2026 protocol."""
    envelope = {VERSION_KEY: version, INFO_KEY: client, CAPABILITIES_KEY: capabilities}
    return [(method, {"_meta": envelope}) for method in METHODS if method != "initialize"]


async def results(
    settings: Settings, client: Mapping[str, Any] = CLIENT, capabilities: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the server's results by protocol version and method.

    Args:
        settings: The settings of the server.
        client: The name and version of the client.
        capabilities: What the client can do; None for nothing.
    """
    found = {}
    for versions, requests_of in ((HANDSHAKE_PROTOCOL_VERSIONS, legacy), (MODERN_PROTOCOL_VERSIONS, modern)):
        for version in versions:
            requests = requests_of(version, client, capabilities or {})
            answered = zip(requests, await ask(settings, requests), strict=True)
            found[version] = {method: result for (method, _), result in answered if result is not None}
    return found


def write(folder: Path) -> None:
    """Write the results of each selection into a folder, which is created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in SELECTIONS.items():
        texts: dict[str, int] = {}
        versions = {
            version: {
                # Most results are the same in several protocol versions.
                method: texts.setdefault(json.dumps(result, ensure_ascii=False, separators=(",", ":")), len(texts))
                for method, result in methods.items()
            }
            for version, methods in anyio.run(results, settings).items()
        }
        built = {"versions": versions, "texts": list(texts)}
        (folder / f"{name}.json").write_text(json.dumps(built, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
