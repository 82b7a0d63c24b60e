"""The ignore region: background cells that predict an object of their image well enough.

The IoU with an object of width w is at most 1 / (1 + 2 d / w) where the centres are d apart on that
axis. So no box whose centre is further away than w (1 / thresh - 1) / 2 exceeds thresh, whatever
its size. A training step therefore compares each object with the cells around it only, and an
object that nine cells hold once: all cells with all objects would take longer than the rest of the
loss.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from mgloss.reference.boxes import Pairs, half_sizes, phi
from mgloss.reference.cells import Grid, Objects
from mgspec.problem.layout import WH, XY

SAME = 1e-6  # cells; nine cells hold one object's centre with this much rounding
SLACK = 0.01  # cells; widens the window by more than rounding can move a centre


def ignored(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Return whether a cell's predicted box exceeds `thresh` with an object of its image.

    boxes: `[B, H, W, 4]`, predicted x, y, w, h of every cell. No gradient passes.
    thresh: IoU that a box of some anchor of the scale must exceed.
    Returns `[B, H, W]`.
    """
    boxes = tf.stop_gradient(boxes)
    # XLA needs shapes that are known when it compiles, and a list of pairs has none.
    if GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return _one_object_at_a_time(boxes, objects, grid, thresh)
    return _near_pairs(boxes, distinct(objects, grid), grid, thresh)


def distinct(objects: Objects, grid: Grid) -> Objects:
    """Return the objects without those that the cell of their centre holds as well.

    The cell of the centre keeps the object if its own x and y lie in it. On a border, rounding may
    tell each of two cells that the centre lies in the other; then both keep it.
    """
    centre = objects.boxes[:, XY]
    away = tf.cast(tf.floor(tf.clip_by_value(centre, -4, 4)), tf.int32)  # columns and rows
    home = objects.places + tf.pad(away[:, ::-1], [[0, 0], [1, 0]])
    found = _up_to(_index(objects.places, grid), _index(home, grid)) - 1
    other = objects.take(tf.maximum(found, 0))
    there = other.boxes[:, XY]
    same = (
        tf.reduce_all(other.places == home, -1)
        & tf.reduce_all(other.boxes[:, WH] == objects.boxes[:, WH], -1)
        & tf.reduce_all(other.anchors == objects.anchors, -1)
        & tf.reduce_all(tf.floor(there) == 0, -1)
        & tf.reduce_all(tf.abs(centre - tf.cast(away, centre.dtype) - there) <= SAME, -1)
    )
    is_elsewhere = tf.reduce_any(away != 0, -1)
    return objects.take(tf.where(~(same & is_elsewhere))[:, 0])


def exceeds(
    boxes: tf.Tensor, apart: tf.Tensor, half_object: tf.Tensor, anchors: tf.Tensor, thresh: Any
) -> tf.Tensor:
    """Return whether the box of any anchor exceeds `thresh`, `[...]`.

    boxes: `[..., 4]`, predicted x, y, w, h. apart: `[..., 2]`, predicted minus object's centre in
    pixels. half_object: `[..., 2]`, half width and height in pixels. anchors: `[A, 2]` in pixels.
    """
    half = half_sizes(boxes[..., tf.newaxis, WH], anchors)
    pairs = Pairs(apart[..., tf.newaxis, :], half, half_object[..., tf.newaxis, :])
    return tf.reduce_any(tf.minimum(pairs.iou, 1) > thresh, -1)


def _index(places: tf.Tensor, grid: Grid) -> tf.Tensor:
    """Return positions among all B * H * W cells, `[P, 3]` to `[P]`."""
    image, row, column = tf.unstack(places, num=3, axis=-1)
    return (image * grid.height + row) * grid.width + column


def _up_to(ascending: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Count, for each number, the ascending ones that are not above it: `[Q]`."""
    return tf.searchsorted(ascending, numbers, side="right")


def _near_pairs(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Compare every object with the cells around it whose predicted centre may be near enough."""
    image, row, column = tf.unstack(objects.places, num=3, axis=-1)
    place = tf.stack([column, row], -1)
    centre = objects.boxes[:, XY]
    half = half_sizes(objects.boxes[:, WH], objects.anchors)
    middle = centre + tf.cast(place, half.dtype)
    # A centre is predicted from 1 cell before to 2 cells after a cell's corner.
    reach = half * (1 / tf.cast(thresh, half.dtype) - 1) / grid.stride + (2 + SLACK)
    size = tf.cast(tf.stack([grid.width, grid.height]), half.dtype)
    first = tf.cast(tf.maximum(tf.math.ceil(middle - reach), 0), tf.int32)
    after = tf.cast(tf.minimum(tf.floor(middle + reach), size), tf.int32)
    spans = tf.maximum(after - first, 0)  # columns and rows around each object

    # Number the pairs; find each one's object, and which of the object's cells it is.
    counts = tf.reduce_prod(spans, -1)
    ends = tf.cumsum(counts)
    pair = tf.range(tf.reduce_sum(counts))
    which = _up_to(ends, pair)
    number = pair - tf.gather(ends - counts, which)
    columns = tf.gather(spans[:, 0], which)
    cell = tf.gather(first, which) + tf.stack([number % columns, number // columns], -1)
    where = tf.concat([tf.gather(image, which)[:, tf.newaxis], cell[:, ::-1]], -1)

    near = tf.gather_nd(boxes, where)
    offset = phi(near[:, XY]) - tf.gather(centre, which)
    apart = (tf.cast(cell - tf.gather(place, which), near.dtype) + offset) * grid.stride
    hit = exceeds(near, apart, tf.gather(half, which), grid.anchors, thresh)
    return tf.scatter_nd(where, tf.cast(hit, tf.int32), tf.shape(boxes)[:3]) > 0


def _one_object_at_a_time(boxes: tf.Tensor, objects: Objects, grid: Grid, thresh: Any) -> tf.Tensor:
    """Compare every cell with the k-th object of its image, for k = 0, 1, ..."""
    image, row, column = tf.unstack(objects.places, num=3, axis=-1)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(image), image, grid.images)
    starts = tf.cumsum(counts, exclusive=True)
    last = tf.maximum(tf.size(image) - 1, 0)
    half = half_sizes(objects.boxes[:, WH], objects.anchors)
    place = tf.stack([column, row], -1)
    cells = tf.stack(tf.meshgrid(tf.range(grid.width), tf.range(grid.height)), -1)  # [H, W, 2]
    centre = phi(boxes[..., XY])

    def step(k: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        which = tf.minimum(starts + k, last)[:, tf.newaxis, tf.newaxis]  # [B, 1, 1]
        offset = centre - tf.gather(objects.boxes[:, XY], which)
        cells_apart = tf.cast(cells - tf.gather(place, which), boxes.dtype)
        apart = (cells_apart + offset) * grid.stride
        hit = exceeds(boxes, apart, tf.gather(half, which), grid.anchors, thresh)
        return k + 1, found | (hit & (k < counts)[:, tf.newaxis, tf.newaxis])

    nothing = tf.zeros(tf.shape(boxes)[:3], tf.bool)
    _, found = tf.while_loop(
        lambda k, found: k < tf.reduce_max(counts), step, [tf.constant(0), nothing]
    )
    return found
