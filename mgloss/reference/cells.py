"""Lists of cells, and of images: what is read of them, and how its gradient is written.

Most of a prediction is class channels of cells without an object, which no term reads. So the few
channels that are read everywhere are taken once, the positive cells are taken whole, and the
gradient of both is written into one array, once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_TINY = 2.0**-40  # keeps the sum of any finite float32 numbers finite


def look(cells: tf.Tensor, places: tf.Tensor, width: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """The first `width` channels of all cells `[N, width]`, and the cells at `places` `[P, D]`.

    cells: `[N, D]`. places: `[P]`, each at most once.
    """

    @tf.custom_gradient
    def taken(cells: tf.Tensor) -> Any:
        def gradient(of_head: tf.Tensor, of_rows: tf.Tensor) -> tf.Tensor:
            rest = tf.shape(cells)[1] - width
            written = tf.pad(of_head, [[0, 0], [0, rest]])
            return tf.tensor_scatter_nd_add(written, places[:, tf.newaxis], of_rows)

        return (cells[:, :width], tf.gather(cells, places)), gradient

    head, rows = taken(cells)
    return head, rows


def grouped_sums(values: tf.Tensor, group: tf.Tensor, groups: Any) -> tf.Tensor:
    """`[N]` summed over each group, such as the cells of an image: `[groups]`.

    group: `[N]`, the position of each value's group.
    """

    @tf.custom_gradient
    def total(values: tf.Tensor) -> Any:
        # TensorFlow's own gradient also looks for groups with a negative position.
        summed = tf.math.unsorted_segment_sum(values, group, groups)
        return summed, lambda upstream: tf.gather(upstream, group)

    return total(values)


def weighted(weight: Any, value: tf.Tensor) -> tf.Tensor:
    """weight * value, of the value's shape; no gradient passes to the weight.

    TensorFlow's own gradient would ask, as a trace runs, which of the two was broadcast.
    """

    @tf.custom_gradient
    def of(value: tf.Tensor) -> Any:
        return weight * value, lambda upstream: weight * upstream

    product: tf.Tensor = of(value)
    return product


def not_finite(*groups: Sequence[tf.Tensor], batches: Any = 1) -> tf.Tensor:
    """0 for each batch all of whose numbers are finite in all arrays, else NaN: `[batches]`.

    A NaN in a channel that no term reads is still a broken array. One product reads an array.

    groups: `[N, D]` arrays of one dtype, those of a group of one D; rows of one batch after as many
        of another. batches: how many there are.
    """

    def sums(arrays: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        first, *_ = arrays
        tiny = tf.fill([tf.shape(first)[1], 1], tf.cast(_TINY, first.dtype))
        return [tf.reshape(tf.matmul(array, tiny), [batches, -1]) for array in arrays]

    every = tf.concat([part for arrays in groups for part in sums(arrays)], 1)
    summed = tf.reduce_sum(tf.stop_gradient(every), 1)
    return tf.where(tf.math.is_finite(summed), tf.zeros_like(summed), math.nan)
