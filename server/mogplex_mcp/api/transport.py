"""Create the transport that carries requests to Mogplex: trust, proxy, pools. Importing it loads no HTTP library."""

import functools
import ssl
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.api.proxies import ProxySetting, find_proxy

if TYPE_CHECKING:
    import httpx2


def create_transport(base_url: str) -> "httpx2.AsyncBaseTransport":
    """Return a transport to one origin, which the caller closes.

    It uses the proxy that the environment names (HTTPS_PROXY, NO_PROXY, …) and trusts what the operating system trusts.
    The first call in a process imports the HTTP library and reads certificates, which takes 40 to 80 ms: keep it out of
    the way of the first answer.

    A bare transport instead of an `httpx2.AsyncClient`: it cannot follow redirects, keep cookies, read .netrc or write
    a log line per request. The client parses each Location even if it follows none, and some raise ValueError there.

    Args:
        base_url: An address at the only origin that requests may go to.

    Raises:
        MogplexError: `INVALID_ARGUMENT` if the proxy from the environment can't be used.
    """
    import httpx2  # noqa: PLC0415 - not at start-up

    from mogplex_mcp.api.connection_pool import PooledTransport  # noqa: PLC0415 - imports httpx2

    proxy = find_proxy(base_url)
    # Without TLS on the way no certificate needs to be read.
    needs_trust = proxy or _is_secure(base_url)
    context = _tls_context() if needs_trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if proxy is None:
            return PooledTransport(base_url, context, None)
        return PooledTransport(base_url, context, _proxy(proxy.url, context), proxy.name)
    except ImportError:
        raise _unusable_proxy(proxy, "install mogplex-mcp[socks] for a SOCKS proxy, or unset it") from None
    except (ValueError, httpx2.InvalidURL):
        raise _unusable_proxy(proxy, "write it as http://host:port, or unset it") from None


def read_certificates_ahead(base_url: str) -> None:
    """Start reading the certificates in a thread: 40 ms, most of them without the interpreter's lock."""
    if _is_secure(base_url):
        threading.Thread(target=_tls_context, daemon=True).start()


def _proxy(address: str, context: ssl.SSLContext) -> "httpx2.Proxy":
    """Return the proxy at an address.

    Raises:
        ValueError: The scheme is unknown, or host or port isn't possible.
        httpx2.InvalidURL: The address isn't a URL.
    """
    import httpx2  # noqa: PLC0415 - not at start-up

    parts = urlsplit(address)
    # httpx2 accepts a URL without a host, and any number as a port.
    if not parts.hostname or parts.port == 0:
        raise ValueError("no host or port")
    return httpx2.Proxy(address, ssl_context=context if parts.scheme == "https" else None)


def _unusable_proxy(proxy: ProxySetting | None, advice: str) -> MogplexError:
    # The proxy's address may hold a password and isn't shown.
    source = proxy.source if proxy else "the environment"
    return MogplexError(
        ErrorCode.INVALID_ARGUMENT, f"The proxy from {source} cannot be used: {advice}.", blame=Blame.PROXY
    )


def _is_secure(base_url: str) -> bool:
    return urlsplit(base_url).scheme == "https"


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """Return a context that trusts what the operating system trusts.

    Where OpenSSL itself reads the system's certificates (Linux), it is used directly: truststore would read the same
    file again for each connection, which blocks everything else for 30 to 40 ms.
    """
    if sys.platform not in ("darwin", "win32") and ssl.get_default_verify_paths().cafile:
        return ssl.create_default_context()
    import truststore  # noqa: PLC0415 - as above

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
