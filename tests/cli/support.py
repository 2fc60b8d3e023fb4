"""Helpers that run terminal commands in the test's process, on virtual time, against a simulated Mogplex."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mogplex_mcp.cli import session
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.tenants.services import Services
from tests.virtual_time import virtual_now

RUN_SECONDS = 600.0


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def record(self) -> dict[str, Any]:
        (record,) = self.records
        return record


class Terminal:
    """Runs commands that share one journal."""

    def __init__(self, simulator: Simulator, capture: pytest.CaptureFixture[str], folder: Path) -> None:
        self.simulator = simulator
        self._capture = capture
        self._folder = folder

    async def __call__(self, *words: str, token: str = DEMO_TOKEN, **environment: str) -> Ended:
        given = build_parser().parse_args(words)
        settings = Settings.load(
            {
                "MOGPLEX_API_KEY": token,
                "HOME": str(self._folder),
                "MOGPLEX_MCP_STATE_FILE": str(self._folder / "state.sqlite3"),
                **environment,
            },
            {option.setting: getattr(given, option.setting, None) for option in OPTIONS},
        )
        self._capture.readouterr()
        code = await given.command.load()(settings, given)
        captured = self._capture.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    async def started(self, prompt: str = "Fix the flaky test.", **environment: str) -> str:
        """Start a run and return its id."""
        ended = await self("run", "--repo", "acme/web", "--json", prompt, **environment)
        assert ended.code == 0, ended.stderr
        return str(ended.record["runId"])


def terminal_on(
    simulator: Simulator, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Terminal:
    """Return a terminal whose network leads to the simulator only."""
    connected = functools.partial(Services, transport=simulator.transport(), now=virtual_now)
    monkeypatch.setattr(session, "Services", connected)
    return Terminal(simulator, capture, folder)
