"""Make batches on which a loss shows what it divides by, smallest first.

One object, always the same, is predicted one anchor's length too high; everything else is
predicted to be 0. What a loss makes of more of it depends on the loss's denominator alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgspec import Batch, Options, Problem
from mgspec.problem.layout import OBJECTNESS, XY

COUNTS = (1, 2, 4, 8, 16)
SIDE = 4  # cells; COUNTS ends where the grid is full
STRIDE = 32  # pixels


@dataclass(frozen=True)
class Family:
    """Batches that differ in one number only.

    title: what is asked. counted: what the number counts. batches: one for each of `COUNTS`.
    """

    title: str
    counted: str
    problem: Problem
    batches: tuple[Batch, ...]


def families(options: Options) -> tuple[Family, Family]:
    """Return a family of batch sizes, all images alike, and one of densities, all objects alike."""
    classes = len(options.class_weights or (1, 1))
    problem = Problem((((32.0, 32.0),),), classes, (SIDE * STRIDE, SIDE * STRIDE), options)
    return (
        Family(
            "Loss against batch size",
            "images in the batch, all alike",
            problem,
            tuple(_batch(problem, images=count, objects=1) for count in COUNTS),
        ),
        Family(
            "Loss against density",
            "objects in the image, all alike",
            problem,
            tuple(_batch(problem, images=1, objects=count) for count in COUNTS),
        ),
    )


def _batch(problem: Problem, images: int, objects: int) -> Batch:
    """Return a batch of images with this many objects each, in the first cells."""
    shape = (images, SIDE, SIDE, problem.channels(0))
    target, prediction = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    rows, columns = np.unravel_index(np.arange(objects), (SIDE, SIDE))
    target[:, rows, columns, XY] = 0.5
    anchor, first_class = problem.anchor_channels(0).start, problem.class_channels(0).start
    for channel in (OBJECTNESS, anchor, first_class):
        target[:, rows, columns, channel] = 1
    prediction[:, rows, columns, 3] = 1
    return Batch((target,), (prediction,))
