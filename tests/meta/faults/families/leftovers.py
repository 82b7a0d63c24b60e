"""One component left on another normalization than the loss claims."""

from __future__ import annotations

from tests.meta.faults.planting import OBJECT_TERMS, planted, taken, under, with_values


@planted("partition", "location")
def location_is_left_on_positives(right, problem, batch):
    return taken(right(problem, batch), under("positives", problem, batch), "location")


@planted("sharding", "classification")
def classification_is_left_on_positives(right, problem, batch):
    return taken(right(problem, batch), under("positives", problem, batch), "classification")


@planted("partition", "anchor", options=None)
def anchor_is_left_on_positives(right, problem, batch):
    return taken(right(problem, batch), under("positives", problem, batch), "anchor")


@planted("locality", "objectness", options=None)
def objectness_is_left_on_positives(right, problem, batch):
    return taken(right(problem, batch), under("positives", problem, batch), "objectness")


@planted("replication", "classification")
def classification_is_left_a_sum(right, problem, batch):
    return taken(right(problem, batch), under("sum", problem, batch), "classification")


@planted("locality", "location")
def location_is_left_on_hybrid(right, problem, batch):
    return taken(right(problem, batch), under("hybrid", problem, batch), "location")


@planted("locality", "location")
def the_gradient_of_location_is_left_on_positives(right, problem, batch):
    value = right(problem, batch)
    wrong = taken(value, under("positives", problem, batch), "location")
    return with_values(wrong, **value.components)


@planted("density_monotone", "classification", claims="hybrid")
def classification_is_left_on_per_image(right, problem, batch):
    return taken(right(problem, batch), under("per_image", problem, batch), "classification")


@planted("resolution", "location", claims="per_image")
def location_is_left_on_grid(right, problem, batch):
    return taken(right(problem, batch), under("grid", problem, batch), "location")


@planted("density_neutral", OBJECT_TERMS, claims="positives")
def both_object_terms_are_left_on_batch(right, problem, batch):
    return taken(right(problem, batch), under("batch", problem, batch), OBJECT_TERMS)
