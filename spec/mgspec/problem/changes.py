"""Combine and change batches and their problems.

Every function returns new arrays and leaves its arguments as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from mgspec.problem.description import Images
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, Array, Batch, Cell, Problem

LARGEST_ARRAY = 2**24  # numbers of a derived array; the largest one of a drawn case has 80,000

SomeBatch = TypeVar("SomeBatch", bound="Batch | Images")


def concatenate(batches: Iterable[SomeBatch]) -> SomeBatch:
    """Return one batch with the images of all batches, in this order; all have one layout."""
    first: Any
    first, *others = batches
    return first.followed_by(others)  # type: ignore[no-any-return]


def take(batch: SomeBatch, images: Sequence[int]) -> SomeBatch:
    """Return the images with these numbers, in this order; a number may occur repeatedly."""
    return batch.take(images)  # type: ignore[return-value]


def _check_size(*shape: int) -> None:
    """Raise ValueError if an array of this shape is larger than any that a law needs.

    A file of a few megabytes may describe a case that needs terabytes.
    """
    if math.prod(shape) > LARGEST_ARRAY:
        raise ValueError(
            f"an array {list(shape)}: expected at most {LARGEST_ARRAY:,} numbers; the batch is too "
            "large for what the law makes of it"
        )


def repeat(batch: SomeBatch, times: int) -> SomeBatch:
    """Return the batch concatenated with itself, `times` times in all.

    Raise ValueError if the result is too large.
    """
    for array in batch.predictions:
        _check_size(times, *array.shape)
    return concatenate([batch] * times)


def shards(batch: SomeBatch, count: int) -> tuple[SomeBatch, ...]:
    """Split the batch into `count` consecutive parts of equal size.

    Raise ValueError if that is not possible.
    """
    if batch.images % count:
        raise ValueError(f"{batch.images} images cannot be cut into {count} equal shards")
    size = batch.images // count
    return tuple(take(batch, range(k * size, (k + 1) * size)) for k in range(count))


def without_object(batch: Batch, cell: Cell) -> Batch:
    """Return the batch with one positive cell turned into background; its prediction stays."""
    targets = [array.copy() for array in batch.targets]
    targets[cell.scale][cell.image, cell.row, cell.column] = 0
    return Batch(tuple(targets), batch.predictions)


def only_object(batch: Batch, cell: Cell) -> Batch:
    """Return the batch with all positive cells but one turned into background."""
    targets = [np.zeros_like(array) for array in batch.targets]
    place = (cell.image, cell.row, cell.column)
    targets[cell.scale][place] = batch.targets[cell.scale][place]
    return Batch(tuple(targets), batch.predictions)


def only_scale(problem: Problem, batch: Batch, scale: int) -> tuple[Problem, Batch]:
    """Return one scale of a problem and a batch as a problem and a batch."""
    return (
        replace(problem, anchors=problem.anchors[scale : scale + 1]),
        Batch(batch.targets[scale : scale + 1], batch.predictions[scale : scale + 1]),
    )


def permute_labels(
    problem: Problem, batch: Batch, anchors: Sequence[Sequence[int]], classes: Sequence[int]
) -> tuple[Problem, Batch]:
    """Return the problem and batch with anchors and classes in another order.

    The k-th of the new order was at `order[k]` before.

    anchors: an order for each scale. classes: one order for all scales.
    """
    weights = problem.options.class_weights
    options = problem.options
    if weights is not None:
        options = replace(options, class_weights=tuple(weights[c] for c in classes))
    channels = [
        [*range(FIRST_ANCHOR), *(FIRST_ANCHOR + a for a in order)]
        + [FIRST_ANCHOR + len(order) + c for c in classes]
        for order in anchors
    ]
    permuted_anchors = tuple(
        tuple(problem.anchors[scale][a] for a in order) for scale, order in enumerate(anchors)
    )
    return replace(problem, anchors=permuted_anchors, options=options), Batch(
        tuple(a[..., c] for a, c in zip(batch.targets, channels, strict=True)),
        tuple(a[..., c] for a, c in zip(batch.predictions, channels, strict=True)),
    )


def transposed_array(array: Array) -> Array:
    """Return `[B, H, W, D]` with rows and columns, x and y, width and height exchanged."""
    channels = [1, 0, 3, 2, *range(OBJECTNESS, array.shape[-1])]
    return np.ascontiguousarray(array.transpose(0, 2, 1, 3)[..., channels])


def transposed(problem: Problem, batch: Batch) -> tuple[Problem, Batch]:
    """Return problem and batch with rows and columns, x and y, width and height exchanged."""
    height, width = problem.input_shape
    anchors = tuple(tuple((h, w) for w, h in scale) for scale in problem.anchors)
    return replace(problem, anchors=anchors, input_shape=(width, height)), Batch(
        tuple(transposed_array(a) for a in batch.targets),
        tuple(transposed_array(a) for a in batch.predictions),
    )


def place_in_grids(
    problem: Problem, batch: Batch, grids: Sequence[tuple[int, int]], row: int, column: int
) -> tuple[Problem, Batch]:
    """Return the batch in larger grids, its top-left cell at this row and column.

    New cells are background. They predict boxes of e^-8 of an anchor, and 0 in other channels.

    grids: (H, W) of each scale in cells; strides stay. row, column: in cells of the coarsest scale.

    Raise ValueError if the result is too large.
    """
    targets, predictions = [], []
    for (height, width), target, prediction in zip(
        grids, batch.targets, batch.predictions, strict=True
    ):
        step = height // grids[0][0], width // grids[0][1]
        shape = (batch.images, height, width, target.shape[-1])
        _check_size(*shape)
        around_target, around = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        around[..., WH] = -8
        top, left = row * step[0], column * step[1]
        inside = (
            slice(None),
            slice(top, top + target.shape[1]),
            slice(left, left + target.shape[2]),
        )
        around_target[inside], around[inside] = target, prediction
        targets.append(around_target)
        predictions.append(around)
    stride = problem.stride(batch.grids[0])
    size = (round(grids[0][0] * stride[1]), round(grids[0][1] * stride[0]))
    return replace(problem, input_shape=size), Batch(tuple(targets), tuple(predictions))


def with_background(
    problem: Problem, batch: Batch, rows: int, columns: int, prediction: float
) -> tuple[Problem, Batch]:
    """Return the batch with background added below and to the right of every image.

    rows, columns: cells to add on the coarsest scale; finer scales grow in proportion.
    prediction: the prediction in every channel of the new cells.

    Raise ValueError if the result is too large.
    """
    height, width = problem.input_shape
    coarse = min(batch.grids)
    targets, predictions = [], []
    for (grid_height, grid_width), target, predicted in zip(
        batch.grids, batch.targets, batch.predictions, strict=True
    ):
        below, right = rows * grid_height // coarse[0], columns * grid_width // coarse[1]
        _check_size(batch.images, grid_height + below, grid_width + right, target.shape[-1])
        padding = ((0, 0), (0, below), (0, right), (0, 0))
        targets.append(np.pad(target, padding))
        predictions.append(np.pad(predicted, padding, constant_values=np.float32(prediction)))
    grown = Problem(
        problem.anchors,
        problem.num_classes,
        (height * (coarse[0] + rows) // coarse[0], width * (coarse[1] + columns) // coarse[1]),
        problem.options,
    )
    return grown, Batch(tuple(targets), tuple(predictions))
