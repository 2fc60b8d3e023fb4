"""Elicitation: the user confirms a destructive change, in both protocol eras. The model cannot answer for the user.

A tool that needs a confirmation ends with a question (`confirmation`). Up to protocol 2025-11-25 the user is asked by a
request to the client while the call waits. Since 2026-07-28 the result says what to ask, and the client calls again
with the user's answer (multi round-trip requests). Either way the tool runs again from its beginning and must arrive at
the same question: the user has confirmed this tool, these arguments and this text, and nothing else.

The state of a multi round-trip request is sealed by the SDK's `RequestStateBoundary`, which binds it to the caller, the
tool and its arguments, and lets it expire. Added here: the state names the question, and is accepted once.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

import mcp_types
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError

from mogplex_mcp.operations.confirmation import Action, Consent
from mogplex_mcp.storage.errors import StateError
from mogplex_mcp.storage.expiring_names import MemoryExpiringNames
from mogplex_mcp.storage.store import Store
from mogplex_mcp.toolkit.call import Progress
from mogplex_mcp.toolkit.dispatch import failed
from mogplex_mcp.toolkit.elicitation_requests import MULTI_ROUND_TRIP, Context, ask_now, is_multi_round_trip
from mogplex_mcp.toolkit.errors import ToolError
from mogplex_mcp.toolkit.sealing import SharedKeyCodec

STATE_SECONDS: Final = 900.0
"""How long the state of a multi round-trip request is valid."""

_MOST_QUESTIONS: Final = 3
_KEY: Final = "consent"
_YES: Final = "confirm"
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {_YES: {"type": "boolean", "title": "Yes, do this"}},
    "required": [_YES],
}

Run = Callable[[Consent], Awaitable[mcp_types.CallToolResult]]
Result = mcp_types.CallToolResult | mcp_types.InputRequiredResult


class Elicitation:
    """Asks users, and accepts each of their confirmations once.

    The `boundary` must be among the middleware of the server: without it, clients could make up a state.

    Args:
        allow_unasked: Whether a client without elicitation may call without a confirmation.
    """

    def __init__(self, *, allow_unasked: bool) -> None:
        self._allow_unasked = allow_unasked
        self._codec = SharedKeyCodec()
        self._process = secrets.token_urlsafe(12)
        self._used_here = MemoryExpiringNames()

    def boundary(self, audience: str, principal: Callable[[Context], str]) -> RequestStateBoundary:
        """Return the middleware that seals the state of multi round-trip requests and verifies it when it comes back.

        Args:
            audience: The name of the server.
            principal: Returns the caller's token, to which the state is bound.
        """
        security = RequestStateSecurity(codec=self._codec, ttl=STATE_SECONDS, bind_principal=principal)
        return RequestStateBoundary(security, default_audience=audience)

    async def share_key(self, store: Store) -> None:
        """Seal with the key that all replicas share, if there is one."""
        await self._codec.share(store)

    async def run(
        self, run: Run, context: Context, params: mcp_types.CallToolRequestParams, progress: Progress
    ) -> Result:
        """Run a tool, and ask the user if it needs a confirmation.

        Args:
            run: Runs the tool from its beginning.
            context: The request.
            params: The call.
            progress: Reports the progress of the request.

        Raises:
            MCPError: `MISSING_REQUIRED_CLIENT_CAPABILITY`, since 2026-07-28: the client can't ask.
        """
        consent = await self._answer(context, params)
        if self._allow_unasked and not _can_ask(context):
            consent = Consent(lambda _: "accept")
        for _ in range(_MOST_QUESTIONS):
            result = await run(consent)
            if consent.refusal is not None:
                return failed(_refused(params.name, consent.refusal))
            question = consent.question
            if not question:
                return result
            if not _can_ask(context):
                return failed(_cannot_ask(params.name, context))
            if is_multi_round_trip(context):
                store = context.lifespan_context.store
                await self.share_key(store)
                # While it cannot be shared who has confirmed what, the answer counts in this process only.
                where = self._process if store.warnings() else ""
                return mcp_types.InputRequiredResult(
                    input_requests={_KEY: _request(question)},
                    request_state=f"{secrets.token_urlsafe(12)}.{_digest(question)}.{where}",
                )
            action = await _ask_now(context, question, progress)
            if action is None:
                return failed(_not_asked(params.name, "this client answered the question with an error"))
            consent = _answered(question, action)
        return failed(_keeps_changing(params.name))

    async def _answer(self, context: Context, params: mcp_types.CallToolRequestParams) -> Consent:
        """Return the consent that this call brings, if it brings one and for the first time."""
        response = (params.input_responses or {}).get(_KEY)
        state = params.request_state or ""
        if not isinstance(response, mcp_types.ElicitResult) or not state:
            return Consent()
        # A replica of a release before this one names no process.
        _, digest, where, *_ = (*state.split("."), "", "")
        used = self._used_here if where else context.lifespan_context.store.used_confirmations
        try:
            is_new = where in ("", self._process) and await used.add(state, valid_seconds=STATE_SECONDS)
        except StateError:
            # It may have been used on another replica: better asked twice than done twice.
            is_new = False
        return Consent(lambda question: _action(response) if is_new and digest == _digest(question) else None)


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()


def _answered(asked: str, action: Action) -> Consent:
    return Consent(lambda question: action if question == asked else None)


def _can_ask(context: Context) -> bool:
    """Return whether the client can show its user a question and send back the answer."""
    return _declares_forms(context) and (is_multi_round_trip(context) or context.session.can_send_request)


def _declares_forms(context: Context) -> bool:
    capabilities = context.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # A bare `elicitation: {}` means forms, as before there was anything else.
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def _ask_now(context: Context, question: str, progress: Progress) -> Action | None:
    """Ask while the call waits; return None if the client failed to ask."""
    response = await ask_now(
        context,
        lambda: context.session.elicit_form(question, _FORM, related_request_id=context.request_id),
        "waiting for the user's answer",
        progress,
    )
    return None if response is None else _action(response)


def _request(question: str) -> mcp_types.ElicitRequest:
    return mcp_types.ElicitRequest(params=mcp_types.ElicitRequestFormParams(message=question, requested_schema=_FORM))


def _action(response: mcp_types.ElicitResult) -> Action:
    """Return the user's action; to accept means both to submit the form and to say yes in it."""
    if response.action == "accept" and (response.content or {}).get(_YES) is not True:
        return "decline"
    return response.action


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


