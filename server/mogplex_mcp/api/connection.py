"""The HTTP client: what it is asked and gives back; connections, trust and proxies, chosen on purpose."""

import functools
import ssl
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from mogplex_mcp.api.errors import ErrorCode, MogplexError

if TYPE_CHECKING:
    from asyncio import BaseTransport

    import httpx2

MOST_CONNECTIONS: Final = 256
"""At the same time: as many as one caller may have calls in flight."""


@dataclass(frozen=True)
class Request:
    """A request, which can be sent any number of times.

    Attributes:
        method: Such as GET.
        url: The whole address, ASCII.
        headers: All but those that tell host and length.
        content: The body; None for none.
        read_seconds: How long the other side may be silent before and within its answer.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    read_seconds: float


@dataclass(frozen=True)
class Response:
    """An answer whose body is still to be read.

    Attributes:
        status: Of HTTP.
        headers: By their names in lower case.
        chunks: The body as it is sent.
        transport: What it comes over; None where there is no network.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    transport: "BaseTransport | None" = None


class HttpClient(ABC):
    """Sends requests. It keeps no cookies, follows no redirects and looks for no credentials of its own.

    Args:
        user_agent: The header of that name.
    """

    def __init__(self, user_agent: str) -> None:
        self.user_agent = user_agent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @abstractmethod
    def answer(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Send a request; the answer is there for the block, which reads it.

        Raises:
            TransportError: Here or while the answer is read.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close all connections."""


def create_http_client(
    *, version: str, base_url: str, transport: "httpx2.AsyncBaseTransport | None" = None
) -> HttpClient:
    """A client for `MogplexHttp`, to be closed by the caller.

    It takes the proxy from the environment (HTTPS_PROXY, NO_PROXY, …) and trusts what the operating system trusts. The
    first call in a process loads the HTTP library and reads certificates: make it off the way of a first answer.

    Args:
        version: Of this program, for the User-Agent.
        base_url: Where requests will go: nowhere else can they.
        transport: Instead of the network, for the demo and tests; proxies then play no role.

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when the proxy that the environment names can't be used.
    """
    user_agent = f"mogplex-mcp/{version}"
    if transport is not None:
        from mogplex_mcp.api.in_process import InProcess  # noqa: PLC0415 - not where there is a network

        return InProcess(transport, user_agent)
    from mogplex_mcp.api.kept_connections import KeptConnections  # noqa: PLC0415 - not at start-up
    from mogplex_mcp.api.origin import Origin  # noqa: PLC0415 - the same

    proxy = proxy_for(base_url)
    # Without TLS on the way nobody needs to be trusted, and then nobody is.
    needs_trust = proxy or _is_secure(base_url)
    trust = _tls_context() if needs_trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return KeptConnections(Origin(base_url, trust, proxy), MOST_CONNECTIONS, user_agent)
    except ValueError:
        # The proxy's address may hold a password: it is not shown.
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT,
            "The proxy named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: "
            "write it as http://host:port, or unset it (SOCKS is not supported).",
        ) from None


def read_certificates_ahead(base_url: str) -> None:
    """Begin with the slow part of `create_http_client` in a thread.

    It takes 40 ms and keeps nobody from going on: the interpreter is let go of meanwhile.
    """
    if _is_secure(base_url):
        threading.Thread(target=_tls_context, daemon=True).start()


def proxy_for(base_url: str) -> str | None:
    """The address of the proxy that the environment, or the operating system, names for this one; None for none."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - not at start-up

    address = urlsplit(base_url)
    named = getproxies()
    proxy = named.get(address.scheme) or named.get("all")
    if not proxy or proxy_bypass(address.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_secure(base_url: str) -> bool:
    return urlsplit(base_url).scheme == "https"


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """The trust of the operating system.

    Where OpenSSL itself reads the system's certificates (Linux), it is used directly: truststore would read the same
    file anew for each connection, 30 to 40 ms with everything else stopped.
    """
    if sys.platform not in ("darwin", "win32") and ssl.get_default_verify_paths().cafile:
        return ssl.create_default_context()
    import truststore  # noqa: PLC0415 - as above

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
