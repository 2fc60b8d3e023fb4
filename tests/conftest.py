import pytest

from tests.virtual_time import VirtualTimeLoop


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def virtual_time() -> tuple[str, dict[str, object]]:
    """For modules that set `anyio_backend` to it: tests in which waiting takes no time."""
    return "asyncio", {"loop_factory": VirtualTimeLoop}
