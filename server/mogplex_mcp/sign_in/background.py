"""A sign-in in the background of a server, which goes on while calls come and go."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.storing import store_token
from mogplex_mcp.sign_in.errors import SignInError

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)


class BackgroundSignIn:
    """The sign-in of the person whose process this is; one at a time.

    Args:
        settings: The settings; with `read_only`, the scope `write` is not asked for.
        transport: Returns what sends requests to Mogplex.
        now: Seconds since the epoch.

    Attributes:
        is_accepted: Whether the person has agreed to open the page.
    """

    def __init__(
        self, settings: Settings, transport: "Callable[[], httpx2.AsyncBaseTransport]", now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._url: asyncio.Future[str] | None = None
        self.is_accepted = False

    @property
    def has_begun(self) -> bool:
        """Whether this process has ever shown an address."""
        return self._task is not None

    @property
    def is_running(self) -> bool:
        """Whether the person can sign in now."""
        return self._task is not None and not self._task.done()

    async def start(self) -> str:
        """Return the address to sign in at; begin to listen if that has not begun.

        Raises:
            MogplexError: It is not possible.
        """
        task, url = self._task, self._url
        if task is None or url is None or task.done():
            self.is_accepted = False
            self._url = url = asyncio.get_running_loop().create_future()
            self._task = task = asyncio.create_task(self._run(url))
            # All callers may be gone by then.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        begun: set[asyncio.Future[Any]] = {task, url}
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if not url.done():
            await task
            raise SignInError("The sign-in could not begin.")
        return url.result()

    async def wait(self, seconds: float) -> bool:
        """Wait for the person; return whether what came of it is stored by now.

        Raises:
            MogplexError: The sign-in failed.
        """
        if self._task is None:
            return False
        with anyio.move_on_after(seconds):
            await asyncio.wait([self._task])
        if self._task.cancelled() or not self._task.done():
            return False
        self._task.result()
        return True

    async def aclose(self) -> None:
        """End the sign-in."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, url: "asyncio.Future[str]") -> None:
        # Imports the MCP SDK's client, which is slow.
        from mogplex_mcp.sign_in.browser import sign_in, wanted_scopes  # noqa: PLC0415 - see above

        async def show(address: str) -> None:
            url.set_result(address)

        grant = await sign_in(
            self._settings.base_url,
            self._transport(),
            scopes=wanted_scopes(read_only=self._settings.read_only),
            show=show,
            now=self._now,
            note=logger.warning,
        )
        if await store_token(self._settings, grant.text, logger.warning) is None:
            raise SignInError("You have signed in, but what came of it could not be stored on this machine.")
