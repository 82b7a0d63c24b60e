"""Gradients that are cut, or are those of another loss than the value."""

from __future__ import annotations

import numpy as np

from mgspec.problem.layout import WH
from tests.meta.faults.planting import OBJECT_TERMS, planted, with_slopes

ALL = "location anchor classification"


@planted("gradient", "location")
def the_gradient_of_boxes_is_stopped(right, problem, batch):
    return with_slopes(right(problem, batch), lambda _, g: np.zeros_like(g), "location")


@planted("gradient", "location")
def the_gradient_of_x_is_stopped(right, problem, batch):
    def stopped(scale, gradient):
        gradient[..., 0] = 0
        return gradient

    return with_slopes(right(problem, batch), stopped, "location")


@planted("gradient", OBJECT_TERMS, alone=True)
def the_gradient_is_three_halves_of_the_derivative(right, problem, batch):
    return with_slopes(right(problem, batch), lambda _, g: 1.5 * g, ALL)


@planted("gradient", "location")
def the_gradient_of_sizes_has_the_wrong_sign(right, problem, batch):
    def reversed_(scale, gradient):
        gradient[..., WH] *= -1
        return gradient

    return with_slopes(right(problem, batch), reversed_, "location")


@planted("gradient", "anchor")
def background_is_valued_and_not_taught(right, problem, batch):
    masks = batch.masks()
    return with_slopes(right(problem, batch), lambda s, g: g * masks[s][..., None], "anchor")


@planted("masking", "location")
def the_gradient_reaches_cells_without_objects(right, problem, batch):
    def spread(scale, gradient):
        gradient[..., WH] += 1e-3 * gradient[..., WH].max((1, 2), keepdims=True)
        return gradient

    return with_slopes(right(problem, batch), spread, "location")


@planted("locality", f"{ALL} total")
def the_gradient_is_clipped_by_its_norm(right, problem, batch):
    value = right(problem, batch)
    square = sum((g**2).sum() for c in ALL.split() for g in value.gradients[c])
    return with_slopes(value, lambda _, g: g / max(1, np.sqrt(square)), ALL)


@planted("layers", OBJECT_TERMS)
def the_gradients_of_scales_are_exchanged(right, problem, batch):
    value = right(problem, batch)
    for c in OBJECT_TERMS.split():
        here = value.gradients[c]
        if len({g.shape for g in here}) == 1:
            value = with_slopes(value, lambda s, _, here=here: here[-1 - s], c)
    return value
