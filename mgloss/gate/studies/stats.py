"""Show, write and draw the counts of `mgloss stats`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mgloss.data.detector import Detector
from mgloss.data.object_counts import Distribution, ObjectCounts
from mgspec.saved.files import write_text

FORMAT, VERSION = "mgloss-stats", 1
PLOTS = (".png", ".svg")
MOST_BARS = 40  # of a histogram; the last one holds all larger numbers
QUANTILE = 0.98  # share of the images up to the start of the last bar


@dataclass(frozen=True)
class Statistics:
    """The counts of a data set under a detector, and the batch size of the training."""

    annotations: Path
    counts: ObjectCounts
    detector: Detector
    batch_size: int

    @property
    def options(self) -> dict[str, str | float]:
        """Options of a loss that divides by this data set's expected count."""
        return {"loss_normalization": "expected", "expected": round(self.counts.expected(), 4)}


def need_plots(path: Path) -> None:
    """Raise ValueError unless a plot can be drawn to this path."""
    if path.suffix.lower() not in PLOTS:
        raise ValueError("expected a name that ends in .png or .svg")
    if find_spec("matplotlib") is None:
        raise ValueError("drawing needs matplotlib: pip install 'mgloss[data]'")


def _scale_name(detector: Detector, scale: int) -> str:
    rows, columns = detector.grids[scale]
    return f"scale {scale} ({rows} x {columns})"


def _rows(statistics: Statistics) -> Iterator[tuple[str, Distribution]]:
    counts = statistics.counts
    yield "objects", counts.objects
    yield "positive cells", counts.cells
    for scale, cells in enumerate(counts.cells_by_scale):
        yield f"  of {_scale_name(statistics.detector, scale)}", cells


def show(console: Console, statistics: Statistics) -> None:
    """Print tables of the counts, and options to paste."""
    counts, batch_size = statistics.counts, statistics.batch_size
    height, width = statistics.detector.input_size
    console.print(
        f"{statistics.annotations}: {counts.images:,} images, {counts.boxes:,} boxes, "
        f"input {width} x {height}",
        soft_wrap=True,
    )
    console.print()
    console.print(_count_table(statistics))
    console.print()
    console.print(_anchor_table(statistics))
    if merged := counts.boxes - counts.objects.total:
        console.print(
            f"{merged:,} boxes are no objects of their own: the same corners, or too far outside"
        )
    if counts.unplaced:
        console.print(
            f"{counts.unplaced:,} objects have no cell: outside of the image, or every cell taken"
        )
    if not counts.cells.total:
        console.print("no positive cell: there is no E, and fixed and expected cannot be used")
        return
    console.print(
        f"\nE: {counts.expected():.4f} positive cells an image, "
        f"{counts.expected(batch_size):.4f} a batch of {batch_size}. Options of the loss:"
    )
    console.print(json.dumps(statistics.options), soft_wrap=True, markup=False)


def _count_table(statistics: Statistics) -> Table:
    table = Table("of an image", box=None, pad_edge=False)
    for name in ("mean", "median", "largest"):
        table.add_column(name, justify="right")
    for name, numbers in _rows(statistics):
        table.add_row(name, f"{numbers.mean:.3f}", f"{numbers.median:g}", f"{numbers.largest:,}")
    return table


def _anchor_table(statistics: Statistics) -> Table:
    counts = statistics.counts
    table = Table("anchor", box=None, pad_edge=False)
    table.add_column("objects", justify="right")
    table.add_column("", justify="right")
    for scale, anchors in enumerate(statistics.detector.anchors):
        for number, (w, h) in enumerate(anchors):
            objects = counts.objects_by_anchor[scale, number]
            share = objects / max(1, counts.objects.total)
            table.add_row(f"{w:g} x {h:g}, scale {scale}", f"{objects:,}", f"{share:.1%}")
    return table


def write_json(path: Path, statistics: Statistics) -> None:
    """Write all counts as JSON."""
    counts, detector = statistics.counts, statistics.detector
    document = {
        "format": FORMAT,
        "version": VERSION,
        "annotations": str(statistics.annotations),
        "input_size": list(detector.input_size),
        "images": counts.images,
        "boxes": counts.boxes,
        "unplaced": counts.unplaced,
        "objects": _document(counts.objects),
        "positive_cells": _document(counts.cells),
        "scales": [
            {"grid": list(grid), "positive_cells": _document(cells)}
            for grid, cells in zip(detector.grids, counts.cells_by_scale, strict=True)
        ],
        "anchors": [
            {
                "scale": scale,
                "anchor": list(anchor),
                "objects": counts.objects_by_anchor[scale, number],
            }
            for scale, anchors in enumerate(detector.anchors)
            for number, anchor in enumerate(anchors)
        ],
        "expected": {
            "per_image": counts.expected(),
            "per_batch": counts.expected(statistics.batch_size),
            "batch_size": statistics.batch_size,
        },
        "options": statistics.options if counts.cells.total else None,
    }
    write_text(path, json.dumps(document, indent=2) + "\n")


def _document(numbers: Distribution) -> dict[str, object]:
    return {
        "mean": numbers.mean,
        "median": numbers.median,
        "largest": numbers.largest,
        "images_with": {str(number): images for number, images in numbers.sorted()},
    }


def write_plot(path: Path, counts: ObjectCounts) -> None:
    """Draw histograms of the objects and of the positive cells of an image."""
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = {"objects": counts.objects, "positive cells": counts.cells}
    for axes, (name, numbers) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        starts, heights, width = _bars(numbers)
        edges = [start - 0.5 for start in starts]  # centre each bar on its whole number
        axes.bar(edges, heights, width=width, align="edge", color="#3b6ea8", edgecolor="white")
        axes.axvline(numbers.mean, color="#c0392b", label=f"mean {numbers.mean:.1f}")
        axes.axvline(
            numbers.median, color="black", linestyle="--", label=f"median {numbers.median:g}"
        )
        axes.set(xlabel=f"{name} of an image", ylabel="images")
        if numbers.largest >= starts[-1] + width:
            axes.set_title(f"last bar: {starts[-1]} to {numbers.largest}", fontsize=9, loc="right")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=130)
    path.write_bytes(drawn.getvalue())


def _bars(numbers: Distribution) -> tuple[list[int], list[int], int]:
    """Return the start and the height of each bar, and the width of all bars."""
    images, top = 0, numbers.largest
    for number, frequency in numbers.sorted():
        images += frequency
        if images >= QUANTILE * numbers.frequencies.total():
            top = number
            break
    width = max(1, -(-(top + 1) // MOST_BARS))
    starts = list(range(0, top + 1, width))
    heights = [0] * len(starts)
    for number, frequency in numbers.sorted():
        heights[min(number // width, len(starts) - 1)] += frequency
    return starts, heights, width
