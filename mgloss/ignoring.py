"""The ignore region: background cells one of whose predicted boxes overlaps an object enough.

IoU with an object of width w is at most 1 / (1 + 2 d / w) where the centres are d apart on that
axis: whatever the size predicted, no centre further than w (1 / thresh - 1) / 2 exceeds thresh.
Only cells whose predicted centre may be within that are compared, and an object that nine cells
hold is compared once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from mgloss.boxes import Pairs, half_sizes, phi
from mgspec.layout import WH, XY

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

    def place(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Image, row and column of cells by their position among all B * H * W."""
        within = index % self.cells
        return index // self.cells, within // self.width, within % self.width


@dataclass(frozen=True)
class Objects:
    """Positive cells, and the box that each one's target holds.

    index: `[P]`, positions among all cells. centre: `[P, 2]`, x and y in cells from the cell's
    corner. logs: `[P, 2]`. anchors: `[P, 2]`, the target's, in pixels.
    """

    index: tf.Tensor
    centre: tf.Tensor
    logs: tf.Tensor
    anchors: tf.Tensor

    def take(self, which: tf.Tensor) -> Objects:
        """The objects at these positions of the list, or where a mask is true."""
        if which.dtype == tf.bool:
            which = tf.where(which)[:, 0]
        return Objects(
            tf.gather(self.index, which),
            tf.gather(self.centre, which),
            tf.gather(self.logs, which),
            tf.gather(self.anchors, which),
        )


