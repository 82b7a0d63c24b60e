"""Clipping: of losses, gradients, logits, probabilities and targets."""

from __future__ import annotations

import numpy as np

from mgspec.problem.layout import WH, XY
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    planted,
    scaled,
    taken,
    with_predictions,
    with_slopes,
    with_targets,
)

KERAS_EPSILON = 1e-7


@planted("partition", OBJECT_TERMS)
def the_loss_of_a_batch_is_at_most_ten(right, problem, batch):
    value = right(problem, batch)
    for c in OBJECT_TERMS.split():
        value = scaled(value, 10 / max(10, value.components[c]), c)
    return value


@planted("gradient", OBJECT_TERMS)
def each_slope_is_clipped(right, problem, batch):
    return with_slopes(right(problem, batch), lambda _, g: np.clip(g, -0.1, 0.1), OBJECT_TERMS)


def _with_logits_within(most, right, problem, batch):
    def clipped(scale, predicted):
        classes = problem.class_channels(scale)
        predicted[..., classes] = np.clip(predicted[..., classes], -most, most)

    def taught_within(scale, gradient):
        classes = problem.class_channels(scale)
        gradient[..., classes] *= np.abs(batch.predictions[scale][..., classes]) <= most
        return gradient

    value = right(problem, with_predictions(batch, clipped))
    inside = with_slopes(value, taught_within, "classification")
    return taken(right(problem, batch), inside, "classification")


@planted("perfect", "classification")
def logits_are_clipped_at_five(right, problem, batch):
    return _with_logits_within(5, right, problem, batch)


@planted("oracle", "classification")
def probabilities_are_clipped_as_keras_does(right, problem, batch):
    return _with_logits_within(-np.log(KERAS_EPSILON), right, problem, batch)


@planted("perfect", "location")
def targets_are_clipped_into_their_cell(right, problem, batch):
    def clipped(scale, target):
        target[..., XY] = np.clip(target[..., XY], 0, 1)

    return taken(right(problem, batch), right(problem, with_targets(batch, clipped)), "location")


@planted("participation", "location")
def sizes_beyond_one_and_a_half_anchors_are_all_alike(right, problem, batch):
    most = np.log(1.5)

    def clipped(scale, array):
        array[..., WH] = np.clip(array[..., WH], -most, most)

    def taught_within(scale, gradient):
        gradient[..., WH] *= np.abs(batch.predictions[scale][..., WH]) <= most
        return gradient

    value = right(problem, with_predictions(with_targets(batch, clipped), clipped))
    return taken(right(problem, batch), with_slopes(value, taught_within, "location"), "location")
