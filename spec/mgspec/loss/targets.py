"""Boxes to targets: which cells teach an object, and with which anchor. Plain loops, float64.

A box is (x1, y1, x2, y2, class), in pixels of the input image, x2 and y2 past its end.

1. A box is an object where x1 < x2 and y1 < y2, its corners are within 1e9 pixels of the image's,
   its sides are within a factor of e^16 of the anchor chosen, and its class is one of the C. Others
   are dropped. It need not lie in the image.
2. Boxes with the same corners are one object, with all their classes.
3. The object's anchor, and with it its scale, is the one of the largest IoL, intersection over the
   larger area, both with one centre; of equals the first.
4. Its cells are those of the 3x3 around the cell of its centre that lie in the grid, and from which
   the centre is in (-1, 2), ends excluded, in float32: more a network cannot predict.
5. Where objects of a scale share cells, the smaller area comes first, then the smaller x1, y1, x2,
   y2. In rounds, each object without a cell asks for the nearest of its cells that nobody has (from
   the centre to the cell's middle, in cells; of equals the upper, then the left one), and the first
   of those that ask for one has it. When no object without a cell can ask, each cell left goes to
   the nearest of the objects whose cell it is, of equals to the first.

So the order of the boxes does not matter, and no object vanishes while a cell of its is free.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgspec.loss.boxes import LARGEST_LOG_SIZE
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY, Array, Problem

FARTHEST = 1e9  # pixels, of a corner
Corners = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels
Grid = tuple[int, int]  # rows, columns


@dataclass(frozen=True)
class Assigned:
    """An object, its anchor, and its cells before others claim any of them.

    cells: (row, column) to the squared distance of its middle from the object's centre, in cells.
    """

    corners: Corners
    classes: frozenset[int]
    scale: int
    anchor: int
    cells: dict[tuple[int, int], float]

    @property
    def order(self) -> tuple[float, ...]:
        """Objects with smaller ones come first."""
        x1, y1, x2, y2 = self.corners
        return ((x2 - x1) * (y2 - y1), *self.corners)


def iol(size: tuple[float, float], anchor: tuple[float, float]) -> float:
    """Intersection over the larger area of two boxes (width, height) with one centre."""
    shared = min(size[0], anchor[0]) * min(size[1], anchor[1])
    return shared / max(size[0] * size[1], anchor[0] * anchor[1])


def assigned(
    problem: Problem, grids: Sequence[Grid], boxes: Sequence[Sequence[float]]
) -> list[Assigned]:
    """The objects of an image's boxes, `[N, 5]`; rules 1 to 4."""
    classes: dict[Corners, set[int]] = {}
    for x1, y1, x2, y2, label in boxes:
        corners = (float(x1), float(y1), float(x2), float(y2))
        usable = all(abs(c) <= FARTHEST for c in corners) and x1 < x2 and y1 < y2
        if usable and label in range(problem.num_classes):
            classes.setdefault(corners, set()).add(int(label))
    found = []
    for corners, labels in classes.items():
        one = _assigned(problem, grids, corners, frozenset(labels))
        if one is not None:
            found.append(one)
    return found


def _assigned(
    problem: Problem, grids: Sequence[Grid], corners: Corners, labels: frozenset[int]
) -> Assigned | None:
    x1, y1, x2, y2 = corners
    size = (x2 - x1, y2 - y1)
    every = [(s, a) for s, anchors in enumerate(problem.anchors) for a in range(len(anchors))]
    scale, anchor = max(every, key=lambda p: iol(size, problem.anchors[p[0]][p[1]]))
    sides = zip(size, problem.anchors[scale][anchor], strict=True)
    if any(abs(math.log(side / own)) > LARGEST_LOG_SIZE for side, own in sides):
        return None
    stride = problem.stride(grids[scale])
    x, y = (x1 + x2) / 2 / stride[0], (y1 + y2) / 2 / stride[1]
    cells = {}
    for row in range(math.floor(y) - 1, math.floor(y) + 2):
        for column in range(math.floor(x) - 1, math.floor(x) + 2):
            offsets = x - column, y - row
            inside = 0 <= row < grids[scale][0] and 0 <= column < grids[scale][1]
            if inside and all(-1 < np.float32(offset) < 2 for offset in offsets):
                cells[row, column] = (offsets[0] - 0.5) ** 2 + (offsets[1] - 0.5) ** 2
    return Assigned(corners, labels, scale, anchor, cells)


def owners(objects: Sequence[Assigned]) -> dict[tuple[int, int, int], Assigned]:
    """Who has which cell (scale, row, column); rule 5."""
    ordered = sorted(objects, key=lambda o: o.order)
    owner: dict[tuple[int, int, int], Assigned] = {}

    def place(one: Assigned, cell: tuple[int, int]) -> tuple[int, int, int]:
        return (one.scale, *cell)

    without = list(ordered)
    while without:
        asked: dict[tuple[int, int, int], Assigned] = {}
        waiting = []
        for one in without:
            free = [cell for cell in one.cells if place(one, cell) not in owner]
            if not free:
                continue
            wanted = place(one, min(free, key=lambda cell: (one.cells[cell], cell)))
            if wanted in asked:
                waiting.append(one)
            else:
                asked[wanted] = one
        owner.update(asked)
        without = waiting
    left: dict[tuple[int, int, int], Assigned] = {}
    for one in ordered:
        for cell, distance in one.cells.items():
            where = place(one, cell)
            if where not in owner and (where not in left or distance < left[where].cells[cell]):
                left[where] = one
    return owner | left


def encode(
    problem: Problem, grids: Sequence[Grid], images: Sequence[Sequence[Sequence[float]]]
) -> tuple[Array, ...]:
    """The targets of images' boxes: one `[B, H, W, 5 + A + C]` array a scale.

    grids: (rows, columns) of each scale. images: boxes `[N, 5]` of each.
    """
    targets = [
        np.zeros((len(images), *grid, problem.channels(scale)), np.float32)
        for scale, grid in enumerate(grids)
    ]
    for number, boxes in enumerate(images):
        for (scale, row, column), one in owners(assigned(problem, grids, boxes)).items():
            x1, y1, x2, y2 = one.corners
            stride = problem.stride(grids[scale])
            anchor = problem.anchors[scale][one.anchor]
            cell = targets[scale][number, row, column]
            cell[XY] = (x1 + x2) / 2 / stride[0] - column, (y1 + y2) / 2 / stride[1] - row
            cell[WH] = math.log((x2 - x1) / anchor[0]), math.log((y2 - y1) / anchor[1])
            cell[OBJECTNESS] = 1
            cell[FIRST_ANCHOR + one.anchor] = 1
            for label in one.classes:
                cell[problem.class_channels(scale).start + label] = 1
    return tuple(targets)
