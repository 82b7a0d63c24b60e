"""Images that weigh by their position in the batch."""

from __future__ import annotations

import numpy as np

from mgspec.problem.changes import take
from mgspec.problem.layout import OBJECTNESS
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    planted,
    renormalized,
    taken,
    with_slopes,
    with_targets,
    with_values,
)

ALL = "location anchor classification"


@planted("permutation", "anchor")
def later_images_weigh_more(right, problem, batch):
    value = right(problem, batch)
    more = right(problem, take(batch, [-1])).components["anchor"]
    return with_values(value, anchor=value.components["anchor"] + 1e-2 * more)


@planted("permutation", OBJECT_TERMS, claims="hybrid", alone=True)
def later_images_teach_more(right, problem, batch):
    more = 1 + 0.01 * np.arange(batch.images)[:, None, None, None]
    return with_slopes(right(problem, batch), lambda _, g: g * more, ALL)


@planted("permutation", OBJECT_TERMS, claims="fixed")
def the_gradient_of_the_last_image_is_lost(right, problem, batch):
    def lost(scale, gradient):
        gradient[max(1, batch.images - 1) :] = 0
        return gradient

    return with_slopes(right(problem, batch), lost, ALL)


@planted("permutation", OBJECT_TERMS, claims="sum")
def the_first_image_counts_twice(right, problem, batch):
    twice = np.where(np.arange(batch.images) == 0, 2, 1)
    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, lambda *_: twice)


@planted("partition", OBJECT_TERMS)
def images_beyond_the_second_are_dropped(right, problem, batch):
    kept = (np.arange(batch.images) < 2) / min(2, batch.images)
    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, lambda *_: kept)


@planted("permutation", OBJECT_TERMS)
def images_weigh_by_a_noise_that_is_always_the_same(right, problem, batch):
    noise = 1 + 0.1 * np.random.default_rng(0).random(batch.images)
    return renormalized(
        right(problem, batch), problem, batch, OBJECT_TERMS, lambda *_: noise / batch.images
    )


@planted("permutation", "location")
def the_mask_of_the_first_image_serves_all(right, problem, batch):
    def shared(scale, target):
        target[..., OBJECTNESS] = target[:1, ..., OBJECTNESS]

    return taken(right(problem, batch), right(problem, with_targets(batch, shared)), "location")


@planted("permutation", "location")
def a_reshape_mixes_the_masks_of_images(right, problem, batch):
    def mixed(scale, target):
        mask = target[..., OBJECTNESS]
        target[..., OBJECTNESS] = np.moveaxis(mask, 0, -1).reshape(mask.shape)

    return taken(right(problem, batch), right(problem, with_targets(batch, mixed)), "location")
