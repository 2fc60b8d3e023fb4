from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from mogplex_mcp.simulator import DEMO_TOKEN, MODES, Simulator

BASE = "https://mogplex.com/api/v1/mogplex"


@dataclass
class Clock:
    """Time that passes only when a test says so, or when something sleeps."""

    at: float = 1_795_000_000.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return Simulator(now=clock.now, sleep=clock.sleep)


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {DEMO_TOKEN}"}
    async with httpx2.AsyncClient(transport=simulator.transport(), base_url=BASE, headers=headers) as opened:
        yield opened


@pytest.fixture
def repo_id(simulator: Simulator) -> str:
    return next(repo.id for repo in simulator.world.repos if repo.full_name == "acme/web")


@pytest.fixture
async def browser(simulator: Simulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=simulator.transport(), base_url="https://mogplex.com") as opened:
        yield opened


@pytest.fixture
def signed_in(simulator: Simulator) -> None:
    MODES["signed-in"](simulator)
