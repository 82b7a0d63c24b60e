"""Turn boxes into targets and back, vectorized in NumPy. `mgspec.loss.targets` has the rules.

targets = encode(boxes_of_each_image, anchors, num_classes, input_shape, grids)
cells = decode(targets, anchors, input_shape)
assignment = assign(boxes_of_each_image, anchors, num_classes, input_shape, grids)
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

# (row, column) of the 3 x 3 cells around an object's centre, relative to the middle one.
AROUND = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
NOBODY = -1


@dataclass(frozen=True)
class Decoded:
    """The positive cells of targets, one entry a cell.

    image, scale, row, column: place of the cell, `[N]`.
    boxes: x1, y1, x2, y2 in pixels, `[N, 4]`.
    anchor: number of the anchor within its scale, `[N]`.
    classes: multi-hot, `[N, C]`.
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
    """M objects of some images, and their N positive cells.

    image: number of each object's image, `[M]`.
    boxes: x1, y1, x2, y2 of each object in pixels, `[M, 4]`.
    classes: multi-hot, `[M, C]`.
    scale: number of each object's scale, `[M]`.
    anchor: number of each object's anchor within its scale, `[M]`.
    object: number of each cell's object, `[N]`.
    row, column: place of each cell in the grid of its object's scale, `[N]`.
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
    """Return the targets of a batch: one float32 `[B, H, W, 5 + A + C]` array for each scale.

    boxes: for each image (x1, y1, x2, y2, class) in pixels of the input, `[N, 5]`; N may be 0.
    anchors: (width, height) in pixels of the anchors of each scale.
    input_shape: (height, width) in pixels.
    grids: (rows, columns) of each scale.

    Drop boxes without an area, and boxes too far outside. Raise ValueError for boxes of another
    shape, and for anchors, classes, input or grids that do not make a problem.
    """
    problem = make_problem(anchors, num_classes, input_shape, grids)
    assigned = assign(boxes, anchors, num_classes, input_shape, grids)
    size = assigned.boxes[:, 2:] - assigned.boxes[:, :2]
    targets = []
    for s, grid in enumerate(grids):
        here = assigned.scale[assigned.object] == s
        one, row, column = assigned.object[here], assigned.row[here], assigned.column[here]
        rows = np.zeros((len(one), problem.channels(s)), np.float32)
        centre = _centres(assigned.boxes[one]) / problem.stride(grid)
        rows[:, XY] = centre - np.stack([column, row], -1)
        rows[:, WH] = np.log(size[one] / np.asarray(problem.anchors[s])[assigned.anchor[one]])
        rows[:, OBJECTNESS] = 1
        rows[np.arange(len(one)), FIRST_ANCHOR + assigned.anchor[one]] = 1
        rows[:, problem.class_channels(s)] = assigned.classes[one]
        target = np.zeros((len(boxes), *grid, problem.channels(s)), np.float32)
        target[assigned.image[one], row, column] = rows
        targets.append(target)
    return targets


def assign(
    boxes: Sequence[Any],
    anchors: Anchors,
    num_classes: int,
    input_shape: Size,
    grids: Sequence[Size],
) -> Assignment:
    """Return which cells of the grids belong to which object, for each image of a batch.

    An object belongs to the scale of the anchor that fits it best. It gets the cell of its centre
    and the eight cells around it, but each cell goes to one object only. Equal boxes of one image
    are one object with all their classes. Objects that `encode` drops are left out.

    Arguments and errors are those of `encode`.
    """
    problem = make_problem(anchors, num_classes, input_shape, grids)
    image, corners, classes = _objects(boxes, num_classes)
    size = corners[:, 2:] - corners[:, :2]
    scale, number, anchor = _best_anchors(problem, size)
    small = (np.abs(np.log(size / anchor)) <= LARGEST_LOG_SIZE).all(-1)
    image, corners, classes, scale, number, size = (
        a[small] for a in (image, corners, classes, scale, number, size)
    )

    grid_sizes = np.array(grids, np.int64)
    stride = np.array([problem.stride(grid) for grid in grids])[scale]
    centre = _centres(corners) / stride  # x, y in cells
    far = np.abs(centre).max(-1, initial=0) > 2 * grid_sizes.max() + 2  # it has no cell in any grid
    home = np.floor(np.where(far[:, None], -9, centre)).astype(np.int64)
    cells = home[:, None, ::-1] + AROUND  # [M, 9, 2], row and column
    offsets = centre[:, None] - cells[..., ::-1]
    stored = offsets.astype(np.float32)
    inside = (cells >= 0) & (cells < grid_sizes[scale][:, None])
    is_own = inside.all(-1) & ((stored > -1) & (stored < 2)).all(-1)
    distance = np.where(is_own, np.square(offsets - 0.5) @ np.ones(2), np.inf)

    first = np.cumsum([0, *(rows * columns for rows, columns in grids)])
    place = first[scale][:, None] + cells[..., 0] * grid_sizes[scale][:, 1:] + cells[..., 1]
    place = np.where(is_own, image[:, None] * first[-1] + place, NOBODY)
    owner = _owners(place, distance, _ranks(corners, size), len(boxes) * int(first[-1]))

    taken = np.flatnonzero(owner != NOBODY)
    owner = owner[taken]
    row, column = np.divmod(taken % first[-1] - first[scale[owner]], grid_sizes[scale[owner], 1])
    return Assignment(image, corners, classes, scale, number, owner, row, column)


def _centres(corners: Array) -> Array:
    """Return x and y of the centre of each box, `[N, 2]`."""
    return (corners[:, :2] + corners[:, 2:]) / 2


def make_problem(
    anchors: Anchors, num_classes: int, input_shape: Size, grids: Sequence[Size]
) -> Problem:
    """Return the problem of these arguments of `encode`. Raise ValueError if they make none."""
    plain = tuple(tuple((float(w), float(h)) for w, h in scale) for scale in anchors)
    height, width = input_shape
    problem = Problem(plain, int(num_classes), (int(height), int(width)))
    if len(grids) != problem.scales or any(len(g) != 2 or min(g) < 1 for g in grids):
        raise ValueError(
            f"grids: expected (rows, columns) for each of {problem.scales} scale(s), got {grids!r}"
        )
    return problem


def _objects(boxes: Sequence[Any], num_classes: int) -> tuple[Array, Array, Array]:
    """Return the image `[M]`, corners `[M, 4]` and classes `[M, C]` of every object."""
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
    """Return the best anchor of each box size (width, height) `[N, 2]`, by IoU around one centre.

    Return the anchor's scale `[N]`, its number within the scale `[N]`, and its size `[N, 2]`.
    """
    every = np.array([anchor for scale in problem.anchors for anchor in scale])
    scales = np.repeat(np.arange(problem.scales), [len(scale) for scale in problem.anchors])
    numbers = np.concatenate([np.arange(len(scale)) for scale in problem.anchors])
    shared = np.minimum(size[:, None], every).prod(-1)
    best = np.argmax(shared / np.maximum(size.prod(-1)[:, None], every.prod(-1)), -1)
    return scales[best], numbers[best], every[best]


def _ranks(corners: Array, size: Array) -> Array:
    """Return the place of each object in the order of assignment: by area, then by corners."""
    order = np.lexsort((*corners.T[::-1], size.prod(-1)))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _owners(place: Array, distance: Array, rank: Array, places: int) -> Array:
    """Return the number of the object that gets each place, or NOBODY, `[places]`.

    place, distance: of each object's nine cells, `[M, 9]`; NOBODY for a cell it cannot have.
    rank: place of each object in the order of assignment, `[M]`.
    """
    owner = np.full(places + 1, NOBODY)  # one more place, which NOBODY indexes
    by_distance = np.argsort(distance, axis=1, kind="stable")
    nearest = np.take_along_axis(place, by_distance, 1)
    without = np.argsort(rank)
    while len(without):
        free = (nearest[without] != NOBODY) & (owner[nearest[without]] == NOBODY)
        without, free = without[free.any(1)], free[free.any(1)]
        wanted = nearest[without, free.argmax(1)]
        cells, winner = np.unique(wanted, return_index=True)  # the first object that wants it
        owner[cells] = without[winner]
        without = np.delete(without, winner)
    one, cell = np.nonzero((place != NOBODY) & (owner[place] == NOBODY))
    order = np.lexsort((rank[one], distance[one, cell], place[one, cell]))
    left, first = np.unique(place[one, cell][order], return_index=True)
    owner[left] = one[order][first]
    return owner[:-1]


def decode(targets: Sequence[Any], anchors: Anchors, input_shape: Size) -> Decoded:
    """Return the box and classes of each positive cell: the inverse of `encode`.

    targets: one `[B, H, W, 5 + A + C]` array for each scale. Raise ValueError for other shapes.
    """
    decoded: list[tuple[Array, ...]] = []
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
        decoded.append(
            (image, np.full(len(image), scale), row, column, boxes, anchor, cells[:, start:])
        )
    return Decoded(*(np.concatenate(parts) for parts in zip(*decoded, strict=True)))
