"""What `mgloss stats` shows, writes and draws."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mgloss.data.detector import Detector
from mgloss.data.object_counts import Distribution, ObjectCounts
from mgspec.saved.files import write_text

FORMAT, VERSION = "mgloss-stats", 1
PLOTS = (".png", ".svg")
BARS = 40  # at most, of a histogram; the last holds all that is above
QUANTILE = 0.98  # of the images, that the bars before the last hold


def need_plots(path: Path) -> None:
    """Raises ValueError where a plot cannot be drawn to this path."""
    if path.suffix.lower() not in PLOTS:
        raise ValueError("expected a name that ends in .png or .svg")
    if find_spec("matplotlib") is None:
        raise ValueError("drawing needs matplotlib: pip install 'mgloss[data]'")


def _scale_name(detector: Detector, scale: int) -> str:
    rows, columns = detector.grids[scale]
    return f"scale {scale} ({rows} x {columns})"


def _rows(found: ObjectCounts, detector: Detector) -> dict[str, Distribution]:
    rows = {"objects": found.objects, "positive cells": found.cells}
    for scale, cells in enumerate(found.of_scale):
        rows[f"  of {_scale_name(detector, scale)}"] = cells
    return rows


def options(found: ObjectCounts) -> dict[str, Any]:
    """The options of the loss that has this data set's count."""
    return {"loss_normalization": "expected", "expected": round(found.expected(), 4)}


def show(
    console: Console, source: Path, found: ObjectCounts, detector: Detector, batch_size: int
) -> None:
    """Print tables, and options to paste."""
    height, width = detector.input_size
    console.print(
        f"{source}: {found.images:,} images, {found.boxes:,} boxes, input {width} x {height}",
        soft_wrap=True,
    )
    table = Table("of an image", box=None, pad_edge=False)
    for name in ("mean", "median", "largest"):
        table.add_column(name, justify="right")
    for name, of in _rows(found, detector).items():
        table.add_row(name, f"{of.mean:.3f}", f"{of.median:g}", f"{of.largest:,}")
    console.print()
    console.print(table)
    anchors = Table("anchor", box=None, pad_edge=False)
    anchors.add_column("objects", justify="right")
    anchors.add_column("", justify="right")
    for scale, of_scale in enumerate(detector.anchors):
        for number, (w, h) in enumerate(of_scale):
            times = found.anchors[scale, number]
            share = times / max(1, found.objects.total)
            anchors.add_row(f"{w:g} x {h:g}, scale {scale}", f"{times:,}", f"{share:.1%}")
    console.print()
    console.print(anchors)
    merged = found.boxes - found.objects.total
    if merged:
        console.print(
            f"{merged:,} boxes are no objects of their own: the same corners, or too far outside"
        )
    if found.unplaced:
        console.print(
            f"{found.unplaced:,} objects have no cell: outside of the image, or every cell taken"
        )
    if not found.cells.total:
        console.print("no positive cell: there is no E, and fixed and expected cannot be used")
        return
    console.print(
        f"\nE: {found.expected():.4f} positive cells an image, "
        f"{found.expected(batch_size):.4f} a batch of {batch_size}. Options of the loss:"
    )
    console.print(json.dumps(options(found)), soft_wrap=True, markup=False)


def write_json(
    path: Path, source: Path, found: ObjectCounts, detector: Detector, batch_size: int
) -> None:
    """Write all that was counted."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "annotations": str(source),
        "input_size": list(detector.input_size),
        "images": found.images,
        "boxes": found.boxes,
        "unplaced": found.unplaced,
        "objects": _document(found.objects),
        "positive_cells": _document(found.cells),
        "scales": [
            {"grid": list(grid), "positive_cells": _document(cells)}
            for grid, cells in zip(detector.grids, found.of_scale, strict=True)
        ],
        "anchors": [
            {"scale": scale, "anchor": list(anchor), "objects": found.anchors[scale, number]}
            for scale, of_scale in enumerate(detector.anchors)
            for number, anchor in enumerate(of_scale)
        ],
        "expected": {
            "per_image": found.expected(),
            "per_batch": found.expected(batch_size),
            "batch_size": batch_size,
        },
        "options": options(found) if found.cells.total else None,
    }
    write_text(path, json.dumps(document, indent=2) + "\n")


def _document(of: Distribution) -> dict[str, Any]:
    return {
        "mean": of.mean,
        "median": of.median,
        "largest": of.largest,
        "images_with": {str(number): of.times[number] for number in sorted(of.times)},
    }


def write_plot(path: Path, found: ObjectCounts) -> None:
    """Draw how many images have how many objects, and positive cells."""
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    parts = {"objects": found.objects, "positive cells": found.cells}
    for axes, (name, of) in zip(figure.subplots(1, 2), parts.items(), strict=True):
        starts, heights, width = _bars(of)
        edges = [start - 0.5 for start in starts]  # a whole number is in the middle of its own
        axes.bar(edges, heights, width=width, align="edge", color="#3b6ea8", edgecolor="white")
        axes.axvline(of.mean, color="#c0392b", label=f"mean {of.mean:.1f}")
        axes.axvline(of.median, color="black", linestyle="--", label=f"median {of.median:g}")
        axes.set(xlabel=f"{name} of an image", ylabel="images")
        if of.largest >= starts[-1] + width:
            axes.set_title(f"last bar: {starts[-1]} to {of.largest}", fontsize=9, loc="right")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=130)
    path.write_bytes(drawn.getvalue())


def _bars(of: Distribution) -> tuple[list[int], list[int], int]:
    """Where each bar starts, its height, and the width of all; the last has all that is above."""
    seen, top = 0, of.largest
    for number in sorted(of.times):
        seen += of.times[number]
        if seen >= QUANTILE * of.times.total():
            top = number
            break
    width = max(1, -(-(top + 1) // BARS))
    starts = list(range(0, top + 1, width))
    heights = [0] * len(starts)
    for number, times in of.times.items():
        heights[min(number // width, len(starts) - 1)] += times
    return starts, heights, width
