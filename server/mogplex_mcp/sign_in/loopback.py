"""The listener on this machine that the browser comes back to (RFC 8252, section 7.3).

Any page in any browser on this machine can call it, so a request counts only if it is a navigation to the registered
address, by its exact name, with the state of this sign-in. Others are answered with an error, and change nothing.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs

import anyio

from mogplex_mcp.core.cleaning import clean_line, sanitize_word
from mogplex_mcp.sign_in.errors import SignInError

_HOST: Final = "127.0.0.1"
_PATH: Final = "/callback"
# Silent ones are not closed, and must not keep the browser out.
_MOST_CONNECTIONS: Final = 100
_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"connection", b"close"),
)
_PAGE: Final = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>mogplex-mcp</title><style>'
    "body{{font:18px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32em;padding:0 1em;color-scheme:light dark}}"
    "</style></head><body><h1>{title}</h1><p>{text}</p></body></html>"
)


@dataclass(frozen=True)
class Redirect:
    """What the browser came back with (RFC 6749, section 4.1.2; RFC 9207).

    Attributes:
        code: The authorization code.
        state: The state of this sign-in.
        iss: The issuer that says it is the one; None if it says nothing.
    """

    code: str
    state: str
    iss: str | None


class Loopback:
    """Waits for one redirect.

    Args:
        port: Its port.
        note: Called with what the person should know of requests that did not count.
    """

    def __init__(self, port: int, note: Callable[[str], None]) -> None:
        self.port = port
        self.redirect_uri = f"http://{_HOST}:{port}{_PATH}"
        self._note = note
        self._state = ""
        self._result: Redirect | SignInError | None = None
        self._done = anyio.Event()
        self._noted: set[str] = set()

    def expect(self, state: str) -> None:
        """Accept the redirect with this state from now on."""
        self._state = state

    async def wait(self) -> Redirect:
        """Return the redirect.

        Raises:
            SignInError: The person or the server said no.
        """
        await self._done.wait()
        if isinstance(self._result, Redirect):
            return self._result
        raise self._result or SignInError("The browser did not come back.")

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer a request (ASGI)."""
        del receive
        if scope["type"] != "http":
            return
        status, title, text = self._answer(scope)
        body = _PAGE.format(title=escape(title), text=escape(text)).encode()
        headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        if self._result is not None:
            self._done.set()

    def _answer(self, scope: Mapping[str, Any]) -> tuple[int, str, str]:
        """Return status, title and text of the page, and keep the result of a request that counts."""
        if reason := self._foreign(scope):
            return self._refuse(403, reason)
        if scope["path"] != _PATH:
            return 404, "Not found", "Nothing is here."
        if scope["method"] != "GET":
            return self._refuse(405, "it was not a GET")
        given = {name: values for name, values in _query(scope).items() if len(values) == 1}
        state = given.get("state", [""])[0]
        error = given.get("error", [""])[0]
        if not self._state or not secrets.compare_digest(state.encode(), self._state.encode()):
            if error and not state:
                # As observed, Mogplex leaves the state out when it refuses a request; anyone could send that.
                self._note_once("error", f"Mogplex seems to have refused the request ({sanitize_word(error)}).")
            return self._refuse(400, "it has not the state of this sign-in")
        if self._result is not None:
            return 400, "Already used", "This sign-in has been completed or refused already. You can close this page."
        return self._decide(given, state, error)

    def _decide(self, given: Mapping[str, list[str]], state: str, error: str) -> tuple[int, str, str]:
        """Keep what the redirect of this sign-in says, and return the page."""
        if error == "access_denied":
            self._result = SignInError("The sign-in was denied on the page of Mogplex.")
            return 200, "Not signed in", "You have denied access. You can close this page."
        code = given.get("code", [""])[0]
        if error or not code:
            description = clean_line(given.get("error_description", [""])[0], 200)
            reason = sanitize_word(error, "no code was sent") + (f": {description}" if description else "")
            self._result = SignInError(f"Mogplex refused the sign-in ({reason}).")
            return 200, "Not signed in", "Mogplex refused the sign-in. You can close this page."
        self._result = Redirect(code, state, given["iss"][0] if "iss" in given else None)
        return 200, "Thank you", "Back to where you started the sign-in: it goes on there. You can close this page."

    def _foreign(self, scope: Mapping[str, Any]) -> str:
        """Return why a request does not come from where the browser was sent; "" if it may."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") != f"{_HOST}:{self.port}":
            return "it was for another host"
        if "origin" in headers:
            return "it came from a page"
        # Browsers say what a request is for; a page, an image or a frame of another site can't say otherwise.
        if headers.get("sec-fetch-mode", "navigate") != "navigate" or headers.get("sec-fetch-dest", "document") != (
            "document"
        ):
            return "it was not a navigation"
        return ""

    def _refuse(self, status: int, reason: str) -> tuple[int, str, str]:
        self._note_once(
            "refused", f"A request to the address of the sign-in was refused, since {reason}; the sign-in still waits."
        )
        return status, "Refused", f"This request was refused, since {reason}. The sign-in still waits."

    def _note_once(self, kind: str, text: str) -> None:
        """Tell the person: the first of each kind, since a page can send any number."""
        if kind not in self._noted:
            self._noted.add(kind)
            self._note(text)


@contextlib.asynccontextmanager
async def listening(note: Callable[[str], None]) -> AsyncIterator[Loopback]:
    """Listen on a free port of this machine while the block runs.

    Args:
        note: Called with what the person should know.

    Raises:
        SignInError: No port can be had.
    """
    from uvicorn import Config  # noqa: PLC0415 - slow to import, and only a sign-in needs it

    from mogplex_mcp.core.http_server import HttpServer  # noqa: PLC0415 - the same

    try:
        # The system chooses the port, so that none is taken.
        listener = socket.create_server((_HOST, 0))
    except OSError as error:
        raise SignInError(
            f"This machine does not let the browser come back to it ({error.strerror}): use a personal access token "
            "instead, with `mogplex-mcp login --token`."
        ) from None
    loopback = Loopback(listener.getsockname()[1], note)
    config = Config(
        loopback,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=2,
        timeout_graceful_shutdown=1,
    )
    server = HttpServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield loopback
    finally:
        server.should_exit = True
        with anyio.CancelScope(shield=True), contextlib.suppress(Exception):
            await serving
        listener.close()


def _query(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
