"""The connection of a request, and what faults can do to it."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from .messages import Response

WIRE = "mogplex.simulator.wire"
"""The key under which a transport puts its wire into the `extensions` of an ASGI scope."""


class Wire:
    """A connection without access to its socket, as under a plain ASGI server.

    Args:
        sleep: waits for seconds.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep

    async def wait(self, seconds: float) -> None:
        """Wait before the next byte of the response is sent."""
        await self._sleep(seconds)

    async def refuse(self) -> NoReturn:
        """Refuse the connection.

        Raises:
            ConnectionRefusedError: always; subclasses act on the connection.
        """
        raise ConnectionRefusedError("fault: refused")

    async def reset(self) -> NoReturn:
        """Reset the connection.

        Raises:
            ConnectionResetError: always; subclasses act on the connection.
        """
        raise ConnectionResetError("fault: reset")

    async def send_part(self, response: Response, sent: bytes, declared: int) -> NoReturn:
        """Send part of a body under a `Content-Length`, then end the connection.

        Raises:
            ConnectionResetError: always; subclasses act on the connection.
        """
        raise ConnectionResetError(f"fault: {len(sent)} of {declared} bytes of a {response.status}")


class ConnectionEnded(Exception):  # noqa: N818 - control flow, not a failure
    """The fault has ended the connection, and with it the request."""