def _cannot_ask(tool: str, context: Context) -> ToolError:
    """Return why the user can't be asked.

    Raises:
        MCPError: `MISSING_REQUIRED_CLIENT_CAPABILITY` (MCP specification 2026-07-28, "Error Codes").
    """
    if not is_multi_round_trip(context) and not context.session.can_send_request:
        # Without a session the server does not know what the client declared.
        return _not_asked(
            tool,
            f"over HTTP without sessions a server cannot send a question to a client of protocol "
            f"{context.protocol_version}; with {MULTI_ROUND_TRIP} it can",
        )
    failure = _not_asked(tool, "this client did not declare that it can ask (the capability elicitation)")
    if not is_multi_round_trip(context):
        return failure
    required = mcp_types.MissingRequiredClientCapabilityErrorData(
        required_capabilities=mcp_types.ClientCapabilities(
            elicitation=mcp_types.ElicitationCapability(form=mcp_types.FormElicitationCapability())
        )
    )
    raise MCPError(
        mcp_types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        failure.text,
        required.model_dump(by_alias=True, mode="json", exclude_none=True),
    )


def _not_asked(tool: str, reason: str) -> ToolError:
    return ToolError(
        "Nothing was done: the user has to agree first",
        f"{tool} shows the user what it would change, and {reason}",
        "Tell the user what you wanted to do. They can do it on the Mogplex web page, use a client that can ask, or "
        "have this server started with MOGPLEX_MCP_ALLOW_DESTRUCTIVE=1, which lets such calls through unasked where a "
        "client cannot ask",
        "consent_needed",
    )


def _keeps_changing(tool: str) -> ToolError:
    return ToolError(
        "Nothing was done: what would change is not the same any more",
        f"while the user was asked about {tool}, others changed what it is about",
        "Look at the present state, then call again",
        "changed_meanwhile",
    )
