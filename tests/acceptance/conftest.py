"""What every client gets: a simulated Mogplex, and this checkout in the place of the published package."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mogplex_mcp.simulator import DEMO_TOKEN
from tests.transports.processes import environment, http_server, simulator


@dataclass(frozen=True)
class Served:
    """Where a client finds this server.

    Attributes:
        place: The address of a server that takes each caller's own token; "stdio" for `uvx mogplex-mcp`.
        environment: Variables with a token and, for stdio, a `uvx` on the PATH that starts this checkout.
    """

    place: str
    environment: dict[str, str]

    @property
    def token(self) -> str:
        return self.environment["MOGPLEX_API_KEY"]


@pytest.fixture(params=["stdio", "http"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    variables = environment(tmp_path, {"MOGPLEX_API_KEY": DEMO_TOKEN})
    with simulator(tmp_path, "--demo-seconds", "1") as mogplex:
        if request.param == "http":
            with http_server(tmp_path, "--url", mogplex) as address:
                yield Served(address, variables)
        else:
            uvx = tmp_path / "programs" / "uvx"
            uvx.parent.mkdir()
            uvx.write_text(
                '#!/bin/sh\n[ "$1" = mogplex-mcp ] || exit 64\nshift\n'
                f'exec "{sys.executable}" -m mogplex_mcp --url "{mogplex}" "$@"\n'
            )
            uvx.chmod(0o755)
            yield Served("stdio", variables | {"PATH": f"{uvx.parent}:{variables['PATH']}"})
