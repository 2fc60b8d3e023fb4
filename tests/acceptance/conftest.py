"""What every client gets: a simulated Mogplex, and the `mogplex-mcp` of this checkout."""

import os
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
        place: The address of a server that takes each caller's own token; "stdio" for `mogplex-mcp`.
        environment: Variables with a token, the simulation's address, and the folder of `mogplex-mcp` in the PATH.
    """

    place: str
    environment: dict[str, str]

    @property
    def token(self) -> str:
        return self.environment["MOGPLEX_API_KEY"]


@pytest.fixture(params=["stdio", "http"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    with simulator(tmp_path, "--demo-seconds", "1") as mogplex:
        variables = environment(tmp_path, {"MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_URL": mogplex})
        variables["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), variables["PATH"]))
        if request.param == "http":
            with http_server(tmp_path, "--url", mogplex) as address:
                yield Served(address, variables)
        else:
            yield Served("stdio", variables)
