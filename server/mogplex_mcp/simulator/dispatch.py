"""Dispatch of an authenticated request to its route."""

from collections.abc import Mapping

from . import authentication
from .context import Endpoint, RouteContext, State
from .messages import ApiError, Request, Response, not_found_page
from .routing import find
from .world import ApiToken


async def dispatch(state: State, request: Request) -> Response:
    """Dispatch a request to its route; OPTIONS, 404 and 405 are the framework's.

    The framework's responses are neither authenticated nor counted.
    """
    found = find(request.raw_path, state.world)
    if found is None:
        return not_found_page(request.raw_path)
    if request.method == "OPTIONS":
        return Response(204).with_header("allow", found.allowed)
    endpoint = found.methods.get("GET" if request.method == "HEAD" else request.method)
    if endpoint is None:
        return Response(405)
    try:
        return await perform(state, request, authentication.authenticate(state, request), endpoint, found.parameters)
    except ApiError as error:
        return error.response


async def perform(
    state: State, request: Request, token: ApiToken, endpoint: Endpoint, parameters: Mapping[str, str]
) -> Response:
    """Count a request, check its scope, and call its route.

    Raises:
        ApiError: the route or a check failed.
    """
    authentication.spend(state, token, request)
    authentication.require_scope(token, endpoint.scope)
    return await endpoint.handler(RouteContext(state, request, state.world.user(token.user_id), token, parameters))
