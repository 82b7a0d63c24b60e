"""Axes and coordinates: channels, rows and columns, anchors and classes taken for others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mgspec import Options
from mgspec.loss import float64 as loss
from mgspec.loss.boxes import phi_slope
from mgspec.loss.float64 import Scale
from mgspec.problem.layout import OBJECTNESS, WH, XY
from tests.meta.faults.planting import (
    planted,
    renormalized,
    taken,
    with_predictions,
    with_slopes,
    with_targets,
    with_values,
)

GIOU = Options(location="giou", ignore_thresh=1)


@planted("transposition", "location", alone=True)
def width_counts_twice(right, problem, batch):
    return _with_more_of(slice(2, 3), right(problem, batch), batch)


@planted("oracle", "location")
def width_and_height_count_twice(right, problem, batch):
    return _with_more_of(WH, right(problem, batch), batch)


def _with_more_of(sizes, value, batch):
    more, slopes = value.components["location"], list(value.gradients["location"])
    for scale, mask in enumerate(batch.masks()):
        predicted = batch.predictions[scale][..., sizes].astype(float)
        off = mask[..., None] * (predicted - batch.targets[scale][..., sizes])
        more += float((off**2).sum()) / batch.images
        slopes[scale][..., sizes] += 2 * off / batch.images
    return with_values(value, location=more)


@planted("participation", "location", alone=True)
def only_sizes_are_compared(right, problem, batch):
    value = with_slopes(right(problem, batch), _without_centres, "location")
    return with_values(value, location=_of_sizes(batch))


def _of_sizes(batch):
    total = 0.0
    for scale, mask in enumerate(batch.masks()):
        off = batch.targets[scale][..., WH] - batch.predictions[scale][..., WH].astype(float)
        total += float((mask[..., None] * off**2).sum()) / batch.images
    return total


def _without_centres(scale, gradient):
    gradient[..., XY] = 0
    return gradient


@planted("perfect", "location", alone=True)
def sizes_are_decoded_too_large(right, problem, batch):
    def larger(scale, predicted):
        predicted[..., WH] += 0.1

    return taken(right(problem, batch), right(problem, with_predictions(batch, larger)), "location")


@planted("perfect", "location")
def centres_are_not_decoded(right, problem, batch):
    value = right(problem, batch)
    number, slopes = _of_sizes(batch), list(value.gradients["location"])
    for scale, mask in enumerate(batch.masks()):
        predicted = batch.predictions[scale][..., XY].astype(float)
        off = mask[..., None] * (predicted - batch.targets[scale][..., XY])
        number += float((off**2).sum()) / batch.images
        slopes[scale][..., XY] = 2 * off / batch.images
    return with_values(value, location=number)


@planted("perfect", "location")
def x_and_y_are_exchanged(right, problem, batch):
    def exchanged(scale, array):
        array[..., XY] = array[..., XY][..., ::-1].copy()
        return array

    wrong = right(problem, with_predictions(batch, exchanged))
    return taken(right(problem, batch), with_slopes(wrong, exchanged, "location"), "location")


@planted("separation", "classification")
def class_channels_start_too_early(right, problem, batch):
    def shifted(scale, predicted):
        classes = problem.class_channels(scale)
        predicted[..., classes] = predicted[..., classes.start - 1 : classes.stop - 1].copy()

    def back(scale, gradient):
        return np.roll(gradient, -1, -1)

    wrong = with_slopes(right(problem, with_predictions(batch, shifted)), back, "classification")
    return taken(right(problem, batch), wrong, "classification")


def _without_class(right, problem, batch, number):
    """Class `number` is always right, and taught nothing."""

    def flawless(scale, predicted):
        channel = problem.class_channels(scale).start + number % problem.num_classes
        predicted[..., channel] = np.where(batch.targets[scale][..., channel] > 0.5, 800, -800)

    cut = right(problem, with_predictions(batch, flawless))
    return taken(right(problem, batch), cut, "classification")


@planted("participation", "classification")
def the_last_class_is_cut_off(right, problem, batch):
    return _without_class(right, problem, batch, -1)


@planted("relabelling", "classification")
def class_0_is_taken_for_background(right, problem, batch):
    return _without_class(right, problem, batch, 0)


@planted("relabelling", "classification", options=None, alone=True)
def the_weights_of_classes_are_off_by_one(right, problem, batch):
    weights = problem.options.class_weights
    if weights is None:
        return right(problem, batch)
    rolled = replace(problem.options, class_weights=(*weights[1:], weights[0]))
    return right(replace(problem, options=rolled), batch)


@planted("relabelling", "location", options=GIOU)
def every_box_is_of_the_first_anchor(right, problem, batch):
    first = tuple((scale[0],) * len(scale) for scale in problem.anchors)
    return right(replace(problem, anchors=first), batch)


@planted("resolution", "location", options=GIOU)
def the_input_size_is_taken_as_width_and_height(right, problem, batch):
    return right(replace(problem, input_shape=problem.input_shape[::-1]), batch)


@planted("translation", "classification")
def the_first_row_is_left_out(right, problem, batch):
    def left_out(scale, target):
        target[:, 0, :, OBJECTNESS] = 0

    less = right(problem, with_targets(batch, left_out))
    return taken(right(problem, batch), less, "classification")


@planted("translation", "location", alone=True)
def cells_of_the_first_row_and_column_weigh_half(right, problem, batch):
    value, number, slopes = right(problem, batch), 0.0, []
    for s in range(problem.scales):
        scale = Scale.of(problem, batch, s)
        inside = scale.mask.copy()
        inside[:, 0], inside[:, :, 0] = inside[:, 0] / 2, inside[:, :, 0] / 2
        inside[:, 0, 0] = scale.mask[:, 0, 0] / 2
        term = loss.location(replace(scale, mask=inside))
        number += float(term.raw.sum()) / batch.images
        slopes.append(term.gradient / batch.images)
    found = with_slopes(value, lambda s, _: slopes[s], "location")
    return with_values(found, location=number)


@planted("gradient", "location")
def the_slope_of_the_decoding_is_forgotten(right, problem, batch):
    def straight_through(scale, gradient):
        raw = batch.predictions[scale][..., XY].astype(float)
        gradient[..., XY] /= np.maximum(phi_slope(raw), 1e-12)
        return gradient

    return with_slopes(right(problem, batch), straight_through, "location")


@planted("resolution", "location")
def the_sides_of_the_grid_weigh(right, problem, batch):
    return renormalized(
        right(problem, batch),
        problem,
        batch,
        "location",
        lambda scale, _: (scale.mask.shape[1] + scale.mask.shape[2]) / batch.images,
    )
