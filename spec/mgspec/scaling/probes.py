"""Batches that show how a loss scales: all objects are equal, and one thing is predicted wrong.

Compare such a batch with the same batch predicted right. The mistake alone causes the difference,
and its raw sum is known up to a constant, because each mistaken cell adds the same amount. This
works for a loss that returns one scalar too, and whatever its other terms cost.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from mgspec.drawing.scenery import objects_of
from mgspec.drawing.scenes import ANCHORS, STRIDE
from mgspec.loss.candidate import EXPECTED_CELLS, PLAIN_OPTIONS
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY, Batch, Problem
from mgspec.problem.normalizations import Sums
from mgspec.problem.options import Options

CLASSES = 2
LOGIT = 8.0  # a right prediction; a wrong one is its negative; larger logits cost precision
TINY_LOG_SIZE = -8.0  # of a box predicted in the background, so that it overlaps nothing

ANCHOR_LOGITS = (FIRST_ANCHOR, FIRST_ANCHOR + 1)
CLASS_LOGITS = (FIRST_ANCHOR + 2, FIRST_ANCHOR + 3)

BASE = (3, 4)  # cells; larger grids hold the same content in their top left corner
MISTAKEN_BACKGROUND_CELLS = 2  # in an image

POSITIVE_CELLS, ALL_CELLS = "positive cells", "all cells"


@dataclass(frozen=True)
class Probe:
    """The contents of a probe batch, apart from its mistake.

    objects: number of objects in each image.
    grid: (H, W) of its one scale, in cells.
    only_first: make the mistake in the first image only. If every image has it, a mean over
        objects equals a mean over images of such means.
    """

    objects: tuple[int, ...]
    grid: tuple[int, int] = BASE
    only_first: bool = False

    @property
    def images(self) -> int:
        """Number of images, B."""
        return len(self.objects)

    @property
    def cells(self) -> int:
        """Number of cells of the grid, H * W."""
        return self.grid[0] * self.grid[1]

    def __str__(self) -> str:
        images = "1 image" if self.images == 1 else f"{self.images} images"
        objects = ", ".join(map(str, self.objects))
        return f"{images} of {self.grid[0]} x {self.grid[1]} cells with {objects} objects"

    @property
    def mistaken(self) -> tuple[bool, ...]:
        """For each image, whether it has the mistake."""
        return tuple(image == 0 or not self.only_first for image in range(self.images))


@dataclass(frozen=True)
class Mistake:
    """One thing that a probe predicts wrong.

    component: the component of the specification's loss that punishes it.
    channels: the channels of the wrong logits; empty if the box is wrong.
    in_background: make the mistake in two background cells of an image, not in every object.
    """

    name: str
    component: str
    channels: tuple[int, ...]
    in_background: bool = False

    @property
    def only_of_objects(self) -> bool:
        """Whether the punishing term can count nothing but objects."""
        return self.component in ("location", "classification") and not self.in_background


MISTAKES = (
    Mistake("location", "location", ()),
    Mistake("classification", "classification", CLASS_LOGITS),
    Mistake("anchor", "anchor", ANCHOR_LOGITS),
    Mistake("objectness", "objectness", (OBJECTNESS,)),
    Mistake("background classification", "classification", CLASS_LOGITS, in_background=True),
    Mistake("background anchor", "anchor", ANCHOR_LOGITS, in_background=True),
    Mistake("background objectness", "objectness", (OBJECTNESS,), in_background=True),
)

BATCH_SIZE, OBJECTS, GRID = "batch size", "objects", "grid"
# For each sweep: the number that grows from probe to probe, and its probe.
SWEEPS: dict[str, dict[int, Probe]] = {
    BATCH_SIZE: {images: Probe((2,) * images) for images in (1, 2, 4, 8)},
    OBJECTS: {objects: Probe((objects,) * 2) for objects in (1, 2, 3, 6)},
    GRID: {12: Probe((2, 2)), 24: Probe((2, 2), (3, 8)), 48: Probe((2, 2), (6, 8))},
}
UNEQUAL = (
    Probe((1, 3)),
    Probe((0, 4)),
    Probe((5, 1, 2)),
    Probe((6, 0, 0)),
    Probe((0, 3, 1, 0), (6, 4)),
    Probe((1, 3), only_first=True),
    Probe((5, 1, 2), only_first=True),
    Probe((2, 0, 4, 0), only_first=True),
)
EMPTY = (Probe((0,)), Probe((0, 0, 0)))
PROBES = tuple(
    dict.fromkeys([*(p for sweep in SWEEPS.values() for p in sweep.values()), *UNEQUAL, *EMPTY])
)

# For each grid above, a square one that holds the same content. A loss that refuses grids that are
# not square is measured on these.
_SQUARES = {BASE: (4, 4), (3, 8): (6, 6), (6, 4): (6, 6), (6, 8): (8, 8)}


def square(probe: Probe) -> Probe:
    """Return the probe on a square grid."""
    return replace(probe, grid=_SQUARES[probe.grid])


SQUARE_SWEEPS: dict[str, dict[int, Probe]] = {
    name: {
        squared.cells if name == GRID else number: squared
        for number, squared in ((number, square(probe)) for number, probe in sweep.items())
    }
    for name, sweep in SWEEPS.items()
}
SQUARE_PROBES = tuple(map(square, PROBES))


def sweeps_of(probes: Collection[Probe]) -> dict[str, dict[int, Probe]]:
    """Return the sweeps that these probes are of: on square grids, or on those that are not."""
    return SQUARE_SWEEPS if any(probe in SQUARE_PROBES for probe in probes) else SWEEPS


def problem_of(probe: Probe, options: Options = PLAIN_OPTIONS) -> Problem:
    """Return the probe's problem: one scale, two anchors, two classes, cells of 32 pixels."""
    size = (probe.grid[0] * STRIDE, probe.grid[1] * STRIDE)
    return Problem((ANCHORS[0][:2],), CLASSES, size, options)


