"""Draw measurements as SVG that takes its colors from the page around it."""

from __future__ import annotations

import io
import math
import re
import textwrap
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mgloss.gate.reports.page.curves import Curve, Measurement
from mgloss.gate.reports.page.probes import COUNTS

WIDTH, HEIGHT = 4.6, 4.8  # inches: 331 units, so that a phone shows text at its own size
FONT = 11
LONGEST_LABEL = 44  # characters of a line
OWN = "this loss"

# Stand-ins that no plot would hold by chance, and what the page's style gives in their place.
INK, QUIET, ACCENT = "#010203", "#010204", "#010205"
OF_THE_PAGE = {INK: "var(--ink)", QUIET: "var(--rule)", ACCENT: "var(--accent)"}
MARKERS = "s^Dvxp+*"  # told apart without color
DASHES = ("-", "--", "-.", ":")

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": FONT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def svg(measurement: Measurement, name: str) -> str:
    """Return the plot as an element of HTML. name: the start of every id, which must be unique."""
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        for place, (label, curve) in enumerate(measurement.named):
            axes.plot(
                COUNTS,
                _points(curve),
                color=INK,
                linewidth=1,
                linestyle=DASHES[place % len(DASHES)],
                marker=MARKERS[place % len(MARKERS)],
                markersize=5,
                markerfacecolor="none",
                label=textwrap.fill(label, LONGEST_LABEL),
            )
        axes.plot(
            COUNTS,
            _points(measurement.candidate),
            color=ACCENT,
            linewidth=4,
            alpha=0.75,
            marker="o",
            markersize=8,
            label=OWN,
            zorder=1,
        )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(COUNTS))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel(measurement.family.counted)
        axes.set_title(f"{measurement.component}, relative to the first", loc="left", fontsize=FONT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=QUIET, linewidth=0.5)
        axes.set_axisbelow(True)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles[::-1],
            labels[::-1],
            loc="outside lower left",
            frameon=False,
            handlelength=3,
        )
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    return _for_a_page(written.getvalue(), name, measurement.family.title)


def _points(curve: Curve) -> list[float]:
    """Return the values, with NaN, a gap in the line, where there is none or no logarithm."""
    return [v if v is not None and v > 0 else math.nan for v in curve.values]


def _for_a_page(text: str, name: str, label: str) -> str:
    """Return the SVG element alone, as a picture with a label."""
    element = text[text.index("<svg") :]
    element = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", element)
    box = re.search(r'viewBox="[^"]*"', element)
    assert box is not None
    root = f'<svg {box[0]} class="plot" role="img" aria-label="{label}, as a plot">'
    element = root + element[element.index(">") + 1 :]
    for stand_in, color in OF_THE_PAGE.items():
        element = element.replace(stand_in, color)
    return element
