"""Boxes to targets and back, vectorized in NumPy. `mgspec.loss.targets` has the rules.

targets = encode(boxes_of_each_image, anchors, num_classes, input_shape, grids)
decode(targets, anchors, input_shape)
assign(...) as encode: who has which cells, without the arrays of all cells
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec.loss.boxes import LARGEST_LOG_SIZE
from mgspec.loss.targets import FARTHEST
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY, Problem

__all__ = ["Assignment", "Decoded", "assign", "decode", "encode"]

Array = NDArray[Any]
Anchors = Sequence[Sequence[tuple[float, float]]]
Size = tuple[int, int]

# The 3x3 cells around an object's own, (row, column), upper ones and then left ones first.
AROUND = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
NOBODY = -1


@dataclass(frozen=True)
class Decoded:
    """The positive cells of targets, one row a cell.

    image, scale, row, column: where it is, `[N]`. boxes: x1, y1, x2, y2 in pixels, `[N, 4]`.
    anchor: its number in the scale, `[N]`. classes: multi-hot, `[N, C]`.
    """

    image: Array
    scale: Array
    row: Array
    column: Array
    boxes: Array
    anchor: Array
    classes: Array


@dataclass(frozen=True)
class Assignment:
    """The objects of some images, and the positive cells of each.

    Of every object: image `[M]`, boxes (x1, y1, x2, y2 in pixels) `[M, 4]`, classes (multi-hot)
    `[M, C]`, scale and anchor (its number in the scale) `[M]`. Of every positive cell: the number
    of its object, row and column, each `[N]`.
    """

    image: Array
    boxes: Array
    classes: Array
    scale: Array
    anchor: Array
    object: Array
    row: Array
    column: Array


def encode(
    boxes: Sequence[Any],
    anchors: Anchors,
    num_classes: int,
    input_shape: Size,
    grids: Sequence[Size],
) -> list[Array]:
    """The targets of a batch: one float32 `[B, H, W, 5 + A + C]` array a scale.

    boxes: of each image `[N, 5]`, (x1, y1, x2, y2, class) in pixels of the input; N may be 0.
    anchors: for each scale (width, height) in pixels. input_shape: (height, width) in pixels.
    grids: (rows, columns) of each scale.

    Degenerate boxes, and those too far outside, are dropped. Raises ValueError for arrays or a
    problem that are none.
    """
    problem = checked_problem(anchors, num_classes, input_shape, grids)
    found = assign(boxes, anchors, num_classes, input_shape, grids)
    size = found.boxes[:, 2:] - found.boxes[:, :2]
    targets = []
    for s, grid in enumerate(grids):
        here = found.scale[found.object] == s
        one, row, column = found.object[here], found.row[here], found.column[here]
        rows = np.zeros((len(one), problem.channels(s)), np.float32)
        centre = _centres(found.boxes[one]) / problem.stride(grid)
        rows[:, XY] = centre - np.stack([column, row], -1)
        rows[:, WH] = np.log(size[one] / np.asarray(problem.anchors[s])[found.anchor[one]])
        rows[:, OBJECTNESS] = 1
        rows[np.arange(len(one)), FIRST_ANCHOR + found.anchor[one]] = 1
        rows[:, problem.class_channels(s)] = found.classes[one]
        target = np.zeros((len(boxes), *grid, problem.channels(s)), np.float32)
        target[found.image[one], row, column] = rows
        targets.append(target)
    return targets


def assign(
    boxes: Sequence[Any],
    anchors: Anchors,
    num_classes: int,
    input_shape: Size,
    grids: Sequence[Size],
) -> Assignment:
    """Which object of each image has which cells. Arguments and errors are those of `encode`."""
    problem = checked_problem(anchors, num_classes, input_shape, grids)
    image, corners, classes = _objects(boxes, num_classes)
    size = corners[:, 2:] - corners[:, :2]
    scale, number, anchor = _best_anchors(problem, size)
    small = (np.abs(np.log(size / anchor)) <= LARGEST_LOG_SIZE).all(-1)
    image, corners, classes, scale, number, size = (
        a[small] for a in (image, corners, classes, scale, number, size)
    )

    of_scale = np.array(grids, np.int64)
    stride = np.array([problem.stride(grid) for grid in grids])[scale]
    centre = _centres(corners) / stride  # x, y in cells
    far = np.abs(centre).max(-1, initial=0) > 2 * of_scale.max() + 2  # its cells have no number
    home = np.floor(np.where(far[:, None], -9, centre)).astype(np.int64)
    cells = home[:, None, ::-1] + AROUND  # [M, 9, 2], row and column
    offsets = centre[:, None] - cells[..., ::-1]
    stored = offsets.astype(np.float32)
    inside = (cells >= 0) & (cells < of_scale[scale][:, None])
    is_own = inside.all(-1) & ((stored > -1) & (stored < 2)).all(-1)
    distance = np.where(is_own, np.square(offsets - 0.5) @ np.ones(2), np.inf)

    first = np.cumsum([0, *(rows * columns for rows, columns in grids)])
    place = first[scale][:, None] + cells[..., 0] * of_scale[scale][:, 1:] + cells[..., 1]
    place = np.where(is_own, image[:, None] * first[-1] + place, NOBODY)
    owner = _owners(place, distance, _ranks(corners, size), len(boxes) * int(first[-1]))

    taken = np.flatnonzero(owner != NOBODY)
    owner = owner[taken]
    row, column = np.divmod(taken % first[-1] - first[scale[owner]], of_scale[scale[owner], 1])
    return Assignment(image, corners, classes, scale, number, owner, row, column)


def _centres(corners: Array) -> Array:
    """x and y of the middle of each box."""
    return (corners[:, :2] + corners[:, 2:]) / 2


def checked_problem(
    anchors: Anchors, num_classes: int, input_shape: Size, grids: Sequence[Size]
) -> Problem:
    """The problem that these describe. Raises ValueError where they are none."""
    plain = tuple(tuple((float(w), float(h)) for w, h in scale) for scale in anchors)
    height, width = input_shape
    problem = Problem(plain, int(num_classes), (int(height), int(width)))
    if len(grids) != problem.scales or any(len(g) != 2 or min(g) < 1 for g in grids):
        raise ValueError(
            f"grids: expected (rows, columns) for each of {problem.scales} scale(s), got {grids!r}"
        )
    return problem


def _objects(boxes: Sequence[Any], num_classes: int) -> tuple[Array, Array, Array]:
    """Of every object its image `[M]`, corners `[M, 4]`, and classes `[M, C]`."""
    rows = [np.zeros((0, 6))]
    for number, each in enumerate(boxes):
        part = np.asarray(each, np.float64)
        if not part.size:
            continue
        if part.ndim != 2 or part.shape[1] != 5:
            raise ValueError(
                f"boxes of image {number}: expected [N, 5], x1, y1, x2, y2 and class, "
                f"got {list(part.shape)}"
            )
        rows.append(np.column_stack([np.full(len(part), number), part]))
    every = np.concatenate(rows)
    corners, label = every[:, 1:5], every[:, 5]
    usable = (np.abs(corners) <= FARTHEST).all(-1) & (corners[:, 0] < corners[:, 2])
    usable &= (corners[:, 1] < corners[:, 3]) & np.isin(label, np.arange(num_classes))
    every = every[usable]
    objects, which = np.unique(every[:, :5], axis=0, return_inverse=True)
    classes = np.zeros((len(objects), num_classes), np.float32)
    classes[which.ravel(), every[:, 5].astype(np.int64)] = 1
    return objects[:, 0].astype(np.int64), objects[:, 1:], classes


def _best_anchors(problem: Problem, size: Array) -> tuple[Array, Array, Array]:
    """Of each box (width, height) the scale, the anchor's number in it, and the anchor `[N, 2]`."""
    every = np.array([anchor for scale in problem.anchors for anchor in scale])
    scales = np.repeat(np.arange(problem.scales), [len(scale) for scale in problem.anchors])
    numbers = np.concatenate([np.arange(len(scale)) for scale in problem.anchors])
    shared = np.minimum(size[:, None], every).prod(-1)
    best = np.argmax(shared / np.maximum(size.prod(-1)[:, None], every.prod(-1)), -1)
    return scales[best], numbers[best], every[best]


