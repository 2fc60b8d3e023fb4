"""The plot of the page about the load test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.plots import FOLDER, OURS, panels, save
from benchmarks.soak_page import Load

_MEGABYTE: Final = 1_000_000


def draw(loads: Sequence[Load], figures: Path, folder: Path = FOLDER) -> None:
    """Draw the memory of the server during each kind of load.

    Args:
        loads: The figures.
        figures: The file that has them.
        folder: Where the plot is written.
    """
    figure, drawn = panels(len(loads), 2.8)
    for axes, load in zip(drawn, loads, strict=True):
        held = [load.start, *(sample.held for sample in load.samples)]
        axes.plot(
            [0, *(sample.seconds for sample in load.samples)],
            [count / _MEGABYTE for count in held],
            color=OURS,
            marker="o",
            markersize=3,
        )
        axes.axvline(load.samples[0].seconds, color="#a3acb9", linestyle=":", label="warm: flat from here on")
        axes.set_ylim(0, max(held) / _MEGABYTE * 1.15)
        axes.set_xlabel("seconds")
        axes.set_ylabel("MB")
        axes.set_title(f"{load.name}: {load.calls:,} calls", loc="left")
        axes.legend(loc="lower right", fontsize=8)
    save(figure, "soak-memory", figures, folder)
