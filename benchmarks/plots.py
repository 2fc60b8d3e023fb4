"""What all plots have in common: their look, and SVG that is the same for the same figures.

Each file has a checksum of the figures that it was drawn from: its bytes also depend on the release of Matplotlib.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER: Final = Path(__file__).parents[1] / "docs" / "plots"
OURS: Final = "#635bff"
OTHER: Final = "#a3acb9"
SECOND: Final = "#0a7d56"
GOAL: Final = "#c0392b"
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "mogplex-mcp",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
}
_SOURCE: Final = re.compile(r"[\w-]+\.json, sha256 [0-9a-f]{64}")


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its value, and whether it is this server's."""

    name: str
    value: float
    ours: bool


def source_of(figures: Path) -> str:
    """Return the name and the checksum of a file with figures."""
    return f"{figures.name}, sha256 {hashlib.sha256(figures.read_bytes()).hexdigest()}"


def stated_source(plot: Path) -> str:
    """Return what a plot says of the figures that it was drawn from; empty if it says nothing."""
    found = _SOURCE.search(plot.read_text(encoding="utf-8"))
    return found.group() if found else ""


def panels(count: int, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many panels next to each other; its height is in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, height), layout="constrained")
        return figure, [figure.add_subplot(1, count, number + 1) for number in range(count)]


def draw_bars(axes: Axes, title: str, bars: Sequence[Bar], unit: str, *, logarithmic: bool = False) -> None:
    """Draw horizontal bars from top to bottom, each with its value."""
    places = range(len(bars))
    drawn = axes.barh(places, [bar.value for bar in bars], color=[OURS if bar.ours else OTHER for bar in bars])
    axes.bar_label(drawn, [_number(bar.value) for bar in bars], padding=3)
    axes.set_yticks(places, [bar.name for bar in bars])
    axes.invert_yaxis()
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.15)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left")


def _number(value: float) -> str:
    return f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"  # noqa: PLR2004 - three digits


def draw_goal(axes: Axes, value: float, name: str) -> None:
    """Draw a goal as a vertical line, named in the legend."""
    axes.axvline(value, color=GOAL, linestyle="--", linewidth=1.2, label=name, zorder=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=8)


def save(figure: Figure, name: str, figures: Path, folder: Path = FOLDER) -> None:
    """Write a plot as SVG.

    Args:
        figure: What was drawn.
        name: Of the file, without its ending.
        figures: The file with the figures that it was drawn from.
        folder: Where it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    with mpl.rc_context(_STYLE):
        figure.savefig(path, metadata={"Date": None, "Creator": None, "Description": source_of(figures)})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
