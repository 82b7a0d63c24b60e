"""How large the batches were that a loss was judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mgspec.problem.layout import AnyBatch, Batch

# A sentence names the largest of these that was reached: then most laws reach the same.
IMAGES = (1, 2, 3, 4, 8, 12, 24, 32, 50, 80)
OBJECTS = (1, 2, 3, 5, 10, 20, 50, 100, 150, 200, 300)
SIDES = (1, 2, 3, 4, 5, 8, 12, 20, 30, 40, 100, 200, 300)

LARGE_IMAGES, LARGE_OBJECTS, LARGE_CELLS = 12, 50, 100


@dataclass(frozen=True)
class Reach:
    """The most images and objects of a batch, and the largest grid.

    grid: (H, W) in cells of the grid with most cells; None of a described problem.
    """

    images: int = 0
    objects: int = 0
    grid: tuple[int, int] | None = None

    @staticmethod
    def of(batch: AnyBatch) -> Reach:
        """Return the reach of one batch."""
        grid = max(batch.grids, key=_cells) if isinstance(batch, Batch) else None
        return Reach(batch.images, batch.positives, grid)

    @property
    def is_large(self) -> bool:
        """Whether it has the images, objects and cells that the large cases of a law have."""
        has_cells = self.grid is None or _cells(self.grid) >= LARGE_CELLS
        return self.images >= LARGE_IMAGES and self.objects >= LARGE_OBJECTS and has_cells

    def plus(self, other: Reach) -> Reach:
        """Return the larger of both in each respect."""
        return self._chosen(other, max)

    def at_most(self, other: Reach) -> Reach:
        """Return the smaller of both in each respect."""
        return self._chosen(other, min)

    def _chosen(self, other: Reach, choose: Callable[..., Any]) -> Reach:
        grids = [grid for grid in (self.grid, other.grid) if grid is not None]
        return Reach(
            choose(self.images, other.images),
            choose(self.objects, other.objects),
            choose(grids, key=_cells) if grids else None,
        )

    def __str__(self) -> str:
        """Return the reach in words, rounded down: "24 images, 300 objects, 30 x 30 cells"."""
        counts = ((_step(self.images, IMAGES), "image"), (_step(self.objects, OBJECTS), "object"))
        parts = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts]
        if self.grid is not None:
            height, width = (_step(side, SIDES) for side in self.grid)
            parts.append(f"{height} x {width} cells")
        return ", ".join(parts)


def _cells(grid: tuple[int, int]) -> int:
    return grid[0] * grid[1]


def _step(number: int, steps: tuple[int, ...]) -> int:
    """Return the largest step that the number has reached; 0 below the first."""
    return max((step for step in steps if step <= number), default=0)
