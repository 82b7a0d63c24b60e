"""What `mgloss targets` finds and says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from mgloss.data.annotations import Annotated
from mgloss.data.detector import Detector
from mgloss.data.target_check import NOBODY, Checked, check

NAMED = 10  # images with something wrong that are named


@dataclass
class Found:
    """Counts over all images, the names of the first with something wrong, and what to draw."""

    images: int = 0
    boxes: int = 0
    cells: int = 0
    wrong_cells: int = 0
    without_cell: int = 0
    named: list[str] = field(default_factory=list)
    drawn: list[Checked] = field(default_factory=list)


def gather(
    images: Iterable[Annotated], detector: Detector, only: Sequence[str], rows: int
) -> Found:
    """Check every image; keep those that are named, or the first."""
    found = Found()
    for image in images:
        checked = check(image, detector)
        found.images += 1
        found.boxes += len(checked.boxes)
        found.cells += len(checked.owner)
        found.wrong_cells += int((checked.owner == NOBODY).sum())
        found.without_cell += int((~checked.carried).sum())
        if not checked.is_right and len(found.named) < NAMED:
            found.named.append(image.name)
        if image.name in only if only else len(found.drawn) < rows:
            found.drawn.append(checked)
    return found


def show(console: Console, source: Path, found: Found, picture: Path) -> None:
    """Print what was found, and where the picture is."""
    console.print(
        f"{source}: {found.images:,} images, {found.boxes:,} boxes, {found.cells:,} positive cells",
        soft_wrap=True,
        markup=False,
    )
    if found.wrong_cells:
        console.print(f"{found.wrong_cells:,} cells do not decode to a box of their image")
    else:
        console.print("every positive cell decodes to its box")
    if found.without_cell:
        some = "1 box has" if found.without_cell == 1 else f"{found.without_cell:,} boxes have"
        console.print(f"{some} no cell: outside of the image, or others have every cell")
    if found.named:
        console.print("see --only " + ", ".join(found.named), soft_wrap=True, markup=False)
    console.print(f"picture: {picture}", soft_wrap=True, markup=False)
