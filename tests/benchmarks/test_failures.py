"""A failure of a contender is reported with its measure, and everything else is measured."""

import asyncio
import dataclasses
import os
import sys
from pathlib import Path
from typing import Self

import pytest
from benchmarks.compare import __main__ as program
from benchmarks.compare import environments, processes
from benchmarks.compare.client import ContenderError, StdioClient
from benchmarks.compare.contenders import CONTENDERS, Contender, Source, Transport
from benchmarks.compare.effort import Crowd, Effort
from benchmarks.compare.environments import Environment
from benchmarks.compare.figures import Figures
from benchmarks.compare.page import Page
from benchmarks.compare.results import ALL_CONTENDERS, Results
from benchmarks.compare.upstream import REPOS

from tests.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its processes are waited for as POSIX has it")

CALLS = 20
CROWDS = Crowd(4, 0, 2), Crowd(4, 1, 1)
SMALL = Effort(
    measures=("start", "row", "flight", "sizes", "memory", "instructions"),
    starts=1,
    starts_of_others=1,
    rounds=2,
    calls_in_a_row=CALLS,
    crowds=CROWDS,
    flight_seconds=0.05,
    memory_calls=CALLS,
)
EVERYTHING = "start", "calls", "sizes", "memory", "instructions"
NOT_COUNTED = {"instructions": "this valgrind is broken"}

FAILING = Path(__file__).parent / "failing.py"
# The measures in which each one fails, and a part of the reported reason.
STDIO = {
    "cannot-be-started": dict.fromkeys(EVERYTHING, "No such file"),
    "ends-at-once": dict.fromkeys(EVERYTHING, "no licence"),
    "refuses": dict.fromkeys(EVERYTHING, "out of order"),
    "tires": dict.fromkeys(("calls in a row", *(crowd.measure for crowd in CROWDS)), "worn out") | NOT_COUNTED,
    "talks-nonsense": {"sizes": "TypeError"} | NOT_COUNTED,
}
HTTP = {
    "too-many": dict.fromkeys(EVERYTHING, "429 Too Many Requests"),
    "hangs-up": dict.fromkeys(EVERYTHING, "the connection was closed"),
}


def failing(how: str, transport: Transport) -> Contender:
    command = (sys.executable, str(FAILING), how, *(("{port}",) if transport is Transport.HTTP else ()))
    if how == "cannot-be-started":
        command = ("/nowhere/to/be/found",)
    return Contender(how, how, None, transport, Source.REST, command, counted=True)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, str]:
    """A comparison of one contender that works with many that do not, and its page."""
    works = next(one for one in CONTENDERS if one.name == "floor")
    works = dataclasses.replace(works, environment=None, command=(sys.executable, "{programs}/floor.py"))
    hosted = next(one for one in CONTENDERS if one.name == "hosted")
    contenders = [
        *(failing(how, Transport.STDIO) for how in STDIO),
        *(failing(how, Transport.HTTP) for how in HTTP),
        works,
        hosted,
    ]
    tools = tmp_path_factory.mktemp("tools")
    for name in ("valgrind", "vgdb"):
        (tools / name).write_text("#!/bin/sh\necho this valgrind is broken >&2; exit 1\n")
        (tools / name).chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "CACHE", tmp_path_factory.mktemp("cache"))
        patch.setenv("PATH", str(tools), prepend=":")
        results = asyncio.run(program.compare(contenders, SMALL))
    return results, Page(Figures.of(results, contenders, SMALL)).text()


@pytest.mark.parametrize("how", [*STDIO, *HTTP])
def test_failures_are_reported_with_measure_and_reason(how: str, measured: tuple[Results, str]) -> None:
    results, page = measured
    wanted = (STDIO | HTTP)[how]
    failed = {measure: reported for (name, measure), reported in results.failures.items() if name == how}
    assert sorted(failed) == sorted(wanted)
    for measure, why in wanted.items():
        assert why in failed[measure]
        assert f"| {how} | {measure} | " in page


