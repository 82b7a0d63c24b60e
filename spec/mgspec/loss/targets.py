"""Encode boxes as targets: choose the anchor and the cells of each object. Plain loops, float64.

A box is (x1, y1, x2, y2, class) in pixels of the input image; x2 and y2 are exclusive.

1. A box is an object if x1 < x2 and y1 < y2, its corners are within 1e9 pixels of the origin, its
   sides are within a factor of e^16 of its anchor's, and its class is one of the C. Other boxes are
   dropped. An object need not lie in the image.
2. Boxes with the same corners are one object, with all their classes.
3. An object's anchor is the one of the largest IoL: intersection over the larger area of the two
   boxes, placed on one centre. The first of equals wins. The anchor determines the scale.
4. An object's cells are those of the 3x3 around the cell of its centre that lie in the grid and
   from which x and y of the centre are in (-1, 2), ends excluded, in float32. A network cannot
   predict more.
5. Objects of one scale that share cells are ordered: the smaller area first, then the smaller x1,
   y1, x2, y2. In each round, every object without a cell asks for the nearest of its free cells
   (distance from its centre to the middle of the cell, in cells; of equals the upper, then the left
   one). The first object that asks for a cell gets it. When no object without a cell can ask, each
   free cell goes to the nearest of the objects that have it among their cells, of equals to the
   first.

So the order of the boxes does not matter, and no object vanishes while one of its cells is free.
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
Cell = tuple[int, int, int]  # scale, row, column


@dataclass(frozen=True)
class AnchoredObject:
    """An object with its anchor, and with its cells before it shares them with other objects.

    cells: for each (row, column) the squared distance of its middle from the centre, in cells.
    """

    corners: Corners
    classes: frozenset[int]
    scale: int
    anchor: int
    cells: dict[tuple[int, int], float]

    @property
    def order(self) -> tuple[float, ...]:
        """The key that sorts objects by rule 5."""
        x1, y1, x2, y2 = self.corners
        return ((x2 - x1) * (y2 - y1), *self.corners)


def iol(size: tuple[float, float], anchor: tuple[float, float]) -> float:
    """Return the intersection over the larger area of two boxes (width, height) on one centre."""
    shared = min(size[0], anchor[0]) * min(size[1], anchor[1])
    return shared / max(size[0] * size[1], anchor[0] * anchor[1])


def find_objects(
    problem: Problem, grids: Sequence[Grid], boxes: Sequence[Sequence[float]]
) -> list[AnchoredObject]:
    """Return the objects of an image's boxes, `[N, 5]`, by rules 1 to 4."""
    classes: dict[Corners, set[int]] = {}
    for x1, y1, x2, y2, label in boxes:
        corners = (float(x1), float(y1), float(x2), float(y2))
        usable = all(abs(c) <= FARTHEST for c in corners) and x1 < x2 and y1 < y2
        if usable and label in range(problem.num_classes):
            classes.setdefault(corners, set()).add(int(label))
    objects = (
        _assign_anchor(problem, grids, corners, frozenset(labels))
        for corners, labels in classes.items()
    )
    return [item for item in objects if item is not None]


def _assign_anchor(
    problem: Problem, grids: Sequence[Grid], corners: Corners, labels: frozenset[int]
) -> AnchoredObject | None:
    """Return the object with its anchor and cells; None if it is too large or small for it."""
    x1, y1, x2, y2 = corners
    size = (x2 - x1, y2 - y1)
    choices = [(s, a) for s, anchors in enumerate(problem.anchors) for a in range(len(anchors))]
    scale, anchor = max(choices, key=lambda p: iol(size, problem.anchors[p[0]][p[1]]))
    ratios = (a / b for a, b in zip(size, problem.anchors[scale][anchor], strict=True))
    if any(abs(math.log(ratio)) > LARGEST_LOG_SIZE for ratio in ratios):
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
    return AnchoredObject(corners, labels, scale, anchor, cells)


def assign_cells(objects: Sequence[AnchoredObject]) -> dict[Cell, AnchoredObject]:
    """Return the object that has each cell, by rule 5."""
    ordered = sorted(objects, key=lambda o: o.order)
    owners: dict[Cell, AnchoredObject] = {}
    without_cell = ordered
    while without_cell:
        requests: dict[Cell, AnchoredObject] = {}
        refused = []
        for claimant in without_cell:
            free = [place for place in claimant.cells if (claimant.scale, *place) not in owners]
            if not free:
                continue
            nearest = (claimant.scale, *min(free, key=lambda place: (claimant.cells[place], place)))
            if nearest in requests:
                refused.append(claimant)
            else:
                requests[nearest] = claimant
        owners.update(requests)
        without_cell = refused
    leftovers: dict[Cell, AnchoredObject] = {}
    for claimant in ordered:
        for place, distance in claimant.cells.items():
            cell = (claimant.scale, *place)
            if cell in owners:
                continue
            if cell not in leftovers or distance < leftovers[cell].cells[place]:
                leftovers[cell] = claimant
    return owners | leftovers


def encode(
    problem: Problem, grids: Sequence[Grid], images: Sequence[Sequence[Sequence[float]]]
) -> tuple[Array, ...]:
    """Return the targets of images: one `[B, H, W, 5 + A + C]` array for each scale.

    grids: (rows, columns) of each scale. images: the boxes of each image, `[N, 5]`.
    """
    targets = [
        np.zeros((len(images), *grid, problem.channels(scale)), np.float32)
        for scale, grid in enumerate(grids)
    ]
    for number, boxes in enumerate(images):
        for (scale, row, column), owner in assign_cells(
            find_objects(problem, grids, boxes)
        ).items():
            x1, y1, x2, y2 = owner.corners
            stride = problem.stride(grids[scale])
            anchor = problem.anchors[scale][owner.anchor]
            cell = targets[scale][number, row, column]
            cell[XY] = (x1 + x2) / 2 / stride[0] - column, (y1 + y2) / 2 / stride[1] - row
            cell[WH] = math.log((x2 - x1) / anchor[0]), math.log((y2 - y1) / anchor[1])
            cell[OBJECTNESS] = 1
            cell[FIRST_ANCHOR + owner.anchor] = 1
            for label in owner.classes:
                cell[problem.class_channels(scale).start + label] = 1
    return tuple(targets)
