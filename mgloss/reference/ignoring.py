"""The ignore region: background cells one of whose predicted boxes overlaps an object enough.

IoU with an object of width w is at most 1 / (1 + 2 d / w) where the centres are d apart on that
axis: whatever the size predicted, no centre further than w (1 / thresh - 1) / 2 exceeds thresh.
Only cells whose predicted centre may be within that are compared, and an object that nine cells
hold is compared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from mgloss.reference.boxes import Pairs, half_sizes, phi
from mgspec.problem.layout import WH, XY

SAME = 1e-6  # cells; nine cells hold one object's centre with this much rounding
SLACK = 0.01  # cells; widens the window by more than rounding can move a centre


@dataclass(frozen=True)
class Grid:
    """B images of H x W cells, and the geometry of a scale.

    anchors: `[A, 2]` in pixels. stride: `[2]`, width and height of a cell in pixels.
    """

    images: Any
    height: Any
    width: Any
    anchors: tf.Tensor
    stride: tf.Tensor

    @property
    def cells(self) -> Any:
        """H * W."""
        return self.height * self.width

    def place(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Column and row of cells by their position among all B * H * W."""
        line = index // self.width
        return index - line * self.width, line % self.height


@dataclass(frozen=True)
class Objects:
    """Positive cells of one scale, and the box that each one's target holds.

    index: `[P]`, positions among all B * H * W cells. boxes: `[P, 8]`, x and y in cells from the
    cell's corner, logarithms of width and height; in pixels, the target's anchor and a cell.
    """

    index: tf.Tensor
    boxes: tf.Tensor


@dataclass(frozen=True)
class Placed:
    """Objects of all scales as one list, each with where it is held.

    cells: `[P, 6]`, of the cell that holds it: position among those of all scales, column, row; of
    its grid: columns, rows, number of the scale. Positions ascend. boxes: `[P, 8]`, as of Objects.
    """

    cells: tf.Tensor
    boxes: tf.Tensor

    @staticmethod
    def of(objects: Sequence[Objects], grids: Sequence[Grid]) -> Placed:
        """The objects of each scale, held by its grid."""
        cells, before = [], 0
        for scale, (found, grid) in enumerate(zip(objects, grids, strict=True)):
            zero = tf.zeros_like(found.index)
            of_grid = [zero + number for number in (grid.width, grid.height, scale)]
            where = [before + found.index, *grid.place(found.index), *of_grid]
            cells.append(tf.stack(where, -1))
            before += grid.images * grid.cells
        return Placed(tf.concat(cells, 0), tf.concat([found.boxes for found in objects], 0))

    @property
    def index(self) -> tf.Tensor:
        """Positions among the cells of all scales, `[P]`."""
        return self.cells[:, 0]

    @property
    def place(self) -> tf.Tensor:
        """Column and row, `[P, 2]`."""
        return self.cells[:, 1:3]

    @property
    def grid(self) -> tf.Tensor:
        """Columns and rows of the grid, `[P, 2]`."""
        return self.cells[:, 3:5]

    def steps(self, places: tf.Tensor) -> tf.Tensor:
        """How many positions so many columns and rows are, `[P, 2]` to `[P]`."""
        return places[:, 0] + places[:, 1] * self.cells[:, 3]

    def take(self, which: tf.Tensor) -> Placed:
        """The objects at these positions of the list."""
        return Placed(tf.gather(self.cells, which), tf.gather(self.boxes, which))


def ignored(
    boxes: Sequence[tf.Tensor], objects: Sequence[Objects], grids: Sequence[Grid], thresh: Any
) -> list[tf.Tensor]:
    """Whether a cell's predicted box exceeds `thresh` with an object of its image and scale.

    boxes: of each scale `[B * H * W, 4]`, predicted x, y, w, h of every cell. No gradient passes.
    Returns `[B * H * W]` of each scale.
    """
    boxes = [tf.stop_gradient(of_scale) for of_scale in boxes]
    # XLA needs shapes that are known when it compiles, and a list of pairs has none.
    if GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return [
            _one_object_at_a_time(*of_scale, thresh)
            for of_scale in zip(boxes, objects, grids, strict=True)
        ]
    found = _near_pairs(
        tf.concat(boxes, 0),
        distinct(Placed.of(objects, grids)),
        _of_one_length([grid.anchors for grid in grids]),
        thresh,
    )
    return tf.split(found, _sizes(grids))  # type: ignore[no-any-return]


def _sizes(grids: Sequence[Grid]) -> tf.Tensor:
    """Cells of all images of each scale, `[S]`."""
    return tf.stack([grid.images * grid.cells for grid in grids])


