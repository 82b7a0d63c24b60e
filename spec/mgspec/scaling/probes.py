"""Batches that show how a loss scales: all objects alike, and one thing predicted wrong.

What such a batch costs beyond the same batch predicted right is due to that one thing, and its raw
sum is known up to a constant: so many equal parts in each image. That holds for a loss that returns
one scalar too, and whatever the other terms cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgspec.drawing.scenery import objects_of
from mgspec.drawing.strategies import ANCHORS, STRIDE
from mgspec.loss.candidate import EXPECTED_CELLS, PLAIN_OPTIONS
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY, Batch, Problem
from mgspec.problem.normalizations import Sums
from mgspec.problem.options import Options

CLASSES = 2
LOGIT = 8.0  # of what is predicted right, and, negated, wrong; larger ones cost precision
SPECK = -8.0  # log-size of a box predicted in the background: it overlaps nothing

ANCHOR_LOGITS = (FIRST_ANCHOR, FIRST_ANCHOR + 1)
CLASS_LOGITS = (FIRST_ANCHOR + 2, FIRST_ANCHOR + 3)

BASE = (3, 4)  # cells; larger grids hold the same in their top left corner
WRONG_BACKGROUND = 2  # cells an image

POSITIVE_CELLS, ALL_CELLS = "positive cells", "all cells"


@dataclass(frozen=True)
class Probe:
    """How many objects each image holds, and the grid (H, W) of its one scale.

    only_first: what is wrong is wrong in the first image only. Where it is wrong in all, a mean
        over objects cannot be told from a mean over images of such means.
    """

    objects: tuple[int, ...]
    grid: tuple[int, int] = BASE
    only_first: bool = False

    @property
    def images(self) -> int:
        """B."""
        return len(self.objects)

    @property
    def cells(self) -> int:
        """H * W."""
        return self.grid[0] * self.grid[1]

    def __str__(self) -> str:
        images = "1 image" if self.images == 1 else f"{self.images} images"
        objects = ", ".join(map(str, self.objects))
        return f"{images} of {self.grid[0]} x {self.grid[1]} cells with {objects} objects"

    @property
    def spoilt(self) -> tuple[bool, ...]:
        """By image, whether it holds what is wrong."""
        return tuple(image == 0 or not self.only_first for image in range(self.images))


@dataclass(frozen=True)
class Wrong:
    """What is predicted wrong.

    component: the one that speaks of it in the loss of the specification. logits: their channels;
    none for the box. in_background: of two background cells an image, else of every object.
    """

    name: str
    component: str
    logits: tuple[int, ...]
    in_background: bool = False

    @property
    def only_of_objects(self) -> bool:
        """Whether the term that speaks of it can count nothing but objects."""
        return self.component in ("location", "classification") and not self.in_background


WRONGS = (
    Wrong("location", "location", ()),
    Wrong("classification", "classification", CLASS_LOGITS),
    Wrong("anchor", "anchor", ANCHOR_LOGITS),
    Wrong("objectness", "objectness", (OBJECTNESS,)),
    Wrong("background classification", "classification", CLASS_LOGITS, in_background=True),
    Wrong("background anchor", "anchor", ANCHOR_LOGITS, in_background=True),
    Wrong("background objectness", "objectness", (OBJECTNESS,), in_background=True),
)

BATCH_SIZE, OBJECTS, GRID = "batch size", "objects", "grid"
# Each sweep with the numbers that are multiplied from probe to probe.
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


def problem_of(probe: Probe, options: Options = PLAIN_OPTIONS) -> Problem:
    """One scale, two anchors, two classes; a cell is as large in every grid."""
    size = (probe.grid[0] * STRIDE, probe.grid[1] * STRIDE)
    return Problem((ANCHORS[0][:2],), CLASSES, size, options)


def batch_of(problem: Problem, probe: Probe, wrong: Wrong | None = None) -> Batch:
    """The probe with one thing predicted wrong, or nothing."""
    shape = (probe.images, *probe.grid, problem.channels(0))
    target, prediction = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    prediction[..., WH] = SPECK
    prediction[..., OBJECTNESS:] = -LOGIT
    thing = objects_of(problem, 0, np.zeros(6, np.int64))
    right = np.where(thing > 0.5, LOGIT, -LOGIT)
    right[:OBJECTNESS] = 0  # phi(0) = 0.5, the centre of the cell
    for image, objects in enumerate(probe.objects):
        for place in range(objects):
            cell = (image, *divmod(place, BASE[1]))
            target[cell], prediction[cell] = thing, right
            if wrong is not None and not wrong.in_background and probe.spoilt[image]:
                _spoil(prediction[cell], wrong)
        if wrong is not None and wrong.in_background and probe.spoilt[image]:
            for place in range(WRONG_BACKGROUND):
                _spoil(prediction[image, BASE[0] - 1, BASE[1] - 1 - place], wrong)
    return Batch((target,), (prediction,))


def _spoil(prediction: np.ndarray, wrong: Wrong) -> None:
    if wrong.logits:
        prediction[list(wrong.logits)] *= -1
    else:
        prediction[XY], prediction[WH] = 2, 1


def sums_of(probe: Probe, wrong: Wrong, count: str = POSITIVE_CELLS) -> Sums:
    """What a normalization is given for this probe, the raw sum up to a constant.

    count: what the term that speaks of it counts.
    """
    objects = np.array(probe.objects, float)
    all_cells = np.full(probe.images, float(probe.cells))
    each = np.full(probe.images, float(WRONG_BACKGROUND)) if wrong.in_background else objects
    return Sums(
        each * probe.spoilt,
        objects if count == POSITIVE_CELLS else all_cells,
        objects,
        probe.images,
        probe.cells,
        EXPECTED_CELLS,
    )
