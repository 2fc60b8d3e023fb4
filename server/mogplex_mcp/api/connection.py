"""The HTTP client: pool, timeouts, trust and proxies, chosen on purpose."""

import functools
import logging
import ssl
import sys
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from mogplex_mcp.api.errors import ErrorCode, MogplexError

if TYPE_CHECKING:
    import httpx


def create_http_client(*, version: str, transport: "httpx.AsyncBaseTransport | None" = None) -> "httpx.AsyncClient":
    """A client for `MogplexHttp`, to be closed by the caller.

    It takes proxies from the environment (HTTPS_PROXY, NO_PROXY, …), but no credentials of a netrc file, trusts what
    the operating system trusts, follows no redirect and keeps no cookie. The first call in a process imports
    the HTTP library and reads certificates, some 200 ms: make it off the way of a first answer.

    Args:
        version: Of this program, for the User-Agent.
        transport: Instead of the network, for tests; proxies then play no role.

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when the proxy that the environment names can't be used.
    """
    import httpx  # noqa: PLC0415 - not at start-up

    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they write a line for each request at INFO
    try:
        return httpx.AsyncClient(
            transport=transport,
            verify=_tls_context() if transport is None else True,
            headers={"User-Agent": f"mogplex-mcp/{version}"},
            # 200 calls in flight fit; agents call seconds apart, and a kept connection spares them a handshake.
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=60.0),
            timeout=httpx.Timeout(20.0, connect=5.0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=True,
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # SOCKS needs a package that is not there. The proxy's address may hold a password: it is not shown.
        raise MogplexError(
            ErrorCode.INVALID_ARGUMENT,
            "The proxy named by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: "
            "write it as http://host:port, or unset it (SOCKS is not supported).",
        ) from None


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
