"""The page about requests and delays says what the program measures, and what is measured is good enough."""

import statistics
from typing import Any

import anyio
import pytest
from benchmarks.polling import PAGE, RESULTS, Measured, Row, measure_all, page, rows_of
from pydantic import TypeAdapter

from tests.state_files import closed_afterwards
from tests.virtual_time import VirtualTimeLoop

Rows = list[tuple[float, bool, Measured]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    options: dict[str, Any] = {"loop_factory": VirtualTimeLoop}
    with closed_afterwards():
        return anyio.run(measure_all, backend_options=options)


def ours(rows: Rows, minutes: float) -> Measured:
    return next(measured for length, fixed, measured in rows if length == minutes and not fixed)


def test_polling_page_is_up_to_date(rows: Rows) -> None:
    hint = "run: PYTHONPATH=server python -m benchmarks.polling --write"
    assert PAGE.read_text(encoding="utf-8") == page(rows_of(rows)), hint
    assert TypeAdapter(list[Row]).validate_json(RESULTS.read_bytes()) == rows_of(rows), hint


def test_ten_minutes_cost_at_most_80_requests(rows: Rows) -> None:
    assert statistics.mean(ours(rows, 10).requests) <= 80


def test_milestone_is_returned_within_5_seconds_at_the_median_and_13_at_most(rows: Rows) -> None:
    delays = [delay for minutes in (1, 10, 30) for delay in ours(rows, minutes).pull_request]
    assert statistics.median(delays) <= 5
    assert statistics.median(ours(rows, 10).pull_request) <= 5
    assert max(delays) <= 13


@pytest.mark.parametrize("minutes", [1, 10, 30])
def test_end_is_returned_within_13_seconds(rows: Rows, minutes: float) -> None:
    assert max(ours(rows, minutes).end) <= 13
