"""Check the targets of a data set for `mgloss targets`, and print the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from mgloss.data.annotations import Annotated
from mgloss.data.detector import Detector
from mgloss.data.target_check import NOBODY, CheckedImage, check

MOST_NAMES = 10  # of inconsistent images


@dataclass
class Summary:
    """Counts over all images.

    wrong_cells: cells that decode to no box of their image. boxes_without_cell: boxes that no cell
    decodes to. inconsistent: names of the first images with either. to_draw: images to draw.
    """

    images: int = 0
    boxes: int = 0
    cells: int = 0
    wrong_cells: int = 0
    boxes_without_cell: int = 0
    inconsistent: list[str] = field(default_factory=list)
    to_draw: list[CheckedImage] = field(default_factory=list)


def check_images(
    images: Iterable[Annotated], detector: Detector, only: Sequence[str], rows: int
) -> Summary:
    """Check the targets of every image.

    only: names of the images to draw. rows: number of first images to draw if there are no names.
    """
    summary = Summary()
    for image in images:
        checked = check(image, detector)
        summary.images += 1
        summary.boxes += len(checked.boxes)
        summary.cells += len(checked.owner)
        summary.wrong_cells += int((checked.owner == NOBODY).sum())
        summary.boxes_without_cell += int((~checked.has_cell).sum())
        if not checked.is_consistent and len(summary.inconsistent) < MOST_NAMES:
            summary.inconsistent.append(image.name)
        if image.name in only if only else len(summary.to_draw) < rows:
            summary.to_draw.append(checked)
    return summary


def show(console: Console, source: Path, summary: Summary, picture: Path) -> None:
    """Print the summary, and the path of the picture."""
    console.print(
        f"{source}: {summary.images:,} images, {summary.boxes:,} boxes, "
        f"{summary.cells:,} positive cells",
        soft_wrap=True,
        markup=False,
    )
    if summary.wrong_cells:
        console.print(f"{summary.wrong_cells:,} cells do not decode to a box of their image")
    else:
        console.print("every positive cell decodes to its box")
    if summary.boxes_without_cell:
        some = (
            "1 box has"
            if summary.boxes_without_cell == 1
            else f"{summary.boxes_without_cell:,} boxes have"
        )
        console.print(f"{some} no cell: outside of the image, or others have every cell")
    if summary.inconsistent:
        console.print("see --only " + ", ".join(summary.inconsistent), soft_wrap=True, markup=False)
    console.print(f"picture: {picture}", soft_wrap=True, markup=False)