def batch_of(problem: Problem, probe: Probe, mistake: Mistake | None = None) -> Batch:
    """Return the probe's batch, with this mistake; None for all predicted right."""
    shape = (probe.images, *probe.grid, problem.channels(0))
    target, prediction = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    prediction[..., WH] = TINY_LOG_SIZE
    prediction[..., OBJECTNESS:] = -LOGIT
    object_target = objects_of(problem, 0, np.zeros(6, np.int64))
    right = np.where(object_target > 0.5, LOGIT, -LOGIT)
    right[:OBJECTNESS] = 0  # phi(0) = 0.5, the centre of the cell
    for image, objects in enumerate(probe.objects):
        for number in range(objects):
            cell = (image, *divmod(number, BASE[1]))
            target[cell], prediction[cell] = object_target, right
            if mistake is not None and not mistake.in_background and probe.mistaken[image]:
                _predict_wrong(prediction[cell], mistake)
        if mistake is not None and mistake.in_background and probe.mistaken[image]:
            for number in range(MISTAKEN_BACKGROUND_CELLS):
                cell = (image, BASE[0] - 1, BASE[1] - 1 - number)
                _predict_wrong(prediction[cell], mistake)
    return Batch((target,), (prediction,))


def _predict_wrong(prediction: np.ndarray, mistake: Mistake) -> None:
    """Change the prediction of a cell, `[5 + A + C]`, in place."""
    if mistake.channels:
        prediction[list(mistake.channels)] *= -1
    else:
        prediction[XY], prediction[WH] = 2, 1


def sums_of(probe: Probe, mistake: Mistake, count: str = POSITIVE_CELLS) -> Sums:
    """Return the sums that a normalization receives for this probe; raw sums up to a constant.

    count: what the punishing term counts, `POSITIVE_CELLS` or `ALL_CELLS`.
    """
    objects = np.array(probe.objects, float)
    all_cells = np.full(probe.images, float(probe.cells))
    background = np.full(probe.images, float(MISTAKEN_BACKGROUND_CELLS))
    mistakes = background if mistake.in_background else objects
    return Sums(
        mistakes * probe.mistaken,
        objects if count == POSITIVE_CELLS else all_cells,
        objects,
        probe.images,
        probe.cells,
        EXPECTED_CELLS,
    )
