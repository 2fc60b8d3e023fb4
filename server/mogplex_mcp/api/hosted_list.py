"""The hosted tools as they were last listed: a list costs a unit, and whoever looks at one tool looks at the next."""

import time
from collections.abc import Callable
from typing import Final

from mogplex_mcp.api.hosted import HostedEndpoint, HostedTool

REMEMBERED_SECONDS: Final = 300.0


class HostedTools:
    """The tools of the hosted endpoint, by name.

    Attributes:
        endpoint: What calls them.
    """

    def __init__(self, endpoint: HostedEndpoint, *, now: Callable[[], float] = time.time) -> None:
        self.endpoint = endpoint
        self._now = now
        self._listed: dict[str, HostedTool] = {}
        self._at: float | None = None

    async def listed(self, *, anew: bool = False) -> dict[str, HostedTool]:
        """All hosted tools, not older than five minutes.

        Args:
            anew: Whether to ask in any case.

        Raises:
            MogplexError: As for any request.
        """
        if anew or self._at is None or not 0 <= self._now() - self._at < REMEMBERED_SECONDS:
            self._listed = {tool.name: tool for tool in await self.endpoint.list_tools()}
            self._at = self._now()
        return self._listed
