"""Takes a request with a token to its route."""

from collections.abc import Mapping

from . import gate
from .calls import Call, Endpoint, State
from .messages import Refusal, Request, Response
from .pages import not_found_page
from .routing import find
from .world import Token


async def dispatch(state: State, request: Request) -> Response:
    """Answer a request that was let in: OPTIONS, 404 and 405 by the framework, the rest by the route.

    What the framework answers is neither authenticated nor counted.
    """
    found = find(request.raw_path)
    if found is None:
        return not_found_page(request.raw_path)
    if request.method == "OPTIONS":
        return Response(204).with_header("allow", found.allowed)
    endpoint = found.methods.get("GET" if request.method == "HEAD" else request.method)
    if endpoint is None:
        return Response(405)
    try:
        return await perform(state, request, gate.token_of(state, request), endpoint, found.parameters)
    except Refusal as refusal:
        return refusal.response


async def perform(
    state: State, request: Request, token: Token, endpoint: Endpoint, parameters: Mapping[str, str]
) -> Response:
    """Count a request, check its scope, and let its route answer.

    Raises:
        Refusal: an error envelope.
    """
    gate.spend(state, token, request)
    gate.require(token, endpoint.scope)
    return await endpoint.handler(Call(state, request, state.world.user(token.user_id), token, parameters))
