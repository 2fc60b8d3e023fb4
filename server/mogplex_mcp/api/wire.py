"""One exchange over the HTTP library: a request out, an answer in, faults by their names."""

from collections.abc import Mapping

import httpx

from mogplex_mcp.api.answers import Answer, read_retry_after
from mogplex_mcp.api.faults import transport_error

MAX_ANSWER_BYTES = 20_000_000


def build_request(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    query: Mapping[str, str | int] | None,
    content: bytes | None,
    headers: Mapping[str, str],
) -> httpx.Request:
    """A request that can be sent any number of times.

    Raises:
        ValueError: When the address can't be made, being too long or of characters that can't be encoded.
    """
    try:
        return client.build_request(method, url, params=query, content=content, headers=headers)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None


async def receive(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    """Send, follow no redirect, and read the answer to its end, which is never beyond `MAX_ANSWER_BYTES`.

    Raises:
        MogplexError: For every fault of the transport, and for an answer that is too large.
    """
    body = bytearray()
    try:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            too_much = response.headers.get("content-encoding", "").strip().lower() not in ("gzip", "identity", "")
            if not too_much:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if too_much := len(body) > MAX_ANSWER_BYTES:
                        break
        finally:
            await response.aclose()
    except httpx.RequestError as fault:
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
