"""Draw target assignments: boxes, their cells, and the boxes that these decode to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from mgloss.data.annotations.annotated import placement
from mgloss.data.detector import Detector
from mgloss.data.target_check import NOBODY, CheckedImage

WRONG = "#d00000"
# Colors for any color vision (Okabe and Ito, 2008), without the reds.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#f0e442")
CANVAS = "#f4f4f4"
PANEL = 4.0  # inches
TITLE = 0.5  # inches
LONGEST_NAME = 60  # characters
FINEST = 80  # grid, in cells a side, whose lines are drawn


def write(path: Path, shown: Sequence[CheckedImage], detector: Detector) -> None:
    """Write a picture, *.png or *.svg, with a row for each image and a column for each scale."""
    drawn = io.BytesIO()
    draw(shown, detector).savefig(drawn, format=path.suffix[1:].lower(), dpi=110)
    path.write_bytes(drawn.getvalue())


def draw(shown: Sequence[CheckedImage], detector: Detector) -> Figure:
    """Draw a row for each image and a column for each scale."""
    scales = len(detector.grids)
    height, width = detector.input_size
    legend = _legend()
    # Entries of the legend in a line: as many as fit below a row of panels.
    entries = scales if scales < 3 else len(legend)
    below = 0.3 + 0.2 * len(legend) / entries
    size = (PANEL * scales, (PANEL * height / width + TITLE) * len(shown) + below)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(shown), scales, squeeze=False)
    for row, checked in zip(panels, shown, strict=True):
        canvas = _canvas(checked, detector)
        for scale, axes in enumerate(row):
            _panel(axes, checked, canvas, scale, detector)
    figure.legend(handles=legend, loc="outside lower center", ncols=entries, frameon=False)
    return figure


def _panel(axes: Axes, checked: CheckedImage, canvas: Any, scale: int, detector: Detector) -> None:
    height, width = detector.input_size
    rows, columns = detector.grids[scale]
    if canvas is None:
        axes.set_facecolor(CANVAS)
    else:
        picture, place = canvas
        axes.set_facecolor("black")
        axes.imshow(picture, extent=place, alpha=0.75, interpolation="nearest")
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])
    name = checked.image.name
    shown = name if len(name) <= LONGEST_NAME else "..." + name[-LONGEST_NAME:]
    axes.set_title(f"{shown}\n{rows} x {columns} cells", fontsize=9)
    if max(rows, columns) <= FINEST:
        across = [[(0, y), (width, y)] for y in np.linspace(0, height, rows + 1)]
        down = [[(x, 0), (x, height)] for x in np.linspace(0, width, columns + 1)]
        axes.add_collection(LineCollection(across + down, colors="#999999", linewidths=0.3))

    here = checked.cells.scale == scale
    stride = width / columns, height / rows
    cells, colors = [], []
    for row, column, owner in zip(
        checked.cells.row[here], checked.cells.column[here], checked.owner[here], strict=True
    ):
        cells.append(Rectangle((column * stride[0], row * stride[1]), *stride))
        colors.append(color(owner))
    axes.add_collection(PatchCollection(cells, facecolors=colors, alpha=0.55, edgecolors="white"))
    for number, box in enumerate(checked.boxes):
        wrong = not checked.has_cell[number]
        mine = bool((checked.owner[here] == number).any())
        if mine or wrong:
            _outline(axes, box, color(NOBODY if wrong else number), "-", 2.2)
    decoded = {}
    for box, owner in zip(checked.cells.boxes[here], checked.owner[here], strict=True):
        decoded[owner if owner != NOBODY else ("wrong", *box)] = (box, owner)
    for box, owner in decoded.values():
        _outline(axes, box, "white" if owner != NOBODY else WRONG, ":", 1.4)


def color(owner: int) -> str:
    """Return the color of a box's cells and outline; red for NOBODY."""
    return WRONG if owner == NOBODY else COLORS[owner % len(COLORS)]


def _outline(axes: Axes, box: Any, ink: str, dashes: str, width: float) -> None:
    x1, y1, x2, y2 = box[:4]
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=ink, linestyle=dashes, lw=width)
    )


def _canvas(checked: CheckedImage, detector: Detector) -> tuple[Any, tuple[float, ...]] | None:
    """Return the image and its extent in the input; None if it cannot be read."""
    import PIL.Image

    file = checked.image.file
    if file is None or not file.is_file():
        return None
    scale, left, top = placement(checked.image.size, detector.input_size)
    width, height = (side * scale for side in checked.image.size)
    try:
        with PIL.Image.open(file) as image:
            image.draft("RGB", (int(width) + 1, int(height) + 1))
            small = image.convert("RGB").resize((max(1, round(width)), max(1, round(height))))
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError):
        return None
    return np.asarray(small), (left, left + width, top + height, top)


def _legend() -> list[Any]:
    return [
        Line2D([], [], color=COLORS[0], lw=2.2, label="box"),
        Patch(facecolor=COLORS[0], alpha=0.55, label="cells that carry it"),
        Line2D([], [], color="#888888", ls=":", lw=1.4, label="decoded from them"),
        Line2D([], [], color=WRONG, lw=2.2, label="no cell, or decodes to no box"),
    ]
