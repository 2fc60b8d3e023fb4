"""Recordings of a real deployment, replayed against the simulator."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping

import anyio
import pytest

from .recordings import Row, replayed_sessions
from .replay import Replay

LEFT_OUT: Mapping[str, str] = {}
"""Cases that cannot match, by name, and why. There is none at present."""

FAITHFUL = (
    *("auth", "repos", "sandboxes", "runs_post", "runs_get", "events", "cancel"),
    *("ratelimit", "runlimit", "mcp"),
    *("more_automation", "more_cancel", "more_job_runs", "more_logs", "more_publish", "more_reviews"),
    *("more_sandboxes_post", "more_servers", "more_trigger", "oauth"),
)
"""Groups of which four fifths must match in any recording of such a deployment."""

_LEAST = 0.8


async def _replayed() -> tuple[Counter[str], Counter[str], list[str]]:
    seen: Counter[str] = Counter()
    matching: Counter[str] = Counter()
    wrong: list[str] = []
    for rows, compared in replayed_sessions():
        async for row, found in _compared(rows, compared):
            seen[row.group] += 1
            matching[row.group] += found is None
            if found is not None:
                wrong.append(f"{row.n} {row.group}: {row.case}: {row.method} {row.path}: {found}")
    return seen, matching, wrong


async def _compared(rows: list[Row], compared: set[int]) -> AsyncIterator[tuple[Row, str | None]]:
    replay = Replay(rows)
    for row in rows:
        answer = await replay.ask(row)
        if row.n in compared and row.case not in LEFT_OUT:
            yield row, replay.wrong(row, answer)


def test_the_simulator_answers_as_the_recorded_deployment_did(capsys: pytest.CaptureFixture[str]) -> None:
    seen, matching, wrong = anyio.run(_replayed)
    with capsys.disabled():
        figures = ", ".join(f"{group} {matching[group]}/{seen[group]}" for group in seen)
        print(f"\nrecorded answers that the simulator gives: {figures}")  # noqa: T201 - figures for the report
    if not os.environ.get("MOGPLEX_TRANSCRIPTS"):
        assert not wrong, "\n".join(wrong)
    poor = [group for group in FAITHFUL if seen[group] and matching[group] < _LEAST * seen[group]]
    assert not poor, "\n".join(wrong)


def test_a_difference_would_be_found() -> None:
    async def differences() -> list[str | None]:
        rows, _ = next(replayed_sessions())
        replay = Replay(rows)
        replay.simulator.world.tokens.clear()
        return [replay.wrong(row, await replay.ask(row)) for row in rows if row.group == "repos"]

    assert all(anyio.run(differences)[:5])
