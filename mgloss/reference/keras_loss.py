"""The loss of one scale for Keras: `model.compile(loss=[...])`, one for each output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from mgloss.reference.loss import MultiGridLoss
from mgspec.problem.options import Options


@keras.saving.register_keras_serializable(package="mgloss")
class MultiGridScaleLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss of one scale of a MultiGrid detector, as Keras takes it.

        model.compile(loss=[MultiGridScaleLoss(a, 20, (416, 416)) for a in anchors])

    The value is the scale's normalized total; nothing is averaged afterwards, and the sum over all
    outputs is that of `MultiGridLoss`, which a training step of one's own calls with all scales.

    anchors: the scale's anchors' (width, height) in pixels.
    num_classes: number of classes C.
    input_shape: (height, width) of an input image in pixels.
    options, settings: as of `MultiGridLoss`.
    dtype: what Keras converts predictions to; its float type where not given.

    Raises ValueError for options that cannot be, naming the option, its value and what would do.
    """

    def __init__(
        self,
        anchors: Sequence[Sequence[float]],
        num_classes: int,
        input_shape: Sequence[int],
        options: Options | None = None,
        name: str = "multi_grid_scale_loss",
        dtype: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name=name, reduction=None, dtype=dtype)
        self.loss = MultiGridLoss([anchors], num_classes, input_shape, options, **settings)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tf.Tensor:
        """The scale's total, a scalar, of two `[B, H, W, 5 + A + C]` arrays.

        Raises ValueError where sample_weight is given: a weight of images would have to enter
        before the normalization. Other errors as of `MultiGridLoss.components`.
        """
        if sample_weight is not None:
            raise ValueError(
                "sample_weight: a normalized loss has no value for each image to weigh, got "
                f"{type(sample_weight).__name__}; weigh classes by class_weights, or repeat images"
            )
        return super().__call__(y_true, y_pred)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """The scale's total, a scalar."""
        return self.loss([y_true], [y_pred])

    def get_config(self) -> dict[str, Any]:
        """All that the constructor takes, as plain data."""
        config = self.loss.to_dict()
        (anchors,) = config.pop("anchors")
        return {"name": self.name, "dtype": self.dtype, "anchors": anchors, **config}
