"""The short form of the soak, in real processes: how fast it is depends on the machine, what it promises does not."""

import os
import sys

import pytest
from benchmarks.soak import SHORT, Report, load_of, soak
from benchmarks.soak_page import table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its processes are waited for as POSIX has it")


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    return {report.name: report for report in soak(SHORT)}


def test_no_answer_is_lost(reports: dict[str, Report]) -> None:
    assert [reason for report in reports.values() for reason in report.lost] == []
    assert reports["HTTP"].calls >= SHORT.callers
    assert reports["stdio"].calls == SHORT.stdio_calls


def test_no_request_goes_over_the_budget(reports: dict[str, Report]) -> None:
    for report in reports.values():
        assert report.mogplex["over_budget"] == 0
        assert report.mogplex["failed"] == 0
        assert report.mogplex["busiest_minute"] <= 60


def test_all_callers_of_a_run_share_its_requests(reports: dict[str, Report]) -> None:
    assert reports["HTTP"].mogplex["requests"] < reports["HTTP"].calls


def test_memory_does_not_grow_once_a_process_is_warm(reports: dict[str, Report]) -> None:
    for report in reports.values():
        assert report.memory.growth <= SHORT.most_growth, table([load_of(report, SHORT)])


def test_figures_are_those_of_the_reports(reports: dict[str, Report]) -> None:
    loads = {name: load_of(report, SHORT) for name, report in reports.items()}
    for name, load in loads.items():
        memory = reports[name].memory
        assert (load.name, load.calls, load.growth) == (name, reports[name].calls, memory.growth)
        assert [sample.held for sample in load.samples] == memory.samples
        assert [sample.seconds for sample in load.samples] == sorted(sample.seconds for sample in load.samples)
    assert f"| Calls answered | {reports['HTTP'].calls} | {SHORT.stdio_calls} |" in table(list(loads.values()))


def test_nothing_is_left_behind(reports: dict[str, Report]) -> None:
    for report in reports.values():
        with pytest.raises(ProcessLookupError):
            os.kill(report.memory.pid, 0)
