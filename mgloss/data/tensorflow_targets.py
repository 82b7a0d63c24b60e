"""Turn boxes into targets in TensorFlow, for `tf.data`, as `mgloss.data.targets` does in NumPy.

    dataset.padded_batch(16).map(
        lambda images, boxes: (images, encode(boxes, anchors, 80, (608, 608), grids)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

`mgspec.loss.targets` has the rules. Memory grows with the square of the number of objects in a
batch, because objects are compared in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from mgloss.data.targets import AROUND, NOBODY, Anchors, Size, make_problem
from mgspec.loss.boxes import LARGEST_LOG_SIZE
from mgspec.loss.targets import FARTHEST
from mgspec.problem.layout import Problem

__all__ = ["encode"]


def encode(
    boxes: tf.Tensor | tf.RaggedTensor,
    anchors: Anchors,
    num_classes: int,
    input_shape: Size,
    grids: Sequence[Size],
) -> tuple[tf.Tensor, ...]:
    """Return the targets of a batch: one float32 `[B, H, W, 5 + A + C]` tensor for each scale.

    boxes: (x1, y1, x2, y2, class) in pixels of the input, `[B, N, 5]`, dense or ragged along N.
        Rows of zeros, as `padded_batch` adds them, are not objects.

    The other arguments are Python values, as of `mgloss.data.targets.encode`. Raise ValueError if
    they do not make a problem, and for boxes of another rank or width.
    """
    problem = make_problem(anchors, num_classes, input_shape, grids)
    image, corners, label, size = _rows(boxes)
    image, corners, classes = _objects(image, corners, label, num_classes)
    every = tf.constant([a for scale in problem.anchors for a in scale], tf.float64)
    scales = tf.constant([s for s, own in enumerate(problem.anchors) for _ in own], tf.int64)
    numbers = tf.constant([n for own in problem.anchors for n in range(len(own))], tf.int64)
    sides = corners[:, 2:] - corners[:, :2]
    shared = tf.reduce_prod(tf.minimum(sides[:, None], every), -1)
    areas = tf.maximum(tf.reduce_prod(sides, -1)[:, None], tf.reduce_prod(every, -1))
    best = tf.argmax(shared / areas, -1)
    logs = tf.math.log(sides / tf.gather(every, best))
    small = tf.reduce_all(tf.abs(logs) <= LARGEST_LOG_SIZE, -1)
    image, corners, classes, best, logs = (
        tf.boolean_mask(a, small) for a in (image, corners, classes, best, logs)
    )
    order = _order(corners)
    image, corners, classes, best, logs = (
        tf.gather(a, order) for a in (image, corners, classes, best, logs)
    )
    scale, number = tf.gather(scales, best), tf.gather(numbers, best)

    centre, place, distance = _cells(problem, grids, image, corners, scale)
    first = [0]
    for rows, columns in grids:
        first.append(first[-1] + rows * columns)
    owner = _owners(place, distance, size * first[-1])
    owner = tf.reshape(owner, [size, first[-1]])
    return tuple(
        _target(
            problem,
            s,
            grids[s],
            owner[:, first[s] : first[s + 1]],
            (centre, logs, number, classes),
        )
        for s in range(problem.scales)
    )


def _rows(boxes: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the image, corners and class of each row, and the number of images."""
    if not isinstance(boxes, tf.RaggedTensor):
        boxes = tf.convert_to_tensor(boxes)
    if boxes.shape.rank != 3 or boxes.shape[-1] not in (5, None):
        raise ValueError(
            "boxes: expected [B, N, 5], x1, y1, x2, y2 and class of each of N boxes in B images, "
            f"got {boxes.shape}"
        )
    if isinstance(boxes, tf.RaggedTensor):
        image, rows, size = boxes.value_rowids(), boxes.flat_values, boxes.nrows()
        image, size = tf.cast(image, tf.int64), tf.cast(size, tf.int64)
    else:
        shape = tf.shape(boxes, tf.int64)
        size = shape[0]
        image = tf.repeat(tf.range(size), shape[1])
        rows = tf.reshape(boxes, [-1, 5])
    rows = tf.cast(rows, tf.float64)
    return image, rows[:, :4], rows[:, 4], size


def _objects(image: Any, corners: Any, label: Any, num_classes: int) -> tuple[Any, Any, Any]:
    """Return the image, corners and classes of every object. Merge boxes with the same corners."""
    known = tf.range(num_classes, dtype=tf.float64)
    usable = tf.reduce_all(tf.abs(corners) <= FARTHEST, -1)
    usable &= (corners[:, 0] < corners[:, 2]) & (corners[:, 1] < corners[:, 3])
    usable &= tf.reduce_any(label[:, None] == known, -1)
    image, corners, label = (tf.boolean_mask(a, usable) for a in (image, corners, label))
    same = tf.reduce_all(corners[:, None] == corners, -1) & (image[:, None] == image)
    numbers = tf.range(tf.size(image))
    is_first = ~tf.reduce_any(same & (numbers < numbers[:, None]), -1)
    hot = tf.cast(label[:, None] == known, tf.float32)
    classes = tf.minimum(tf.matmul(tf.cast(same, tf.float32), hot), 1)
    image, corners, classes = (tf.boolean_mask(a, is_first) for a in (image, corners, classes))
    return image, corners, classes


