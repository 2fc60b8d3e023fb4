import pytest


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, object]]) -> tuple[str, dict[str, object]]:
    """Retries, polls and waits take no time here."""
    return virtual_time
