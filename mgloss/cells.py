"""One scale of a batch as a list of cells: what is read of it, and how its gradient is written.

Most of a prediction is class channels of cells without an object, which no term reads. So the few
channels that are read everywhere are taken once, the positive cells are taken whole, and the
gradient of both is written into one array, once.
"""

from __future__ import annotations

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


def summed(array: tf.Tensor) -> tf.Tensor:
    """Summed over the last axis, as a product with ones: its slope takes few operations."""
    return tf.linalg.matvec(array, tf.ones([tf.shape(array)[-1]], array.dtype))


def not_finite(*arrays: tf.Tensor) -> tf.Tensor:
    """0 where all numbers of an image are finite, else NaN: `[B]`.

    A NaN in a channel that no term reads is still a broken array. One product reads all.

    arrays: `[B, H, W, D]` each, of one shape.
    """
    images, channels = tf.shape(arrays[0])[0], tf.shape(arrays[0])[3]
    tiny = tf.fill([channels], tf.cast(_TINY, arrays[0].dtype))
    of_cells = [tf.linalg.matvec(tf.reshape(a, [-1, channels]), tiny) for a in arrays]
    of_images = summed(tf.reshape(tf.stop_gradient(tf.add_n(of_cells)), [images, -1]))
    nothing = tf.zeros_like(of_images)
    return tf.where(tf.math.is_finite(of_images), nothing, nothing / nothing)
