"""Keras losses as users write them."""

import keras
from keras import ops


class ByBatch(keras.losses.Loss):
    """Of one scale: Keras averages over the images."""

    def call(self, y_true, y_pred):
        mask = ops.cast(y_true[..., 4] > 0.5, "float32")
        squares = ops.sum((y_true[..., 2:4] - y_pred[..., 2:4]) ** 2, -1)
        return ops.sum(mask * squares, (1, 2))


class Unreduced(ByBatch):
    def __init__(self):
        super().__init__(reduction="none")


class Needs(ByBatch):
    def __init__(self, anchors, classes):
        super().__init__()


ready = ByBatch()