def _ranks(corners: Array, size: Array) -> Array:
    """The place of each object in the order in which they come."""
    order = np.lexsort((*corners.T[::-1], size.prod(-1)))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _owners(place: Array, distance: Array, rank: Array, places: int) -> Array:
    """Which object has each of the places; NOBODY where none.

    place, distance: of each object's nine cells, `[N, 9]`; NOBODY where a cell is not its own.
    """
    owner = np.full(places + 1, NOBODY)  # one more, for NOBODY's own place
    by_distance = np.argsort(distance, axis=1, kind="stable")
    nearest = np.take_along_axis(place, by_distance, 1)
    without = np.argsort(rank)
    while len(without):
        free = (nearest[without] != NOBODY) & (owner[nearest[without]] == NOBODY)
        without, free = without[free.any(1)], free[free.any(1)]
        wanted = nearest[without, free.argmax(1)]
        asked, winner = np.unique(wanted, return_index=True)  # the first of those that ask
        owner[asked] = without[winner]
        without = np.delete(without, winner)
    one, cell = np.nonzero((place != NOBODY) & (owner[place] == NOBODY))
    order = np.lexsort((rank[one], distance[one, cell], place[one, cell]))
    left, first = np.unique(place[one, cell][order], return_index=True)
    owner[left] = one[order][first]
    return owner[:-1]


def decode(targets: Sequence[Any], anchors: Anchors, input_shape: Size) -> Decoded:
    """What positive cells tell: the inverse of `encode`, each cell by itself.

    targets: one `[B, H, W, 5 + A + C]` array a scale. Raises ValueError for other shapes.
    """
    found: list[tuple[Array, ...]] = []
    if len(targets) != len(anchors):
        raise ValueError(f"targets: expected one array for each of {len(anchors)} scale(s)")
    for scale, (target, own) in enumerate(zip(map(np.asarray, targets), anchors, strict=True)):
        start = FIRST_ANCHOR + len(own)
        if target.ndim != 4 or target.shape[-1] <= start:
            raise ValueError(
                f"targets of scale {scale}: expected [B, H, W, 5 + A + C] with A = {len(own)}, "
                f"got {list(target.shape)}"
            )
        image, row, column = np.nonzero(target[..., OBJECTNESS] > 0.5)
        cells = target[image, row, column].astype(np.float64)
        stride = input_shape[1] / target.shape[2], input_shape[0] / target.shape[1]
        centre = (cells[:, XY] + np.stack([column, row], -1)) * stride
        anchor = cells[:, FIRST_ANCHOR:start].argmax(-1)
        size = np.asarray(own, np.float64)[anchor] * np.exp(cells[:, WH])
        boxes = np.concatenate([centre - size / 2, centre + size / 2], -1)
        found.append(
            (image, np.full(len(image), scale), row, column, boxes, anchor, cells[:, start:])
        )
    return Decoded(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
