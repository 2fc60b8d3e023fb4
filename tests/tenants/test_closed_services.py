"""Services that are closed make no new connections for a request that comes late."""

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.tenants.services import Services

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("used", [False, True])
async def test_late_request_after_the_close_is_refused(*, used: bool) -> None:
    services = Services(Settings(without_journal=True, demo=True))
    if used:
        assert services.tenants is services.tenants
    await services.aclose()
    if used:
        # The transport itself refuses, see `test_connection_pool`.
        return
    with pytest.raises(MogplexError) as caught:
        _ = services.tenants
    assert caught.value.code is ErrorCode.SHUTTING_DOWN
