"""Pages and plots are made of stored figures, and say which ones."""

from pathlib import Path

import pytest
from benchmarks.compare import plots
from benchmarks.compare.__main__ import PAGE, RESULTS
from benchmarks.compare.figures import Figures
from benchmarks.compare.page import Page
from benchmarks.plots import FOLDER, source_of, stated_source
from benchmarks.polling import RESULTS as POLLING
from benchmarks.polling import Row
from benchmarks.soak_page import PAGE as SOAK_PAGE
from benchmarks.soak_page import RESULTS as SOAK
from benchmarks.soak_page import SoakFigures, page
from pydantic import TypeAdapter

from benchmarks import polling_plots, soak_plot

PLOTS = {
    RESULTS: ("start-up", "calls", "in-flight", "memory"),
    POLLING: ("polling-requests", "polling-delays"),
    SOAK: ("soak-memory",),
}


def test_performance_page_is_made_of_its_figures() -> None:
    figures = Figures.read(RESULTS)
    text = Page(figures, PLOTS[RESULTS]).text()
    assert PAGE.read_text(encoding="utf-8") == text, "run: python -m benchmarks.compare --redraw"
    assert f"Version {figures.version} reached" in text


def test_soak_page_is_made_of_its_figures() -> None:
    assert SOAK_PAGE.read_text(encoding="utf-8") == page(SoakFigures.read()), "run: python -m benchmarks.soak --redraw"


@pytest.mark.parametrize("figures", PLOTS, ids=lambda path: path.stem)
def test_plots_are_of_the_stored_figures(figures: Path) -> None:
    assert {stated_source(FOLDER / f"{name}.svg") for name in PLOTS[figures]} == {source_of(figures)}


def test_every_plot_has_figures() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {name for names in PLOTS.values() for name in names}


def test_figures_stay_the_same_when_they_are_stored(tmp_path: Path) -> None:
    figures = Figures.read(RESULTS)
    figures.write(tmp_path / "again.json")
    assert Figures.read(tmp_path / "again.json") == figures


def test_the_same_figures_give_the_same_plots(tmp_path: Path) -> None:
    figures = Figures.read(RESULTS)
    first, second = tmp_path / "first", tmp_path / "second"
    assert plots.draw(figures, RESULTS, first) == plots.draw(figures, RESULTS, second) == list(PLOTS[RESULTS])
    for path in first.iterdir():
        text = path.read_bytes()
        assert text == (second / path.name).read_bytes()
        assert b"<dc:date>" not in text


def test_plots_of_following_a_run_and_of_the_load_test_are_drawn(tmp_path: Path) -> None:
    polling_plots.draw(TypeAdapter(list[Row]).validate_json(POLLING.read_bytes()), POLLING, tmp_path)
    soak_plot.draw(SoakFigures.read().loads, SOAK, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*PLOTS[POLLING], *PLOTS[SOAK]}


def test_goals_are_lines_in_plots() -> None:
    text = (FOLDER / "start-up.svg").read_text(encoding="utf-8")
    for goal in Figures.read(RESULTS).goals:
        assert not goal.what.startswith("start") or f"goal: {goal.wanted}" in text
