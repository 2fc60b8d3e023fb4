"""Exchange one request for one response over a transport, every failure as a `MogplexError`."""

import contextlib
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlencode

import httpx2

from mogplex_mcp import __version__
from mogplex_mcp.api.body_limit import read_body
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.responses import ApiResponse, read_date, read_retry_after
from mogplex_mcp.api.transport_errors import transport_error

# For each of resolving and connecting, and for the TLS handshake.
CONNECT_SECONDS: Final = 5.0
# The silence that is tolerated before and within a response.
READ_SECONDS: Final = 20.0
WRITE_SECONDS: Final = 20.0
# The wait for a free connection.
POOL_SECONDS: Final = 20.0

USER_AGENT: Final = f"mogplex-mcp/{__version__}"

# Servers refuse longer ones.
_MAX_URL_LENGTH: Final = 65_536


def build_request(
    method: str,
    url: str,
    *,
    query: Mapping[str, str | int] | None = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    read_seconds: float = READ_SECONDS,
) -> httpx2.Request:
    """Return a request that can be sent any number of times.

    Raises:
        ValueError: The URL is too long, or it or a header has characters other than visible ASCII (and blanks in
            headers).
    """
    if query:
        url = f"{url}?{urlencode(query)}"
    if len(url) > _MAX_URL_LENGTH or " " in url or not _is_plain(url):
        raise ValueError("the URL")
    headers = {"User-Agent": USER_AGENT, **(headers or {})}
    if not all(map(_is_plain, headers.values())):
        raise ValueError("a header")
    timeout = {"connect": CONNECT_SECONDS, "read": read_seconds, "write": WRITE_SECONDS, "pool": POOL_SECONDS}
    return httpx2.Request(method, url, headers=headers, content=content, extensions={"timeout": timeout})


@contextlib.asynccontextmanager
async def stream(transport: httpx2.AsyncBaseTransport, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
    """Send a request and give the response for the block, which reads its `stream`.

    Raises:
        MogplexError: The transport failed, before or within the block.
    """
    try:
        response = await transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()
    except (httpx2.TransportError, OSError, UnicodeError) as error:
        # httpx2 doesn't translate errors of TLS after the handshake, and of names that can't be encoded.
        raise transport_error(error, request.url.host, request.extensions.get("proxy", "")) from error


async def send(transport: httpx2.AsyncBaseTransport, request: httpx2.Request) -> ApiResponse:
    """Send a request and read the response to its end, within the limit of `read_body`.

    Raises:
        MogplexError: The transport failed, or the body is too large or can't be decompressed.
    """
    try:
        async with stream(transport, request) as response:
            body = await read_body(response)
    except zlib.error:
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER,
            f"The answer of {request.url.host} could not be decompressed.",
            may_have_happened=True,
        ) from None
    result = ApiResponse(
        url=str(request.url),
        status=response.status_code,
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        location=response.headers.get("location", ""),
        retry_after=read_retry_after(
            response.headers.get("retry-after", ""), read_date(response.headers.get("date", ""))
        ),
        body=body or b"",
    )
    if body is None:
        result.refuse("that is over 20 MB, in very many pieces, or compressed in an unknown way", what="a response")
    return result


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