def ignored(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Whether a cell's predicted box exceeds `thresh` with an object of its image: `[B * H * W]`.

    boxes: `[B * H * W, 4]`, predicted x, y, w, h of every cell. No gradient passes.
    """
    boxes = tf.stop_gradient(boxes)
    # XLA needs shapes that are known when it compiles, and a list of pairs has none.
    if GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return _one_object_at_a_time(boxes, objects, grid, thresh)
    return _near_pairs(boxes, distinct(objects, grid), grid, thresh)


def exceeds(
    boxes: tf.Tensor, apart: tf.Tensor, half_object: tf.Tensor, anchors: tf.Tensor, thresh: Any
) -> tf.Tensor:
    """Whether a box of any anchor exceeds `thresh`: `[...]`.

    boxes: `[..., 4]`. apart, half_object: `[..., 2]` in pixels. anchors: `[A, 2]` in pixels.
    """
    half = half_sizes(boxes[..., tf.newaxis, WH], anchors)
    pairs = Pairs(apart[..., tf.newaxis, :], half, half_object[..., tf.newaxis, :])
    return tf.reduce_any(tf.minimum(pairs.iou, 1) > thresh, -1)


def distinct(objects: Objects, grid: Grid) -> Objects:
    """The objects without those that another cell holds as well, with the centre in it.

    A cell's object is left out where the cell that the centre lies in holds the very same one, and
    keeps it: on a border, rounding may tell each of two cells that the centre lies in the other.
    """
    image, row, column = grid.place(objects.index)
    steps = tf.cast(tf.floor(tf.clip_by_value(objects.centre, -4, 4)), tf.int32)
    home_column, home_row = column + steps[:, 0], row + steps[:, 1]
    inside = (
        (home_column >= 0) & (home_column < grid.width) & (home_row >= 0) & (home_row < grid.height)
    )
    home = image * grid.cells + home_row * grid.width + home_column
    known = tf.searchsorted(objects.index, home)  # indices ascend
    other = objects.take(tf.minimum(known, tf.maximum(tf.size(objects.index) - 1, 0)))
    offset = objects.centre - tf.cast(steps, objects.centre.dtype) - other.centre
    same = (
        inside
        & (other.index == home)
        & tf.reduce_all(tf.abs(offset) <= SAME, -1)
        & tf.reduce_all(objects.logs == other.logs, -1)
        & tf.reduce_all(objects.anchors == other.anchors, -1)
    )
    at_home = tf.reduce_all(steps == 0, -1)
    kept_there = tf.reduce_all(tf.floor(other.centre) == 0, -1)
    return objects.take(at_home | ~(same & kept_there))


def _near_pairs(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Every object with the cells around it whose predicted centre may be near enough."""
    image, row, column = grid.place(objects.index)
    half = half_sizes(objects.logs, objects.anchors)
    reach = half * (1 / tf.cast(thresh, half.dtype) - 1) / grid.stride + SLACK
    middle = objects.centre + tf.cast(tf.stack([column, row], -1), half.dtype)
    most = tf.cast(tf.stack([grid.width, grid.height]), half.dtype) - 1
    # A centre is predicted from 1 cell before to 2 cells after a cell's corner.
    first = tf.cast(tf.clip_by_value(tf.math.ceil(middle - reach - 2), 0, most + 1), tf.int32)
    last = tf.cast(tf.clip_by_value(tf.floor(middle + reach + 1), -1, most), tf.int32)
    columns, rows = tf.unstack(tf.maximum(last - first + 1, 0), axis=-1)

    ends = tf.cumsum(rows * columns)
    total = tf.reduce_sum(rows * columns)
    number = tf.range(total)
    which = tf.searchsorted(ends, number, side="right")
    within = number - tf.gather(ends - rows * columns, which)
    step_row = within // tf.gather(columns, which)
    step_column = within - step_row * tf.gather(columns, which)
    cell_row = tf.gather(first[:, 1], which) + step_row
    cell_column = tf.gather(first[:, 0], which) + step_column
    cell = tf.gather(image, which) * grid.cells + cell_row * grid.width + cell_column

    near = tf.gather(boxes, cell)
    cells_apart = tf.stack(
        [cell_column - tf.gather(column, which), cell_row - tf.gather(row, which)], -1
    )
    centre = phi(near[:, XY]) - tf.gather(objects.centre, which)
    apart = (tf.cast(cells_apart, centre.dtype) + centre) * grid.stride
    hit = exceeds(near, apart, tf.gather(half, which), grid.anchors, thresh)
    hits = tf.gather(cell, tf.where(hit)[:, 0])
    return tf.scatter_nd(hits[:, tf.newaxis], tf.ones_like(hits), [grid.images * grid.cells]) > 0


def _one_object_at_a_time(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Every cell with the k-th object of its image, for k = 0, 1, ... : shapes stay the same."""
    images, cells = grid.images, grid.cells
    boxes = tf.reshape(boxes, [images, cells, 4])
    _, row, column = grid.place(tf.range(cells))
    image = objects.index // cells
    counts = tf.math.unsorted_segment_sum(tf.ones_like(image), image, images)
    starts = tf.cumsum(counts, exclusive=True)
    half_objects = half_sizes(objects.logs, objects.anchors)
    _, object_row, object_column = grid.place(objects.index)
    last = tf.maximum(tf.size(objects.index) - 1, 0)

    def step(k: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        which = tf.minimum(starts + k, last)  # [B]
        columns_apart = column[tf.newaxis] - tf.gather(object_column, which)[:, tf.newaxis]
        rows_apart = row[tf.newaxis] - tf.gather(object_row, which)[:, tf.newaxis]
        cells_apart = tf.cast(tf.stack([columns_apart, rows_apart], -1), boxes.dtype)
        centre = phi(boxes[..., XY]) - tf.gather(objects.centre, which)[:, tf.newaxis]
        half = tf.gather(half_objects, which)[:, tf.newaxis]
        apart = (cells_apart + centre) * grid.stride
        hit = exceeds(boxes, apart, half, grid.anchors, thresh)
        return k + 1, found | (hit & (k < counts)[:, tf.newaxis])

    nothing = tf.zeros(tf.stack([images, cells]), tf.bool)
    _, found = tf.while_loop(
        lambda k, found: k < tf.reduce_max(counts), step, [tf.constant(0), nothing]
    )
    return tf.reshape(found, [-1])
