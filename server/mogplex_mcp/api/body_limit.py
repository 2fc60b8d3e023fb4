"""Read a response body up to a size limit that holds after decompression."""

import zlib
from typing import Final

import anyio
import anyio.lowlevel
import httpx2

MAX_BODY_BYTES: Final = 20_000_000

MAX_CHUNKS: Final = 50_000
"""The most pieces that a body comes in: chunks of a byte, or of none after decompression, would never end."""

# The library reads many small chunks from one packet without giving way to other tasks.
_CHUNKS_AT_ONCE: Final = 64

# For zlib: a stream with the header and the checksum of gzip.
_GZIP: Final = 31


async def read_body(response: httpx2.Response) -> bytes | None:
    """Return the body, decompressed; None if it is over a limit or in a coding that wasn't asked for.

    `httpx2` would decompress each chunk as a whole, however large it becomes, and any chain of codings.

    Raises:
        zlib.error: The body isn't the gzip data that its header announces.
        httpx2.TransportError: The connection failed within the body.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("gzip", "identity", ""):
        return None
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("The transport must be asynchronous.")
    body = bytearray()
    decompressor = zlib.decompressobj(_GZIP) if coding == "gzip" else None
    received = chunks = 0
    async for chunk in response.stream:
        received += len(chunk)
        chunks += 1
        if chunks % _CHUNKS_AT_ONCE == 0:
            await anyio.lowlevel.checkpoint()
        # One byte above the limit is enough to know, and no more is ever decompressed.
        body += decompressor.decompress(chunk, MAX_BODY_BYTES + 1 - len(body)) if decompressor else chunk
        if max(received, len(body)) > MAX_BODY_BYTES or chunks > MAX_CHUNKS:
            return None
    return bytes(body)
