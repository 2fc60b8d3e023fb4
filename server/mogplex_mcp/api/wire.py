"""One exchange over the HTTP library: a request out, an answer in, faults by their names."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlencode

import httpx2

from mogplex_mcp.api.answers import Answer, read_retry_after
from mogplex_mcp.api.connection import HttpClient
from mogplex_mcp.api.faults import transport_error

MAX_ANSWER_BYTES = 20_000_000

_TIMEOUTS = httpx2.Timeout(20.0, connect=5.0).as_dict()


def build_request(
    client: HttpClient,
    method: str,
    url: str,
    *,
    query: Mapping[str, str | int] | None,
    content: bytes | None,
    headers: Mapping[str, str],
) -> httpx2.Request:
    """A request that can be sent any number of times.

    Raises:
        ValueError: When the address can't be made, being too long or of characters that can't be encoded.
    """
    try:
        return httpx2.Request(
            method,
            _parsed(f"{url}?{urlencode(query)}" if query else url),
            content=content,
            headers={**headers, "User-Agent": client.user_agent},
            extensions={"timeout": _TIMEOUTS},
        )
    except httpx2.InvalidURL as error:
        raise ValueError(str(error)) from None


# Parsing an address takes a tenth of the time of a request, and most addresses are asked for again.
@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx2.URL:
    return httpx2.URL(url)


async def receive(client: HttpClient, request: httpx2.Request) -> Answer:
    """Send, and read the answer to its end, which is never beyond `MAX_ANSWER_BYTES`.

    Raises:
        MogplexError: For every fault of the transport, and for an answer that is too large.
    """
    body = bytearray()
    try:
        async with client.answer(request) as response:
            too_much = response.headers.get("content-encoding", "").strip().lower() not in ("gzip", "identity", "")
            if not too_much:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if too_much := len(body) > MAX_ANSWER_BYTES:
                        break
    except httpx2.RequestError as fault:
        raise transport_error(fault, request.url.host) from fault
    answer = Answer(
        url=str(request.url),
        status=response.status_code,
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        location=response.headers.get("location", ""),
        retry_after=read_retry_after(response.headers.get("retry-after", "")),
        body=bytes(body),
    )
    if too_much:
        answer.refuse("that is over 20 MB or compressed in an unknown way")
    return answer