def test_other_measures_are_complete(measured: tuple[Results, str]) -> None:
    results, _ = measured
    for name in ("floor", "hosted"):
        assert results.calls_in_a_row(name) == results.traffic[name].requests == CALLS
        assert all(name in flights for flights in results.in_flight.values())
        assert results.sizes[name].reported == REPOS
    assert len(results.start_up["floor"].called) == 1
    assert results.memory["floor"].calls == CALLS
    assert set(results.in_flight) == {(4, 0), (4, 1)}
    assert set(results.in_a_row) == {"floor", "hosted", "talks-nonsense"}
    assert set(results.start_up) == {"floor", "talks-nonsense", "tires"}
    assert {name for name, _ in results.failures} == {*STDIO, *HTTP, "floor"}


def test_a_late_failure_removes_earlier_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CACHE", tmp_path)
    later = failing("tires-later", Transport.STDIO)
    results = asyncio.run(program.compare([later], dataclasses.replace(SMALL, measures=("row",))))
    assert set(results.failures) == {("tires-later", "calls in a row")}
    assert not results.in_a_row
    assert not results.traffic


def test_an_upstream_that_is_gone_costs_only_what_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CACHE", tmp_path)
    hosted = next(one for one in CONTENDERS if one.name == "hosted")

    class Gone(processes.UpstreamProcess):
        async def __aenter__(self) -> Self:
            await super().__aenter__()
            self._process.kill()
            await self._process.wait()
            return self

    monkeypatch.setattr(program, "UpstreamProcess", Gone)
    results = asyncio.run(program.compare([hosted], dataclasses.replace(SMALL, measures=("row", "flight", "sizes"))))
    assert set(results.failures) == {("hosted", "calls"), (ALL_CONTENDERS, "calls"), (ALL_CONTENDERS, "sizes")}
    assert "## Goals" in Page(Figures.of(results, [hosted], SMALL)).text()


def test_a_contender_that_says_nothing_is_given_up() -> None:
    async def ask() -> None:
        (theirs_in, stdin), (stdout, theirs_out) = os.pipe(), os.pipe()
        client = StdioClient(stdin, stdout, answer_seconds=60)
        try:
            with pytest.raises(ContenderError, match="initialize was not answered within 60 s"):
                await client.open()
            assert client.unanswered == 1
        finally:
            await client.aclose()
            os.close(theirs_in)
            os.close(theirs_out)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(ask())


class Installer:
    """What is run instead of pip and venv."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.fails = False
        monkeypatch.setattr(environments, "_run", self)

    def __call__(self, *command: str) -> str:
        self.commands.append(command)
        if self.fails and "pip" in command:
            raise environments.UnavailableError("pip failed: no network")
        if any("build_sdist" in part for part in command):
            (Path(command[-1]) / "mogplex_mcp-0.1.0.tar.gz").touch()
        return ""

    def installed(self, environment: Environment) -> bool:
        """Whether making an environment installs anything."""
        before = len(self.commands)
        environment.make()
        return len(self.commands) > before


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(environments, "ROOT", tmp_path / "checkout")
    (tmp_path / "checkout" / "server").mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").write_text("")
    return Installer(monkeypatch)


def test_a_changed_checkout_is_installed_anew(installer: Installer, tmp_path: Path) -> None:
    this = Environment("this", this=True)
    assert installer.installed(this)
    assert not installer.installed(this)
    module = tmp_path / "checkout" / "server" / "module.py"
    for change in ("a = 1", "a = 2"):
        module.write_text(change)
        assert installer.installed(this)
        assert not installer.installed(this)
    module.unlink()
    assert installer.installed(this)


def test_an_installation_that_failed_does_not_pass_for_the_one_before(installer: Installer, tmp_path: Path) -> None:
    this = Environment("this", this=True)
    this.make()
    module = tmp_path / "checkout" / "server" / "module.py"
    module.write_text("a = 1")
    installer.fails = True
    with pytest.raises(environments.UnavailableError):
        this.make()
    module.unlink()
    installer.fails = False
    assert installer.installed(this)


def test_who_cannot_be_installed_is_named_and_left_out(installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    installer.fails = True
    two = [one for one in CONTENDERS if one.name in ("tutorial", "tutorial-http")]
    results = asyncio.run(program.compare(two, SMALL))
    for name in ("tutorial", "tutorial-http"):
        assert results.failures[name, "everything"] == "pip failed: no network"
        assert f"| {name} | everything | pip failed" in Page(Figures.of(results, two, SMALL)).text()
