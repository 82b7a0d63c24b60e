"""Guards and constants: missing, in the wrong place, or hiding something."""

from __future__ import annotations

import numpy as np

from tests.meta.faults.planting import (
    OBJECT_TERMS,
    planted,
    renormalized,
    scaled,
    with_slopes,
    with_values,
)


@planted("finite", "location", claims="positives")
def the_denominator_is_unguarded(right, problem, batch):
    with np.errstate(divide="ignore", invalid="ignore"):
        return renormalized(
            right(problem, batch), problem, batch, "location", lambda _, t: 1 / t.count.sum()
        )


@planted("finite", "classification", claims="per_image")
def the_mean_over_no_objects_is_taken(right, problem, batch):
    with np.errstate(divide="ignore", invalid="ignore"):
        return renormalized(
            right(problem, batch),
            problem,
            batch,
            "classification",
            lambda _, t: 1 / t.count / batch.images,
        )


@planted("replication", OBJECT_TERMS, claims="positives")
def one_is_added_to_the_count(right, problem, batch):
    return renormalized(
        right(problem, batch), problem, batch, OBJECT_TERMS, lambda _, t: 1 / (1 + t.count.sum())
    )


@planted("density_neutral", OBJECT_TERMS, claims="per_image")
def an_epsilon_is_added_to_the_count(right, problem, batch):
    return renormalized(
        right(problem, batch),
        problem,
        batch,
        OBJECT_TERMS,
        lambda _, t: 1 / (1e-3 + t.count) / batch.images,
    )


@planted("oracle", OBJECT_TERMS, claims="positives")
def images_without_objects_count_as_one_cell(right, problem, batch):
    return renormalized(
        right(problem, batch),
        problem,
        batch,
        OBJECT_TERMS,
        lambda _, t: 1 / np.maximum(1, t.count).sum(),
    )


@planted("empty", "anchor total")
def batches_without_objects_are_skipped(right, problem, batch):
    value = right(problem, batch)
    return value if batch.positives else scaled(value, 0.0, "location anchor classification")


@planted("empty", "anchor total", claims="hybrid", alone=True)
def scales_without_objects_are_skipped(right, problem, batch):
    def weigh(scale, term):
        positive = scale.mask.sum()
        density = positive / scale.mask.size
        return (positive > 0) * (1 + density) / batch.images

    return renormalized(right(problem, batch), problem, batch, "anchor", weigh)


@planted("empty", "location")
def a_constant_keeps_location_above_zero(right, problem, batch):
    value = right(problem, batch)
    return with_values(value, location=value.components["location"] + 1e-7)


@planted("empty", "anchor")
def background_is_not_taught_without_objects(right, problem, batch):
    value = right(problem, batch)
    if batch.positives:
        return value
    return with_slopes(value, lambda _, g: np.zeros_like(g), "anchor")


@planted("nonnegative", "classification")
def a_baseline_is_subtracted(right, problem, batch):
    value = right(problem, batch)
    low = value.components["classification"] - 0.1 * (batch.positives > 0)
    return with_values(value, classification=low)
