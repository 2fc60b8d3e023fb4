"""The comparison measures what it says: one lean client, one upstream that counts, goals judged by numbers."""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import pytest
from benchmarks.compare import distance, processes
from benchmarks.compare.client import ContenderError
from benchmarks.compare.contenders import CONTENDERS, HOSTED, MCP_PROXY, THIS, TUTORIAL, Contender
from benchmarks.compare.effort import QUICK
from benchmarks.compare.figures import Figures
from benchmarks.compare.goals import goals
from benchmarks.compare.page import Page
from benchmarks.compare.processes import UpstreamProcess, running
from benchmarks.compare.results import Command, Flight, Memory, Results, Sizes, Spread, StartUp
from benchmarks.compare.sizes import measure_sizes, repositories
from benchmarks.compare.terminal import measure_command
from benchmarks.compare.traffic import Traffic
from benchmarks.compare.upstream import REPOS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its processes are waited for as POSIX has it")

# More than a minute's budget.
CALLS = 70


@pytest.fixture(autouse=True)
def _homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CACHE", tmp_path)


def contender(name: str) -> Contender:
    """A contender; this server as it is installed here, not in an environment of its own."""
    found = next(one for one in CONTENDERS if one.name == name)
    command = (sys.executable, "-m", "mogplex_mcp", *found.command[1:])
    return dataclasses.replace(found, command=command, loaded=(sys.executable, *found.loaded[1:]))


@pytest.mark.parametrize("name", [THIS, f"{THIS}-http"])
def test_each_call_is_one_request_on_one_connection_however_many_there_are(name: str) -> None:
    async def measure() -> Traffic:
        async with UpstreamProcess() as upstream, running(contender(name), upstream, loaded=True) as server:
            await server.client.open()
            await server.client.request("tools/list", {})
            for _ in range(CALLS):
                answer = json.loads(await server.call())
                assert answer["id"] == server.client.asked
            return await upstream.traffic(server.contender)

    traffic = asyncio.run(measure())
    assert (traffic.requests, traffic.units, traffic.connections) == (CALLS, CALLS, 1)
    assert traffic.bytes_down > CALLS * 10_000


def test_both_protocols_are_spoken() -> None:
    async def measure() -> list[bytes]:
        answers = []
        async with UpstreamProcess() as upstream:
            for modern in (False, True):
                async with running(contender(THIS), upstream, modern=modern) as server:
                    answers.append(await server.client.open())
        return answers

    old, new = (json.loads(answer)["result"] for answer in asyncio.run(measure()))
    assert old["protocolVersion"] == "2025-06-18"
    assert "2026-07-28" in new["supportedVersions"]


def test_the_hosted_endpoint_tells_a_model_of_all_repositories_in_its_json_only() -> None:
    async def measure() -> Sizes:
        hosted = next(one for one in CONTENDERS if one.name == HOSTED)
        async with UpstreamProcess() as upstream:
            return await measure_sizes(hosted, upstream, await repositories(hosted, upstream))

    sizes = asyncio.run(measure())
    assert (sizes.reported_in_text, sizes.reported_in_structured, sizes.reported) == (0, REPOS, REPOS)
    assert sizes.reaching == sizes.structured


def test_a_call_far_away_takes_a_round_trip_on_a_connection_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distance, "PAUSE_SECONDS", 0)

    async def measure() -> tuple[list[float], Traffic]:
        async with UpstreamProcess() as upstream, distance.far_away(upstream, tmp_path) as route:
            ours = contender(THIS)
            times = await distance.measure_distance(ours, upstream, route, dataclasses.replace(QUICK, pauses=2))
            return times, await upstream.traffic(ours)

    times, traffic = asyncio.run(measure())
    assert len(times) == 2
    assert min(times) >= distance.ROUND_TRIP_MS
    assert (traffic.requests, traffic.connections) == (3, 1)


def test_the_processor_time_of_a_command_is_measured() -> None:
    async def measure(command: tuple[str, ...]) -> Command:
        async with UpstreamProcess() as upstream:
            ours = dataclasses.replace(contender(THIS), command=command)
            return await measure_command(ours, upstream, dataclasses.replace(QUICK, starts=1))

    measured = asyncio.run(measure((sys.executable, "-m", "mogplex_mcp")))
    assert measured.worked[0] > 0
    assert len(measured.took) == 1
    with pytest.raises(ContenderError, match=r"repos list ended with 2"):
        asyncio.run(measure((sys.executable, "-m", "mogplex_mcp", "nonsense")))


def results(ours: float) -> Results:
    """Results in which this server takes so many times what mcp-proxy and the tutorial form take."""
    found = Results(memory={THIS: Memory(50 * 2**20, 60 * 2**20, 61 * 2**20, 10_000, 10_000)})
    for name, times in ((THIS, ours), (MCP_PROXY, 1.0), (TUTORIAL, 1.0)):
        found.start_up[name] = StartUp([400 * times], [400 * times], [400 * times])
        found.in_a_row[name] = [[2 * times] * 5] * 2
        found.traffic[name] = Traffic(requests=10, units=10)
        for where in ((32, 20), (200, 100)):
            found.in_flight.setdefault(where, {})[name] = Flight([300 / times], [1.0])
    found.distance[THIS] = [41 + 10 * ours]
    found.terminal[THIS] = Command([500.0], [340 + 10 * ours])
    return found


def test_goals_are_judged_by_the_numbers() -> None:
    assert {goal.reached for goal in goals(results(0.1))} == {True}
    missed = [goal.what for goal in goals(results(2.0)) if goal.reached is False]
    assert len(missed) == 7
    assert {goal.reached for goal in goals(Results())} == {None}


def test_memory_is_judged_only_after_all_calls_were_made() -> None:
    found = results(0.1)
    found.memory[THIS] = dataclasses.replace(found.memory[THIS], calls=4_000)
    assert [goal.measured for goal in goals(found) if goal.reached is None] == ["only 4,000 of 10,000 calls made"] * 2
    text = Page(Figures.of(found, CONTENDERS, QUICK)).text()
    assert "| this server | stdio | 50.0 | 60.0 | 61.0 |  | 4,000, too slow for more |" in text


def test_the_page_names_what_could_not_be_measured() -> None:
    found = results(0.65)
    found.failures["mcp-remote", "everything"] = "there is no npm"
    found.versions["sdk"] = {"mcp": "2.3.0"}
    text = Page(Figures.of(found, CONTENDERS, QUICK)).text()
    assert "| mcp-remote | everything | there is no npm |" in text
    assert "| list_repos, p50 | ≤ 0.6x of mcp-proxy | 0.65x | **missed** |" in text
    assert "| sdk | mcp 2.3.0 |" in text


def test_a_tail_is_that_of_most_turns_and_not_of_the_worst() -> None:
    spread = Spread.of_turns([[1.0] * 100, [1.0] * 99 + [2.0], [50.0] * 100])
    assert (spread.median, spread.p99, spread.least, spread.most) == (1.0, 1.0, 1.0, 50.0)
