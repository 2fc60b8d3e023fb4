"""One exchange over the HTTP client: a request out, an answer in, faults by their names."""

import zlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from mogplex_mcp.api.answers import Answer, read_retry_after
from mogplex_mcp.api.connection import HttpClient, Request, Response
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.faults import TransportError, transport_error

MAX_ANSWER_BYTES: Final = 20_000_000
READ_SECONDS: Final = 20.0

# No server takes one of this length.
_LONGEST_URL: Final = 65_536
# For zlib: with the head and the checksum of gzip.
_GZIP: Final = 31


def build_request(
    client: HttpClient,
    method: str,
    url: str,
    *,
    query: Mapping[str, str | int] | None,
    content: bytes | None,
    headers: Mapping[str, str],
    read_seconds: float = READ_SECONDS,
) -> Request:
    """A request that can be sent any number of times.

    Raises:
        ValueError: When the address is too long, or it or a header has characters that would not stay in their line.
    """
    if query:
        url = f"{url}?{urlencode(query)}"
    if len(url) > _LONGEST_URL or " " in url or not _is_plain(url):
        raise ValueError("the address")
    if not all(map(_is_plain, headers.values())):
        raise ValueError("a header")
    return Request(method, url, {**headers, "User-Agent": client.user_agent}, content, read_seconds)


async def receive(client: HttpClient, request: Request) -> Answer:
    """Send, and read the answer to its end, which is never beyond `MAX_ANSWER_BYTES`.

    Raises:
        MogplexError: For every fault of the transport, and for an answer that is too large.
    """
    try:
        async with client.answer(request) as response:
            body = await _body(response)
    except TransportError as fault:
        raise transport_error(fault, _host(request)) from fault
    except zlib.error:
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER,
            f"The answer of {_host(request)} could not be decompressed.",
            may_have_happened=True,
        ) from None
    answer = Answer(
        url=request.url,
        status=response.status,
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        location=response.headers.get("location", ""),
        retry_after=read_retry_after(response.headers.get("retry-after", "")),
        body=body or b"",
    )
    if body is None:
        answer.refuse("that is over 20 MB or compressed in an unknown way")
    return answer


async def _body(response: Response) -> bytes | None:
    """The body, decompressed; None for one that is too large or compressed in an unknown way."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("gzip", "identity", ""):
        return None
    body = bytearray()
    unpacker = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    async for chunk in response.chunks:
        # One byte too much says that there is too much, and no more than that is ever unpacked.
        body += unpacker.decompress(chunk, MAX_ANSWER_BYTES + 1 - len(body)) if unpacker else chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    return bytes(body)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""