def _order(corners: Any) -> tf.Tensor:
    """Return the numbers of the objects in the order of assignment: by area, then by corners."""
    area = tf.reduce_prod(corners[:, 2:] - corners[:, :2], -1)
    order = tf.range(tf.shape(area)[0])
    for key in (corners[:, 3], corners[:, 2], corners[:, 1], corners[:, 0], area):
        order = tf.gather(order, tf.argsort(tf.gather(key, order), stable=True))
    return order


def _cells(
    problem: Problem, grids: Sequence[Size], image: Any, corners: Any, scale: Any
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return each object's centre in cells, and the place and squared distance of its 3 x 3 cells.

    A place is a number that is unique to a cell of the batch; NOBODY for a cell that the object
    cannot have.
    """
    grid_sizes = tf.gather(tf.constant(grids, tf.int64), scale)
    strides = tf.constant([problem.stride(grid) for grid in grids], tf.float64)
    centre = (corners[:, :2] + corners[:, 2:]) / 2 / tf.gather(strides, scale)
    largest = max(max(grid) for grid in grids)
    far = tf.reduce_max(tf.abs(centre), -1) > 2 * largest + 2  # it has no cell in any grid
    home = tf.cast(tf.floor(tf.where(far[:, None], tf.cast(-9, tf.float64), centre)), tf.int64)
    cells = home[:, None, ::-1] + tf.constant(AROUND, tf.int64)
    offsets = centre[:, None] - tf.cast(cells[..., ::-1], tf.float64)
    stored = tf.cast(offsets, tf.float32)
    inside = (cells >= 0) & (cells < grid_sizes[:, None]) & (stored > -1) & (stored < 2)
    is_own = tf.reduce_all(inside, -1)
    distance = tf.reduce_sum(tf.square(offsets - 0.5), -1)
    sizes = [rows * columns for rows, columns in grids]
    first = tf.gather(tf.cumsum(tf.constant(sizes, tf.int64), exclusive=True), scale)
    place = first[:, None] + cells[..., 0] * grid_sizes[:, 1:] + cells[..., 1]
    place += image[:, None] * sum(sizes)
    infinite = tf.constant(float("inf"), tf.float64)
    return centre, tf.where(is_own, place, NOBODY), tf.where(is_own, distance, infinite)


def _owners(place: Any, distance: Any, places: Any) -> tf.Tensor:
    """Return the number of the object that gets each place, or NOBODY.

    The objects are in the order of assignment.
    """
    numbers = tf.range(tf.shape(place, tf.int64)[0])
    nobody = tf.cast(NOBODY, tf.int64)
    # NOBODY's cells get one more place, which is never free.
    own = tf.where(place == nobody, places, place)
    nearest = tf.gather(own, tf.argsort(distance, axis=1, stable=True), batch_dims=1)
    none = tf.concat([tf.fill([places], nobody), [0]], 0)

    def step(owner: Any, without: Any) -> tuple[Any, Any]:
        free = tf.gather(owner, tf.gather(nearest, without)) == nobody
        can = tf.reduce_any(free, 1)
        without, free = tf.boolean_mask(without, can), tf.boolean_mask(free, can)
        choice = tf.argmax(free, 1)
        wanted = tf.gather(tf.gather(nearest, without), choice, batch_dims=1)
        first = tf.math.unsorted_segment_min(without, wanted, places + 1)
        won = tf.gather(first, wanted) == without
        winners = tf.boolean_mask(without, won)
        cells = tf.boolean_mask(wanted, won)
        owner = tf.tensor_scatter_nd_update(owner, cells[:, None], winners)
        return owner, tf.boolean_mask(without, ~won)

    owner, _ = tf.while_loop(
        lambda owner, without: tf.size(without) > 0,
        step,
        (none, numbers),
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None])),
    )
    # Each cell left goes to the nearest object: to the first pair in the order of distances.
    by_distance = tf.argsort(tf.reshape(distance, [-1]), stable=True)
    cells = tf.gather(tf.reshape(own, [-1]), by_distance)
    turns = tf.range(tf.size(cells, tf.int64))
    turn = tf.math.unsorted_segment_min(turns, cells, places + 1)
    is_wanted = turn < tf.size(cells, tf.int64)
    # Without objects no cell is wanted, and there is no pair to take.
    pair = tf.gather(
        tf.concat([by_distance, [0]], 0), tf.where(is_wanted, turn, tf.size(turns, tf.int64))
    )
    claimant = tf.cast(pair, tf.int64) // len(AROUND)
    return tf.where((owner == nobody) & is_wanted, claimant, owner)[:-1]


def _target(
    problem: Problem, scale: int, grid: Size, owner: Any, objects: tuple[Any, ...]
) -> tf.Tensor:
    """Return the target of a scale. owner: number of each cell's object, `[B, H * W]`."""
    centre, logs, number, classes = objects
    taken = tf.where(owner != NOBODY)
    one = tf.gather_nd(owner, taken)
    cell = taken[:, 1]
    row, column = cell // grid[1], cell % grid[1]
    corner = tf.cast(tf.stack([column, row], -1), tf.float64)
    anchors = len(problem.anchors[scale])
    rows = tf.concat(
        [
            tf.cast(tf.gather(centre, one) - corner, tf.float32),
            tf.cast(tf.gather(logs, one), tf.float32),
            tf.ones([tf.size(one), 1]),
            tf.one_hot(tf.gather(number, one), anchors),
            tf.gather(classes, one),
        ],
        -1,
    )
    size = tf.shape(owner, tf.int64)[0]
    flat = tf.scatter_nd(taken, rows, [size, grid[0] * grid[1], problem.channels(scale)])
    return tf.reshape(flat, [size, *grid, problem.channels(scale)])
