"""Serves a client that probes with `server/discover`, and then speaks whichever protocol it likes.

The SDK takes the first request as the client's choice, so that after a probe of the 2026 protocol it refuses
`initialize` (-32022). A client whose probe timed out while the server was loading sends just that. So each probe is
served as a connection of its own, and the first request that is none decides.
"""

from typing import Any, Final

import anyio
import mcp_types
from anyio.abc import ObjectReceiveStream
from mcp.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.shared.message import SessionMessage

from mogplex_mcp.transports.request_tracking import InboundStream, OpenRequests, OutboundStream

_PROBE: Final = "server/discover"


async def serve_both_eras(
    server: Server[Any], inbound: InboundStream, outbound: OutboundStream, requests: OpenRequests
) -> None:
    """Serve one client, as `Server.run` does, until it closes its side.

    Args:
        server: The server.
        inbound: Messages from the client.
        outbound: Messages to the client.
        requests: The open requests of both streams.
    """
    async with server.lifespan(server) as state:
        async for item in inbound:
            if not _is_probe(item):
                break
            await serve_dual_era_loop(server, _Messages(item, requests), outbound, lifespan_state=state)
        else:
            return
        await serve_dual_era_loop(
            server,
            _Messages(item, requests, inbound),
            outbound,
            lifespan_state=state,
            init_options=server.create_initialization_options(),
        )


def _is_probe(item: SessionMessage | Exception) -> bool:
    message = item.message if isinstance(item, SessionMessage) else None
    return isinstance(message, mcp_types.JSONRPCRequest) and message.method == _PROBE


class _Messages(ObjectReceiveStream[SessionMessage | Exception]):
    """One message, and all that follow it; none if the client goes on in another connection."""

    def __init__(
        self, first: SessionMessage | Exception, requests: OpenRequests, following: InboundStream | None = None
    ) -> None:
        self._first: SessionMessage | Exception | None = first
        self._requests = requests
        self._following = following

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises:
            EndOfStream: There are no more, and all requests are answered or the time for that is over.
        """
        first, self._first = self._first, None
        if first is not None:
            return first
        if self._following is not None:
            return await self._following.receive()
        # The end of the stream would cut off the response.
        await self._requests.wait_until_answered()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Do nothing: the client's stream goes on."""
