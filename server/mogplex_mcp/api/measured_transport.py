"""A transport that measures requests to Mogplex, each attempt by itself."""

import re
import time
from typing import Final
from urllib.parse import urlsplit

import httpx2

from mogplex_mcp.api.identifiers import without_ids
from mogplex_mcp.core.metrics import Recorder

_TEMPLATE: Final = re.compile(r"(/[a-z-]{1,30}|/\{id\}){1,6}")


class MeasuredTransport(httpx2.AsyncBaseTransport):
    """Sends requests over another transport, and closes it.

    Args:
        transport: The other transport.
        base_url: The base of all routes.
        recorder: Records the requests.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, base_url: str, recorder: Recorder) -> None:
        self._transport = transport
        self._base_path = urlsplit(base_url).path
        self._recorder = recorder

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        began, status = time.perf_counter(), "cancelled"
        try:
            response = await self._transport.handle_async_request(request)
            status = str(response.status_code)
        except httpx2.TimeoutException:
            status = "timed_out"
            raise
        except Exception:
            status = "failed"
            raise
        finally:
            self._recorder.api_requested(self._route(request), status, time.perf_counter() - began)
        return response

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._transport.aclose()

    def _route(self, request: httpx2.Request) -> str:
        path = without_ids(request.url.path.removeprefix(self._base_path))
        return f"{request.method} {path}" if _TEMPLATE.fullmatch(path) else "other"
