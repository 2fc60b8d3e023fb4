"""The connection a request came on: what a fault can do to it besides answering."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from .messages import Response

WIRE = "mogplex.simulator.wire"
"""The key under which a transport puts its wire into the `extensions` of an ASGI scope."""


class Wire:
    """A connection on which nothing but answering is possible: what a plain ASGI server offers.

    Args:
        sleep: waits for seconds.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep

    async def wait(self, seconds: float) -> None:
        """Let time pass before the next byte of the answer."""
        await self._sleep(seconds)

    async def refuse(self) -> NoReturn:
        """End the connection as if nobody had listened.

        Raises:
            ConnectionRefusedError: always, here; other wires do it for real.
        """
        raise ConnectionRefusedError("fault: refused")

    async def reset(self) -> NoReturn:
        """Reset the connection.

        Raises:
            ConnectionResetError: always, here; other wires do it for real.
        """
        raise ConnectionResetError("fault: reset")

    async def send_part(self, response: Response, sent: bytes, declared: int) -> NoReturn:
        """Send part of a body under a `Content-Length`, then end the connection.

        Raises:
            ConnectionResetError: always, here; other wires do it for real.
        """
        raise ConnectionResetError(f"fault: {len(sent)} of {declared} bytes of a {response.status}")


class Gone(Exception):  # noqa: N818 - says that there is nothing left to send, not that something failed
    """The fault has ended the connection, and with it the request."""
