"""Plots of the page about performance."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.compare.contenders import THIS
from benchmarks.compare.figures import Figures
from benchmarks.plots import FOLDER, Bar, draw_bars, draw_goal, panels, save

_CROWDS: Final = ((32, 20), (200, 100))
"""Calls in flight and milliseconds of the upstream that the goals are about."""


def draw(figures: Figures, path: Path, folder: Path = FOLDER) -> list[str]:
    """Draw what was measured, and return the names of the plots.

    Args:
        figures: The figures.
        path: The file that has them.
        folder: Where the plots are written.
    """
    names = []
    for name, make in _PLOTS.items():
        if plot := make(figures):
            save(plot, name, path, folder)
            names.append(name)
    return names


def _start_up(figures: Figures) -> Figure | None:
    if not figures.start_up:
        return None
    figure, drawn = panels(2, 3.4)
    for axes, moment, title in zip(drawn, ("listed", "called"), ("tools/list", "first call"), strict=True):
        medians = {name: those[moment].median for name, those in figures.start_up.items() if moment in those}
        _bars(axes, figures, f"Start → {title}", medians, "ms")
        _goals(axes, figures, f"start → {title} answered", medians)
    return figure


def _calls(figures: Figures) -> Figure | None:
    if not figures.in_a_row:
        return None
    figure, (axes,) = panels(1)
    medians = {name: spread.median for name, spread in figures.in_a_row.items()}
    _bars(axes, figures, "list_repos, median of calls in a row", medians, "ms, logarithmic", logarithmic=True)
    _goals(axes, figures, "list_repos, p50", medians)
    return figure


def _in_flight(figures: Figures) -> Figure | None:
    crowds = {(one.count, one.latency): one for one in figures.in_flight}
    shown = [crowds[which] for which in _CROWDS if which in crowds]
    if not shown:
        return None
    figure, drawn = panels(len(shown), 3.4)
    for axes, crowd in zip(drawn, shown, strict=True):
        medians = {name: rates.rates.median for name, rates in crowd.measured.items()}
        _bars(axes, figures, crowd.title, medians, "calls a second")
        _goals(axes, figures, f"calls a second, {crowd.count} in flight at {crowd.latency} ms", medians)
    return figure


def _memory(figures: Figures) -> Figure | None:
    if not figures.memory:
        return None
    figure, (axes,) = panels(1)
    held = {name: memory.after_all / 2**20 for name, memory in figures.memory.items()}
    _bars(axes, figures, f"Memory after {figures.memory_calls:,} calls, or as many as were made", held, "MiB")
    return figure


_PLOTS: Final[Mapping[str, Callable[[Figures], Figure | None]]] = {
    "start-up": _start_up,
    "calls": _calls,
    "in-flight": _in_flight,
    "memory": _memory,
}


def _bars(
    axes: Axes, figures: Figures, title: str, values: Mapping[str, float], unit: str, *, logarithmic: bool = False
) -> None:
    """Draw a bar for each contender over stdio, in the order of the tables."""
    bars = [
        Bar(one.title, values[one.name], ours=one.name.startswith(THIS))
        for one in figures.contenders
        if one.name in values and one.transport == "stdio"
    ]
    draw_bars(axes, title, bars, unit, logarithmic=logarithmic)


def _goals(axes: Axes, figures: Figures, what: str, values: Mapping[str, float]) -> None:
    """Draw the goals of this name, as lines at their share of the other contender's figure."""
    wanted: Iterable[tuple[float, str]] = (
        (goal.limit * values[goal.other], f"goal: {goal.wanted}")
        for goal in figures.goals
        if goal.what == what and goal.limit is not None and goal.other in values
    )
    for value, name in wanted:
        draw_goal(axes, value, name)
