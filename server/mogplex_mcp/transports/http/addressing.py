"""Checks of `Host` and `Origin`, which protect against web pages and DNS rebinding.

A page in a browser on this machine can send requests to every port of it. They carry its `Origin`, and after DNS
rebinding a foreign `Host`: both are checked before anything else, on every path and for every bind address. No
response has a CORS header, so no page of another origin can read one either.
"""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.transports.http.refusals import Refusal, refuse

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")

_ADDRESS: Final = re.compile(r"(?P<name>[a-z0-9_.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<address>\S+)")
_DEFAULT_PORTS: Final = ("80", "443")


class AddressCheck:
    """ASGI middleware: refuse requests with a foreign `Host`, and those of web pages of another origin.

    Args:
        app: The app that is protected.
        names: Allowed hosts in addition to the loopback names; one without a port is allowed with any port.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.strip().lower().rstrip(".") for name in (*LOOPBACK_NAMES, *names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with 421 or 403, or pass the request on."""
        if scope["type"] == "http":
            hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
            if len(hosts) != 1 or not self._is_own(hosts[0]):
                message = (
                    "This server is not known by the name in the Host header. Address it by the name of this machine "
                    "(localhost), or start it with --allowed-host and that name."
                )
                await refuse(scope, send, Refusal(421, "unknown_host", message))
                return
            if any(not _is_same(origin, hosts[0]) for origin in origins):
                message = (
                    "Requests of web pages are refused: the Origin header names another host than the Host header. "
                    "Programs send no Origin."
                )
                await refuse(scope, send, Refusal(403, "foreign_origin", message))
                return
        await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        address = _ADDRESS.fullmatch(host)
        return address is not None and (host in self._names or address["name"].rstrip(".") in self._names)


def _is_same(origin: str, host: str) -> bool:
    """Return whether an origin is the host that the request names."""
    page = _ORIGIN.fullmatch(origin)
    return page is not None and _without_default_port(page["address"]) == _without_default_port(host)


def _without_default_port(address: str) -> str:
    name, _, port = address.rpartition(":")
    return name if port in _DEFAULT_PORTS else address


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip().lower() for key, value in scope["headers"] if key == name]
