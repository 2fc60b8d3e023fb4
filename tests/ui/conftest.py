from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.browser import PATIENCE_MS, Host, Mogplex, chromium, hosting, opened
from tests.ui.specification import invalid

NewHost = Callable[..., Host]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def mogplex() -> Mogplex:
    return Mogplex()


@pytest.fixture(scope="module")
def address(browser: Browser, mogplex: Mogplex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with hosting(mogplex, tmp_path_factory.mktemp("host")) as at:
        yield at


@pytest.fixture
def new_host(browser: Browser, address: str, mogplex: Mogplex) -> Iterator[NewHost]:
    """Opens host pages, each with a token of its own; what cards must never do is checked at the end."""
    with ExitStack() as stack:
        hosts = []

        def open_page(token: str = "", **options: Any) -> Host:
            host = stack.enter_context(opened(browser, address, token or mogplex.new_token(), **options))
            hosts.append(host)
            return host

        yield open_page
        for host in hosts:
            assert not invalid(host.messages("card"))
            assert not host.problems
            assert {request.url.removeprefix(address) for request in host.requests} <= {"", "host.js", "mcp"}
            assert all(request.frame == host.page.main_frame for request in host.requests)


@pytest.fixture
def host(new_host: NewHost) -> Host:
    return new_host()
