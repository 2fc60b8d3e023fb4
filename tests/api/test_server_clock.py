"""The clock that is set by the `Date` of responses."""

from email.utils import formatdate

import pytest

from mogplex_mcp.api.server_clock import ServerClock
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

YEARS = 8 * 365 * 86_400.0


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    return virtual_time


def ahead_after(*dates: float) -> float:
    """How far the clock is ahead of Mogplex after responses whose dates are so many seconds ahead."""
    clock = ServerClock(virtual_now)
    for ahead in dates:
        clock.set(formatdate(virtual_now() + ahead))
    return clock.now() - virtual_now()


@pytest.mark.parametrize(
    ("dates", "ahead"),
    [
        ([YEARS], YEARS),
        ([0.0, YEARS], 0.0),
        ([0.0, YEARS, 0.0, YEARS], 0.0),
        ([0.0, YEARS, 2 * YEARS], 0.0),
        ([0.0, YEARS, YEARS], YEARS),  # this machine was asleep
        ([0.0, 30.0], 30.0),
        ([YEARS, 0.0], 0.0),
    ],
)
async def test_one_response_alone_does_not_set_the_clock_far_ahead(dates: list[float], ahead: float) -> None:
    assert ahead_after(*dates) == pytest.approx(ahead, abs=1)
