"""A person with a browser, in front of a simulated Mogplex whose clock is a test's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.sign_in.browser import READ_AND_WRITE, sign_in
from mogplex_mcp.simulator import MODES, Simulator

ORIGIN = "https://mogplex.com"
BASE = f"{ORIGIN}/api/v1/mogplex"
START = 1_800_000_000.0


class Clock:
    """Seconds since the epoch, set by a test."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


def signed_in_simulator(clock: Callable[[], float], *modes: str) -> Simulator:
    """A Mogplex at which every browser is signed in."""
    simulator = Simulator(now=clock)
    for mode in ("signed-in", *modes):
        MODES[mode](simulator)
    return simulator


@dataclass
class Person:
    """Opens what is shown, and goes where the browser is sent.

    Attributes:
        change: Changes the address of the last redirect.
        shown: The addresses that were shown.
        pages: The pages of the loopback.
    """

    simulator: Simulator
    change: Callable[[str], str] = lambda url: url
    shown: list[str] = field(default_factory=list)
    pages: list[httpx2.Response] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def open(self, url: str) -> None:
        self.shown.append(url)
        async with httpx2.AsyncClient(transport=self.simulator.transport()) as mogplex:
            away = await mogplex.get(url)
        await self.come_back(self.change(away.headers["location"]))

    async def come_back(self, url: str, method: str = "GET", **headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient(trust_env=False) as browser:
            page = await browser.request(method, url, headers=headers)
        self.pages.append(page)
        return page

    async def sign_in(self, clock: Callable[[], float], **more: Any) -> Grant:
        arguments: dict[str, Any] = {"scopes": READ_AND_WRITE, "show": self.open, "note": self.notes.append}
        return await sign_in(BASE, self.simulator.transport(), now=clock, **(arguments | more))
