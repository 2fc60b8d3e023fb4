"""Sign in from a client: where there is no token, the first tool call asks the user to open the page of Mogplex.

That is URL mode elicitation (MCP specification, "Elicitation"): the client shows the address, and asks before it opens
it. Up to protocol 2025-11-25 the user is asked while the call waits; since 2026-07-28 the result says what to open, and
the client calls again. On stdio only: over HTTP each caller brings a token, and no browser of theirs reaches this
machine.
"""

import secrets
from typing import Final

import anyio
import mcp_types

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.operations.confirmation import Action
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.sign_in.background import BackgroundSignIn
from mogplex_mcp.toolkit.dispatch import failed
from mogplex_mcp.toolkit.elicitation_requests import ask_now, heartbeats, is_multi_round_trip
from mogplex_mcp.toolkit.errors import ToolError
from mogplex_mcp.toolkit.toolset import Tool

_KEY: Final = "sign_in"
_WAITING: Final = "waiting for the user to sign in"
_TERMINAL: Final = "they can also run `mogplex-mcp login` in a terminal"

Result = mcp_types.CallToolResult | mcp_types.InputRequiredResult


class SignInElicitation:
    """Asks the user to sign in, once for all calls that need it."""

    def __init__(self) -> None:
        self._asking = anyio.Lock()

    async def ensure(self, scope: RequestScope, tool: Tool, params: mcp_types.CallToolRequestParams) -> Result | None:
        """Let the user sign in if the tool needs a token, there is none, and the client can show an address.

        Returns:
            What to answer to the call; None if the tool can be run, or can say itself that there is no token.
        """
        if not (tool.needs_token and _lacks_token(scope) and _can_show(scope)):
            return None
        began = anyio.current_time()
        # Others wait here for the answer to the first question.
        async with self._asking:
            scope.caller = await scope.services.reread_token()
            if not _lacks_token(scope):
                return None
            return await self._sign_in(scope, tool, params, began)

    async def _sign_in(
        self, scope: RequestScope, tool: Tool, params: mcp_types.CallToolRequestParams, began: float
    ) -> Result | None:
        sign_in = scope.services.sign_in
        identifier = secrets.token_urlsafe(12)
        calls_again = is_multi_round_trip(scope.context)
        answered = (params.input_responses or {}).get(_KEY)
        action = answered.action if isinstance(answered, mcp_types.ElicitResult) else None
        if action == "accept" and not sign_in.has_begun:
            action = None  # that of an earlier process
        try:
            if action is None and not (sign_in.is_running and sign_in.is_accepted):
                request = mcp_types.ElicitRequestURLParams(
                    message=_message(scope), url=await sign_in.start(), elicitation_id=identifier
                )
                if calls_again:
                    return mcp_types.InputRequiredResult(input_requests={_KEY: mcp_types.ElicitRequest(params=request)})
                action = await _ask_now(scope, request)
            if action not in (None, "accept"):
                await sign_in.aclose()
                return failed(_declined(tool.name))
            sign_in.is_accepted = True
            if not await self._wait(scope, sign_in, began):
                return failed(_pending(tool.name))
        except MogplexError as error:
            return failed(_impossible(error))
        scope.caller = await scope.services.reread_token()
        if not calls_again:
            await scope.context.session.send_elicit_complete(identifier, scope.context.request_id)
        return None

    async def _wait(self, scope: RequestScope, sign_in: BackgroundSignIn, began: float) -> bool:
        """Wait for the user as long as the client waits for this call; return whether they have signed in."""
        left = scope.open_call().wait_cap - (anyio.current_time() - began)
        async with heartbeats(_WAITING, scope.progress):
            return await sign_in.wait(max(1.0, left))


def _lacks_token(scope: RequestScope) -> bool:
    """Return whether there is no token of this process, as opposed to one that can't be used."""
    problem = scope.caller.problem
    return scope.is_own and problem is not None and problem.code is ErrorCode.NO_TOKEN and not scope.settings.demo


def _can_show(scope: RequestScope) -> bool:
    capabilities = scope.context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and elicitation.url is not None


def _message(scope: RequestScope) -> str:
    return (
        f"Sign in to Mogplex ({web_url(scope.settings.base_url)}) in your browser, so that the tools of this server "
        "can work for you. What you type there is not seen here."
    )


async def _ask_now(scope: RequestScope, request: mcp_types.ElicitRequestURLParams) -> Action:
    """Ask while the call waits, and return what the user did; a client that fails to ask has not asked."""
    response = await ask_now(
        scope.context,
        lambda: scope.context.session.elicit_url(
            request.message,
            request.url,
            request.elicitation_id or "",
            related_request_id=scope.context.request_id,
        ),
        _WAITING,
        scope.progress,
    )
    return "cancel" if response is None else response.action


def _declined(tool: str) -> ToolError:
    return ToolError(
        "Nothing was done: the user did not sign in to Mogplex",
        f"{tool} needs a sign-in, and the page for it was not opened",
        f"Do not call it again for this unless the user asks for it; {_TERMINAL}",
        "no_token",
    )


def _pending(tool: str) -> ToolError:
    return ToolError(
        "Nothing was done yet: the user has not finished signing in to Mogplex",
        f"{tool} needs a sign-in, whose page was opened in the browser",
        f"When the user says that they have signed in, call {tool} again; {_TERMINAL}",
        "no_token",
    )


def _impossible(error: MogplexError) -> ToolError:
    return ToolError(
        "There is no Mogplex token, and signing in failed",
        error.message,
        "Ask the user to run `mogplex-mcp login` in a terminal, which opens the browser, or to set MOGPLEX_API_KEY in "
        "this server's configuration; then call the tool again",
        "no_token",
    )