def _of_one_length(anchors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Anchors of each scale `[S, A, 2]`; of fewer, the rest have no area, and overlap nothing."""
    counts = [tf.shape(of_scale)[0] for of_scale in anchors]
    most = reduce(tf.maximum, counts)
    padded = [
        tf.pad(of_scale, [[0, most - count], [0, 0]])
        for of_scale, count in zip(anchors, counts, strict=True)
    ]
    return tf.stack(padded)


def exceeds(
    boxes: tf.Tensor, apart: tf.Tensor, half_object: tf.Tensor, anchors: tf.Tensor, thresh: Any
) -> tf.Tensor:
    """Whether a box of any anchor exceeds `thresh`: `[...]`.

    boxes: `[..., 4]`. apart, half_object: `[..., 2]` in pixels. anchors: `[..., A, 2]` in pixels.
    """
    half = half_sizes(boxes[..., tf.newaxis, WH], anchors)
    pairs = Pairs(apart[..., tf.newaxis, :], half, half_object[..., tf.newaxis, :])
    return tf.reduce_any(tf.minimum(pairs.iou, 1) > thresh, -1)


def distinct(held: Placed) -> Placed:
    """The objects without those that another cell holds as well, with the centre in it.

    A cell's object is left out where the cell that the centre lies in holds the very same one, and
    keeps it: on a border, rounding may tell each of two cells that the centre lies in the other.
    """
    centre = held.boxes[:, XY]
    away = tf.cast(tf.floor(tf.clip_by_value(centre, -4, 4)), tf.int32)
    home = held.place + away
    index = held.index + held.steps(away)
    other = held.take(tf.maximum(_up_to(held.index, index) - 1, 0))
    there = other.boxes[:, XY]
    as_there = (
        (home >= 0)
        & (home < held.grid)
        & (tf.floor(there) == 0)
        & (tf.abs(centre - tf.cast(away, centre.dtype) - there) <= SAME)
    )
    left_out = (
        (index != held.index)
        & (index == other.index)
        & tf.reduce_all(as_there, -1)
        & tf.reduce_all(held.boxes[:, 2:] == other.boxes[:, 2:], -1)
    )
    return held.take(tf.where(~left_out)[:, 0])


def _up_to(ascending: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Of each number, how many of the ascending ones are not above it: `[Q]`."""
    # tf.searchsorted is this, and as many operations again that reshape.
    found = tf.raw_ops.UpperBound(sorted_inputs=ascending[tf.newaxis], values=numbers[tf.newaxis])
    return found[0]


def _near_pairs(boxes: tf.Tensor, held: Placed, anchors: tf.Tensor, thresh: Any) -> tf.Tensor:
    """Every object with the cells around it whose predicted centre may be near enough.

    boxes: `[N, 4]`, of the cells of all scales. anchors: `[S, A, 2]` in pixels. Returns `[N]`.
    """
    centre, logs, own, stride = tf.split(held.boxes, 4, -1)
    half = half_sizes(logs, own)
    middle = centre + tf.cast(held.place, half.dtype)
    # A centre is predicted from 1 cell before to 2 cells after a cell's corner.
    reach = half * (1 / tf.cast(thresh, half.dtype) - 1) / stride + (2 + SLACK)
    first = tf.maximum(tf.math.ceil(middle - reach), 0)
    after = tf.minimum(tf.floor(middle + reach), tf.cast(held.grid, half.dtype))
    spans = tf.maximum(tf.cast(after - first, tf.int32), 0)
    counts = tf.reduce_prod(spans, -1)

    # Of each pair its object's numbers, and which of the object's cells it is.
    ends = tf.cumsum(counts)
    pair = tf.range(tf.reduce_sum(counts))
    which = _up_to(ends, pair)
    start = tf.cast(first, tf.int32) - held.place
    whole = [ends - counts, spans[:, 0], held.index + held.steps(start)]
    whole = tf.gather(tf.concat([tf.stack(whole, -1), start, held.cells[:, 3:]], -1), which)
    begin, columns, corner, left, top, width, _, scale = tf.unstack(whole, num=8, axis=-1)
    down = (pair - begin) // columns
    across = pair - begin - down * columns
    cell = corner + across + down * width

    near = tf.gather(boxes, cell)
    cells_apart = tf.stack([left + across, top + down], -1)
    centre, half, stride = tf.split(tf.gather(tf.concat([centre, half, stride], -1), which), 3, -1)
    apart = (tf.cast(cells_apart, near.dtype) + (phi(near[:, XY]) - centre)) * stride
    hit = exceeds(near, apart, half, tf.gather(anchors, scale), thresh)
    hits = tf.scatter_nd(cell[:, tf.newaxis], tf.cast(hit, tf.int32), tf.shape(boxes)[:1])
    return hits > 0


def _one_object_at_a_time(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Every cell with the k-th object of its image, for k = 0, 1, ... : shapes stay the same."""
    images, cells = grid.images, grid.cells
    boxes = tf.reshape(boxes, [images, cells, 4])
    places = tf.stack(grid.place(tf.range(cells)), -1)
    image = objects.index // cells
    counts = tf.math.unsorted_segment_sum(tf.ones_like(image), image, images)
    starts = tf.cumsum(counts, exclusive=True)
    centre_of, logs, own, _ = tf.split(objects.boxes, 4, -1)
    half_of, place_of = half_sizes(logs, own), tf.stack(grid.place(objects.index), -1)
    last = tf.maximum(tf.size(objects.index) - 1, 0)

    def step(k: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        which = tf.minimum(starts + k, last)  # [B]
        cells_apart = places - tf.gather(place_of, which)[:, tf.newaxis]
        centre = phi(boxes[..., XY]) - tf.gather(centre_of, which)[:, tf.newaxis]
        half = tf.gather(half_of, which)[:, tf.newaxis]
        apart = (tf.cast(cells_apart, boxes.dtype) + centre) * grid.stride
        hit = exceeds(boxes, apart, half, grid.anchors, thresh)
        return k + 1, found | (hit & (k < counts)[:, tf.newaxis])

    nothing = tf.zeros(tf.stack([images, cells]), tf.bool)
    _, found = tf.while_loop(
        lambda k, found: k < tf.reduce_max(counts), step, [tf.constant(0), nothing]
    )
    return tf.reshape(found, [-1])
