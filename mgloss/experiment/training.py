"""Train a small fully convolutional detector under a normalization, and record the run.

A run records the loss and the gradient's norm of every step. Every few steps it records the loss on
unseen scenes, with another batch size, and with as many, fewer and more objects. At the end it
records the loss on the training scenes with both batch sizes, without changing the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.experiment.matching import f1
from mgloss.experiment.scenes import CLASSES, DETECTOR, SIDE, Scenes, draw
from mgloss.reference.loss import MultiGridLoss
from mgspec import Options, normalization
from mgspec.problem.layout import OBJECTNESS

CHANNELS = 5 + len(DETECTOR.anchors[0]) + CLASSES
# Learning rate of Adam. Its steps do not grow with the loss, so one rate fits all normalizations.
RATE = 3e-3
# Sets of validation scenes, and their number of objects relative to the training scenes.
DENSITIES = {"same": 1.0, "sparser": 0.4, "denser": 2.5}
TRAINING_SEED, VALIDATION_SEED = 1, 2  # of the scenes, the same for every run


@dataclass(frozen=True)
class Setting:
    """Length and data of a training run.

    steps: number of training steps.
    scenes: number of training scenes. Each validation set has half as many.
    batch, other_batch: images of a batch in training and in validation. Both must divide the
        number of scenes of a validation set.
    every: steps between validations.

    Raise ValueError for numbers that do not fit together.
    """

    steps: int = 240
    scenes: int = 128
    batch: int = 8
    other_batch: int = 2
    every: int = 60

    def __post_init__(self) -> None:
        if min(self.steps, self.every, self.batch, self.other_batch) < 1:
            raise ValueError("steps, every and batches: expected 1 or more")
        for size in (self.batch, self.other_batch):
            if self.scenes % (2 * size):
                raise ValueError(
                    f"scenes: {self.scenes} and half of them must be whole batches of {size}"
                )


@dataclass(frozen=True)
class Run:
    """The record of a training run.

    loss, norm, objects: loss, norm of the gradient and number of objects of each step, `[steps]`.
    at: number of steps before each validation, `[validations]`.
    validation: loss on each validation set by its name, `[validations]`.
    f1: F1 score on the validation set "same", `[validations]`.
    by_training_batch, by_other_batch: loss on the training scenes with the last weights, in
        batches of either size.
    """

    normalization: str
    seed: int
    loss: tuple[float, ...]
    norm: tuple[float, ...]
    objects: tuple[int, ...]
    at: tuple[int, ...]
    validation: dict[str, tuple[float, ...]]
    f1: tuple[float, ...]
    by_training_batch: float
    by_other_batch: float

    @property
    def gap(self) -> float:
        """Relative change of the loss if only the batch size changes."""
        return abs(self.by_other_batch / self.by_training_batch - 1)

    @property
    def correlation(self) -> float:
        """Correlation of the gradient's norm with 1 / objects, in the second half of the run.

        NaN if that half has fewer than two steps.
        """
        half = len(self.loss) // 2
        if len(self.loss) - half < 2:
            return float("nan")
        return float(np.corrcoef(self.norm[half:], 1 / np.array(self.objects[half:]))[0, 1])


def train(name: str, seed: int, setting: Setting, progress: Callable[[], None]) -> Run:
    """Train under the normalization of this name. progress: called after each step.

    The seed determines the initial weights and the order of the scenes, but not the scenes.
    """
    seen = draw(TRAINING_SEED, setting.scenes)
    unseen = {
        place: draw(VALIDATION_SEED, setting.scenes // 2, density)
        for place, density in DENSITIES.items()
    }
    loss = _loss(name, seen)
    model = _model(seed)
    step, evaluate = _step(model, loss), _evaluate(model, loss)

    order = np.random.default_rng(seed)
    losses, norms, objects = [], [], []
    at: list[int] = []
    validation: dict[str, list[float]] = {place: [] for place in unseen}
    scores: list[float] = []
    queue: list[int] = []
    for number in range(1, setting.steps + 1):
        if not queue:
            queue = order.permutation(setting.scenes).tolist()
        chosen, queue = queue[: setting.batch], queue[setting.batch :]
        value, norm = step(seen.images[chosen], seen.targets[chosen])
        losses.append(float(value))
        norms.append(float(norm))
        objects.append(int(seen.objects[chosen].sum()))
        if number % setting.every == 0 or number == setting.steps:
            at.append(number)
            for place, scenes in unseen.items():
                validation[place].append(_mean(evaluate, scenes, setting.other_batch))
            predictions = np.asarray(model(unseen["same"].images))
            anchors = np.array(DETECTOR.anchors[0])
            scores.append(f1(predictions, unseen["same"].boxes, anchors, DETECTOR.input_size))
        progress()
    return Run(
        normalization=name,
        seed=seed,
        loss=tuple(losses),
        norm=tuple(norms),
        objects=tuple(objects),
        at=tuple(at),
        validation={place: tuple(values) for place, values in validation.items()},
        f1=tuple(scores),
        by_training_batch=_mean(evaluate, seen, setting.batch),
        by_other_batch=_mean(evaluate, seen, setting.other_batch),
    )


def _loss(name: str, seen: Scenes) -> MultiGridLoss:
    """Return the loss. Its E, if needed, is the mean count of positive cells of the scenes."""
    expected = None
    if normalization(name).needs_expected:
        expected = float((seen.targets[..., OBJECTNESS] > 0.5).sum() / len(seen.targets))
    options = Options(loss_normalization=name, expected=expected, background="objectness")
    return MultiGridLoss(DETECTOR.anchors, CLASSES, DETECTOR.input_size, options)


def _model(seed: int) -> Any:
    """Return a convolutional network from `[B, 64, 64, 1]` to `[B, 16, 16, 17]`."""
    layers = tf.keras.layers
    seeds = iter(range(100 * seed, 100 * seed + 100))

    def convolution(filters: int, size: int, stride: int, activation: str | None) -> Any:
        return layers.Conv2D(
            filters,
            size,
            stride,
            "same",
            activation=activation,
            kernel_initializer=tf.keras.initializers.GlorotUniform(next(seeds)),
        )

    return tf.keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            convolution(16, 3, 2, "relu"),
            convolution(32, 3, 2, "relu"),
            convolution(48, 3, 1, "relu"),
            convolution(48, 3, 1, "relu"),
            convolution(CHANNELS, 1, 1, None),
        ]
    )


def _step(model: Any, loss: MultiGridLoss) -> Any:
    optimizer = tf.keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss([targets], [model(images, training=True)])
        slopes = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))
        return value, tf.linalg.global_norm(slopes)

    return step


def _evaluate(model: Any, loss: MultiGridLoss) -> Any:
    @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def evaluate(images: Any, targets: Any) -> Any:
        return loss([targets], [model(images)])

    return evaluate


def _mean(evaluate: Any, scenes: Scenes, batch: int) -> float:
    """Return the mean loss over batches of this size, as a training loop reports it."""
    starts = range(0, len(scenes.images), batch)
    values = [
        float(evaluate(scenes.images[n : n + batch], scenes.targets[n : n + batch])) for n in starts
    ]
    return float(np.mean(values))
