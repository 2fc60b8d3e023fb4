"""Asking the user before something is changed for good, in both protocol eras. The model cannot answer for the user.

A tool that needs consent ends with a question (`consent`). Then the user is asked: before the protocol of 2026-07-28 by
a request to the client while the call waits, since then by an answer that says what is asked, upon which the client
calls again with what the user said. Either way the tool runs again from its beginning and has to come to the very same
question: what the user agreed to is this tool, these arguments and this text, and nothing else.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import mcp_types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from mogplex_mcp.core.shutdown import AT_ONCE
from mogplex_mcp.operations.confirmation import Action, Consent
from mogplex_mcp.toolkit.errors import ToolError

ANSWER_SECONDS: Final = 300.0
"""How long a question waits for its answer while a client of the 2025 protocol holds the line."""

SEAL_SECONDS: Final = 900.0
"""How old an answer may be that comes with a new call."""

_CALLS_AGAIN: Final = "2026-07-28"
_MOST_QUESTIONS: Final = 3
_HEARTBEAT_SECONDS: Final = 10.0
_KEY: Final = "consent"
_YES: Final = "confirm"
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {_YES: {"type": "boolean", "title": "Yes, do this"}},
    "required": [_YES],
}

Run = Callable[[Consent], Awaitable[mcp_types.CallToolResult]]
Result = mcp_types.CallToolResult | mcp_types.InputRequiredResult
Context = ServerRequestContext[Any]


class Elicitation:
    """Asks users, and knows its own questions when they come back.

    Args:
        allow_unasked: Whether a client that cannot ask may do without.
        now: Seconds since the epoch.
    """

    def __init__(self, *, allow_unasked: bool, now: Callable[[], float] = time.time) -> None:
        self._allow_unasked = allow_unasked
        self._now = now
        # A question does not outlive the process that asked it: it is asked again then.
        self._key = secrets.token_bytes(32)

    async def run(self, run: Run, context: Context, params: mcp_types.CallToolRequestParams, *, caller: str) -> Result:
        """Run a tool, and ask the user if that is what it comes to.

        Args:
            run: Runs the tool from its beginning.
            context: The request.
            params: The call.
            caller: Whose call it is; an answer counts for the same caller only.
        """
        consent = Consent(lambda question: self._answer(params, caller, question))
        if self._allow_unasked and not _can_ask(context):
            consent = Consent(lambda _: "accept")
        for _ in range(_MOST_QUESTIONS):
            result = await run(consent)
            if consent.refusal is not None:
                return _failed(_refused(params.name, consent.refusal))
            asked = consent.question
            if not asked:
                return result
            if not _can_ask(context):
                return _failed(_cannot_ask(params.name))
            if is_version_at_least(context.protocol_version, _CALLS_AGAIN):
                return mcp_types.InputRequiredResult(
                    input_requests={_KEY: _request(asked)},
                    request_state=self._seal(params, caller, asked, str(int(self._now()))),
                )
            said = await _ask_now(context, asked)
            if said is None:
                return _failed(_cannot_ask(params.name))
            consent = _said(asked, said)
        return _failed(_keeps_changing(params.name))

    def _answer(self, params: mcp_types.CallToolRequestParams, caller: str, question: str) -> Action | None:
        """What the user did with this question, if this call brings it."""
        said = (params.input_responses or {}).get(_KEY)
        state = params.request_state or ""
        if not isinstance(said, mcp_types.ElicitResult):
            return None
        asked_at = state.partition(".")[0]
        if not hmac.compare_digest(state.encode(), self._seal(params, caller, question, asked_at).encode()):
            return None
        return _action(said) if 0 <= self._now() - int(asked_at) < SEAL_SECONDS else None

    def _seal(self, params: mcp_types.CallToolRequestParams, caller: str, question: str, asked_at: str) -> str:
        call = [caller, params.name, params.arguments or {}]
        content = json.dumps([asked_at, call, question], sort_keys=True).encode()
        return f"{asked_at}.{hmac.new(self._key, content, hashlib.sha256).hexdigest()}"


def _said(asked: str, action: Action) -> Consent:
    return Consent(lambda question: action if question == asked else None)


def _can_ask(context: Context) -> bool:
    """Whether the client can show its user a question and hand back the answer."""
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # A bare `elicitation: {}` means forms, as before there was anything else.
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return False
    return is_version_at_least(context.protocol_version, _CALLS_AGAIN) or context.session.can_send_request


async def _ask_now(context: Context, question: str) -> Action | None:
    """Ask while the call waits; None when the client could not do it."""
    said: mcp_types.ElicitResult | None = None
    with anyio.move_on_after(ANSWER_SECONDS), context.lifespan_context.shutdown.within(AT_ONCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_beat, context)
            try:
                said = await context.session.elicit_form(question, _FORM, related_request_id=context.request_id)
            except (MCPError, ValidationError):
                return None
            finally:
                tasks.cancel_scope.cancel()
    return "cancel" if said is None else _action(said)


async def _beat(context: Context) -> None:
    """Tell the client that the call goes on: some give up on one from which they hear nothing."""
    told = 0.0
    while True:
        await anyio.sleep(_HEARTBEAT_SECONDS)
        told += 1.0
        await context.session.report_progress(told, message="waiting for the user's answer")


def _request(question: str) -> mcp_types.ElicitRequest:
    return mcp_types.ElicitRequest(params=mcp_types.ElicitRequestFormParams(message=question, requested_schema=_FORM))


def _action(said: mcp_types.ElicitResult) -> Action:
    """What was said; agreeing means both to send the form and to say yes in it."""
    if said.action == "accept" and (said.content or {}).get(_YES) is not True:
        return "decline"
    return said.action


def _refused(tool: str, action: Action) -> ToolError:
    if action == "decline":
        return ToolError(
            "Nothing was done: the user said no",
            f"{tool} shows the user what it would change, and the user did not agree",
            "Do not call it again for this unless the user asks for it",
            "declined",
        )
    return ToolError(
        "Nothing was done: the user did not answer",
        f"{tool} shows the user what it would change, and the question was closed without an answer",
        "Ask the user in the conversation what they want before you call it again",
        "not_answered",
    )


def _cannot_ask(tool: str) -> ToolError:
    return ToolError(
        "Nothing was done: the user has to agree first",
        f"{tool} shows the user what it would change, and this client has no way of asking (elicitation)",
        "Tell the user what you wanted to do. They can do it on the Mogplex web page, use a client that can ask, or "
        "start this server with MOGPLEX_MCP_ALLOW_DESTRUCTIVE=1, which lets such calls through unasked",
        "consent_needed",
    )


def _keeps_changing(tool: str) -> ToolError:
    return ToolError(
        "Nothing was done: what would change is not the same any more",
        f"while the user was asked about {tool}, others changed what it is about",
        "Look at the present state, then call again",
        "changed_meanwhile",
    )


def _failed(failure: ToolError) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=failure.text)], is_error=True)
