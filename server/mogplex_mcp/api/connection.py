"""The HTTP client: pool, timeouts, trust and proxies, chosen on purpose."""

import contextlib
import functools
import ssl
import sys
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.api.errors import ErrorCode, MogplexError

if TYPE_CHECKING:
    import httpx2


# For each request a pool looks at all of its connections, twice: many small ones are far cheaper than a large one.
_POOLS: Final = 16
_CONNECTIONS_OF_EACH: Final = 16


class HttpClient:
    """Requests to one Mogplex, over pools of connections.

    It is less than the HTTP library's own client on purpose: that one keeps cookies, follows redirects and looks for
    credentials of its own, none of which may happen here, and takes a fifth of the time of a request for it.

    Args:
        pools: Send requests, each over connections of its own.
        user_agent: The header of that name.
    """

    def __init__(self, *pools: "httpx2.AsyncBaseTransport", user_agent: str) -> None:
        self._pools = pools
        self._exchanges = [0] * len(pools)
        self.user_agent = user_agent

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @contextlib.asynccontextmanager
    async def answer(self, request: "httpx2.Request") -> AsyncIterator["httpx2.Response"]:
        """Send a request; the answer is there for the block, which reads it.

        Raises:
            httpx2.RequestError: Whatever went wrong on the way.
        """
        # The pool that has the least to do; as long as one is enough, always the same, whose connections are open.
        number = self._exchanges.index(min(self._exchanges))
        self._exchanges[number] += 1
        try:
            response = await self._pools[number].handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            self._exchanges[number] -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()


def create_http_client(
    *, version: str, base_url: str = DEFAULT_BASE_URL, transport: "httpx2.AsyncBaseTransport | None" = None
) -> HttpClient:
    """A client for `MogplexHttp`, to be closed by the caller.

    It takes the proxy from the environment (HTTPS_PROXY, NO_PROXY, …) and trusts what the operating system trusts. The
    first call in a process loads the HTTP library and reads certificates: make it off the way of a first answer.

    Args:
        version: Of this program, for the User-Agent.
        base_url: Where requests will go; tells whether there is a proxy on the way.
        transport: Instead of the network, for tests; proxies then play no role.

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when the proxy that the environment names can't be used.
    """
    pools = [transport] if transport else _network(base_url)
    return HttpClient(*pools, user_agent=f"mogplex-mcp/{version}")


def read_certificates_ahead(base_url: str) -> None:
    """Begin with the slow part of `create_http_client` in a thread.

    It takes 40 ms and keeps nobody from going on: the interpreter is let go of meanwhile.
    """
    if _is_secure(base_url):
        threading.Thread(target=_tls_context, daemon=True).start()


def _is_secure(base_url: str) -> bool:
    return urlsplit(base_url).scheme == "https"


def _network(base_url: str) -> list["httpx2.AsyncBaseTransport"]:
    import httpx2  # noqa: PLC0415 - not at start-up

    try:
        proxy = proxy_for(base_url)
        # Without TLS on the way nobody needs to be trusted, and then nobody is.
        needs_trust = proxy or _is_secure(base_url)
        trust = _tls_context() if needs_trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # 200 calls in flight fit, and what they opened is kept for the next ones: agents call seconds apart, and a kept
        # connection spares them a handshake.
        limits = httpx2.Limits(
            max_connections=_CONNECTIONS_OF_EACH, max_keepalive_connections=_CONNECTIONS_OF_EACH, keepalive_expiry=60.0
        )
        return [httpx2.AsyncHTTPTransport(verify=trust, limits=limits, proxy=proxy) for _ in range(_POOLS)]
    except (ImportError, ValueError, httpx2.InvalidURL):
        # SOCKS needs a package that is not there. The proxy's address may hold a password: it is not shown.
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT,
            "The proxy named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: "
            "write it as http://host:port, or unset it (SOCKS is not supported).",
        ) from None


def proxy_for(base_url: str) -> str | None:
    """The address of the proxy that the environment, or the operating system, names for this one; None for none."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - not at start-up

    address = urlsplit(base_url)
    named = getproxies()
    proxy = named.get(address.scheme) or named.get("all")
    if not proxy or proxy_bypass(address.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


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
