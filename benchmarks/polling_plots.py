"""Plots of the page about following a run."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.plots import FOLDER, GOAL, OTHER, OURS, panels, save
from benchmarks.polling import FIXED_SECONDS, LIMIT, Row


def draw(rows: Sequence[Row], figures: Path, folder: Path = FOLDER) -> None:
    """Draw all plots of this page.

    Args:
        rows: The figures.
        figures: The file that has them.
        folder: Where the plots are written.
    """
    save(_requests(rows), "polling-requests", figures, folder)
    save(_delays(rows), "polling-delays", figures, folder)


def _requests(rows: Sequence[Row]) -> Figure:
    figure, (axes,) = panels(1)
    minutes = sorted({row.minutes for row in rows})
    for fixed, name, color in ((False, "tail_run", OURS), (True, f"every {FIXED_SECONDS:g} s", OTHER)):
        values = [row.requests for row in sorted(rows, key=lambda row: row.minutes) if row.fixed == fixed]
        axes.plot(minutes, values, marker="o", color=color, label=name)
        for place, value in zip(minutes, values, strict=True):
            offset = (4, 6 if fixed else -12)
            axes.annotate(f"{value:.0f}", (place, value), textcoords="offset points", xytext=offset, fontsize=9)
    limits = [0, minutes[-1]]
    axes.plot(limits, [LIMIT * place for place in limits], linestyle="--", color=GOAL, label="Mogplex's limit")
    axes.set_xticks(minutes)
    axes.margins(y=0.1)
    axes.set_xlabel("length of the run, minutes")
    axes.set_title("Requests of a run", loc="left")
    axes.legend(loc="upper left")
    return figure


def _delays(rows: Sequence[Row]) -> Figure:
    figure, drawn = panels(3, 2.8)
    ours = [row for row in rows if not row.fixed]
    names = [f"{row.minutes:g} min" for row in ours]
    kinds = (
        ("an event", [(row.event_median, row.event_worst) for row in ours]),
        ("the pull request", [(row.pull_request_median, row.pull_request_worst) for row in ours]),
        ("the end", [(row.end_median, row.end_worst) for row in ours]),
    )
    highest = max(worst for _, delays in kinds for _, worst in delays)
    for axes, (kind, delays) in zip(drawn, kinds, strict=True):
        places = range(len(ours))
        axes.hlines(places, [0] * len(ours), [worst for _, worst in delays], color=OTHER, linewidth=2)
        axes.scatter([worst for _, worst in delays], places, color=OTHER, label="worst", zorder=2)
        axes.scatter([median for median, _ in delays], places, color=OURS, label="median", zorder=3)
        axes.set_yticks(places, names)
        axes.set_ylim(len(ours) - 0.5, -0.5)
        axes.set_xlim(0, highest * 1.1)
        axes.set_xlabel("seconds")
        axes.set_title(f"Delay of {kind}", loc="left")
    drawn[-1].legend(loc="lower right", fontsize=8)
    return figure
