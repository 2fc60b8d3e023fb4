"""The service without faults: from a request to its response."""

from . import authentication, oauth, rpc
from .context import State
from .dispatch import dispatch
from .messages import Request, Response
from .routing import early_response


async def handle(state: State, request: Request) -> Response:
    """Handle a request.

    Args:
        state: the simulator's data and everything that changes over time.
        request: the HTTP request.
    """
    early = early_response(request, state.world)
    if early is not None:
        return early
    elsewhere = oauth.handle(state, request) or authentication.login_redirect(request)
    if elsewhere is not None:
        return elsewhere
    if request.raw_path == authentication.RPC_PATH:
        return await rpc.handle(state, request)
    return await dispatch(state, request)
