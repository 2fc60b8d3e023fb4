"""A host page in headless Chromium, this server over HTTP, and a simulated Mogplex whose clock the tests move."""

import contextlib
import itertools
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, ConsoleMessage, Dialog, FrameLocator, Page, Request, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from mogplex_mcp.simulator import DEMO_TOKEN, ApiToken, Simulator
from tests.transports.http.support import app_for, served
from tests.ui.building import built_host

PATIENCE_MS: Final = 60_000
RUN_SECONDS: Final = 100.0
CAN_ALL: Final[dict[str, Any]] = {"openLinks": {}, "serverTools": {}, "updateModelContext": {}}
_PAGE: Final = Path(__file__).parent / "host.html"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Mogplex:
    """The simulated Mogplex.

    Attributes:
        ahead: How far its clock is ahead, in seconds.
    """

    ahead: float = 0.0
    simulator: Simulator = field(init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.simulator = Simulator(now=lambda: time.time() + self.ahead, run_seconds=RUN_SECONDS)

    def new_token(self) -> str:
        """A token of its own for a test: tests share no limit."""
        token = f"mog_Card{next(self._numbers):028d}"
        (owner,) = (one.user_id for one in self.simulator.world.tokens if one.value == DEMO_TOKEN)
        self.simulator.world.tokens.append(ApiToken(token, owner))
        return token


@dataclass
class Host:
    """A page of the host, with cards in it.

    Attributes:
        page: The page.
        token: What its calls are made with.
        requests: What the page and its cards have loaded.
        problems: What the browser reported: errors of scripts, violations of policies.
    """

    page: Page
    token: str
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note_request(self, request: Request) -> None:
        """Note what the page or a card loads."""
        self.requests.append(request)

    def open(self, tool: str, arguments: dict[str, Any], **opening: Any) -> FrameLocator:
        """Show a card beside a call, and return it; see `Opening` in host.ts."""
        defaults = {"capabilities": CAN_ALL, "context": {"locale": "en-GB", "timeZone": "UTC"}, "calls": "forwarded"}
        given = {"token": self.token, "tool": tool, "arguments": arguments, **defaults, **opening}
        # As JSON, which has half a surrogate pair as an escape.
        self.page.evaluate("opening => window.host.open(JSON.parse(opening))", json.dumps(given))
        return self.page.frame_locator("iframe").last

    def start(self, prompt: str, **opening: Any) -> FrameLocator:
        return self.open("start_run", {"repo": "acme/web", "prompt": prompt}, **opening)

    def messages(self, sender: str, method: str = "") -> list[dict[str, Any]]:
        """What went between cards and host so far."""
        every = json.loads(self.page.evaluate("() => JSON.stringify(window.host.messages)"))
        sent = [one["message"] for one in every if one["from"] == sender]
        return [one for one in sent if not method or one.get("method") == method]

    def calls(self, tool: str) -> list[dict[str, Any]]:
        """The arguments of the calls of a tool that cards made."""
        called = [one["params"] for one in self.messages("card", "tools/call")]
        return [one["arguments"] for one in called if one["name"] == tool]

    def links(self) -> list[str]:
        """What cards opened."""
        return list(self.page.evaluate("() => window.host.links"))


class Hosting:
    """The host's page and this server at one address."""

    def __init__(self, app: ASGIApp, script: str) -> None:
        self._app = app
        self._files = {"/": ("text/html", _PAGE.read_bytes()), "/host.js": ("text/javascript", script.encode())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in self._files:
            await self._app(scope, receive, send)
            return
        kind, body = self._files[scope["path"]]
        headers = [(b"content-type", f"{kind}; charset=utf-8".encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def hosting(mogplex: Mogplex, place: Path) -> Iterator[str]:
    """The address of a host page and this server."""
    app = Hosting(app_for(mogplex.simulator.transport()), built_host(place))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served(app)) as address:
        yield f"http://{address}/"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"No {_NAMES[0]} is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Browser, address: str, token: str, **options: Any) -> Iterator[Host]:
    """A host page of its own for a test."""
    context = browser.new_context(**{"viewport": {"width": 720, "height": 900}, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    host = Host(page, token)
    page.on("request", host.note_request)
    page.on("pageerror", lambda error: host.problems.append(str(error)))

    def note_dialog(dialog: Dialog) -> None:
        host.problems.append(dialog.message)
        dialog.dismiss()

    def note(message: ConsoleMessage) -> None:
        # Every request of a page is looked at; that the server has no stream for GET is no problem.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            host.problems.append(message.text)

    page.on("dialog", note_dialog)
    page.on("console", note)
    try:
        page.goto(address)
        yield host
    finally:
        context.close()
