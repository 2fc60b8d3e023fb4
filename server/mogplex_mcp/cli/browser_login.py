"""The part of `login` and `logout` that a browser and the authorization server have in it."""

import math
import time
import webbrowser
from typing import Final

import anyio

from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.deadline import within
from mogplex_mcp.core.humanize import duration
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.grant import Grant

# Some browsers are started by waiting for them.
_OPEN_SECONDS: Final = 10.0
_REVOKE_SECONDS: Final = 10.0


async def sign_in_person(settings: Settings, *, opens_browser: bool) -> Grant:
    """Let the person sign in with a browser, and return what was granted.

    Args:
        settings: The settings; with `read_only`, the scope `write` is not asked for.
        opens_browser: Whether to open it here, instead of printing the address only.

    Raises:
        MogplexError: No one signed in, or it failed.
    """
    # Imports the MCP SDK, which is slow.
    from mogplex_mcp.sign_in.browser import WAIT_SECONDS, sign_in, wanted_scopes  # noqa: PLC0415 - see above

    async def show(url: str) -> None:
        opened = opens_browser and await _open(url)
        say("Sign in with the browser that was opened, or at:" if opened else "Sign in at:")
        say(f"  {url}")
        if not opened:
            port = url.partition("127.0.0.1%3A")[2].partition("%2F")[0]
            say(
                "The browser has to be on this machine. From another one, forward the port first: "
                f"ssh -L {port}:127.0.0.1:{port} (this machine)"
            )
        say(f"Waiting for {duration(round(WAIT_SECONDS))}; Ctrl-C gives up.")

    transport = create_transport(settings.base_url)
    try:
        grant = await sign_in(
            settings.base_url,
            transport,
            scopes=wanted_scopes(read_only=settings.read_only),
            show=show,
            now=time.time,
            note=say,
        )
    finally:
        with anyio.CancelScope(shield=True):
            await transport.aclose()
    refreshed = "is refreshed before it expires" if grant.refresh_token else "cannot be refreshed"
    say(f"You are signed in, with {grant.shown_scopes}. The sign-in {refreshed}.")
    return grant


async def end_sign_in(settings: Settings, grant: Grant) -> None:
    """Revoke a grant where Mogplex can do that, and say what stays valid where it can't."""
    from mogplex_mcp.sign_in.token_endpoint import revoke  # noqa: PLC0415 - imports the MCP SDK, which is slow

    transport, is_revoked = create_transport(settings.base_url), False
    try:
        with anyio.move_on_after(_REVOKE_SECONDS):
            is_revoked = await revoke(grant, transport, settings.base_url)
    finally:
        await transport.aclose()
    if is_revoked:
        say("Mogplex has revoked the sign-in.")
    else:
        say(f"Mogplex offers no way to revoke the sign-in: its access token {_validity(grant, time.time())}.")


def _validity(grant: Grant, now: float) -> str:
    """Return for how long an access token stays valid, as the end of a sentence."""
    left = grant.expires_at - now
    if left <= 0:
        return "has expired already"
    return f"stays valid for {duration(round(left))}" if math.isfinite(left) else "stays valid until it expires"


async def _open(url: str) -> bool:
    """Open the browser of this machine (`BROWSER`, or the system's)."""
    try:
        return await within(_OPEN_SECONDS, lambda: webbrowser.open(url))
    except TimeoutError:
        return True
    except Exception:  # noqa: BLE001 - whatever a browser's launcher raises: the address is printed
        return False
