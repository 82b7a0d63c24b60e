"""A detector to whose grids, anchors and classes the cases of the laws are restricted."""

from __future__ import annotations

from dataclasses import dataclass

from mgspec.problem.layout import Batch, Problem
from mgspec.problem.options import Options


@dataclass(frozen=True)
class FixedDetector:
    """What the batches of one detector have in common.

    anchors: for each scale the (width, height) of its anchors in pixels.
    grids: for each scale its (rows, columns) in cells.
    input_shape: (height, width) of an input image in pixels.
    num_classes: number of classes; None if the detector leaves it open.

    Raise ValueError if no detector can have these.
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    grids: tuple[tuple[int, int], ...]
    input_shape: tuple[int, int]
    num_classes: int | None = None

    def __post_init__(self) -> None:
        self.problem(self.num_classes or 1, Options())
        if len(self.grids) != len(self.anchors):
            raise ValueError(
                f"grids: expected one for each of {len(self.anchors)} scales, got {len(self.grids)}"
            )
        if any(len(grid) != 2 or min(grid) < 1 for grid in self.grids):
            raise ValueError(f"grids: expected (rows, columns), got {self.grids!r}")

    def fits(self, problem: Problem, batch: Batch) -> bool:
        """Return whether a batch is one of this detector."""
        classes = self.num_classes or problem.num_classes
        its_own = (problem.anchors, problem.input_shape, problem.num_classes, batch.grids)
        return its_own == (self.anchors, self.input_shape, classes, self.grids)

    def problem(self, num_classes: int, options: Options) -> Problem:
        """Return the detector's problem. Raise ValueError if the options do not fit the classes."""
        return Problem(self.anchors, num_classes, self.input_shape, options)
