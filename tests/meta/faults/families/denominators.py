"""Forgotten and wrong denominators."""

from __future__ import annotations

from mgspec import specification
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    averaged,
    cut,
    planted,
    renormalized,
    scaled,
    taken,
    under,
    with_slopes,
    with_values,
)

ALL = "location anchor classification"
IN_MEMORY = 4  # images that fit into memory at once
ACCUMULATED = 8  # images between two steps of the optimizer


def _micro_batches(batch):
    return cut(batch, -(-batch.images // IN_MEMORY))


@planted("replication", f"{ALL} total")
def the_denominator_is_forgotten(right, problem, batch):
    return taken(right(problem, batch), under("sum", problem, batch), ALL)


@planted("resolution", OBJECT_TERMS, alone=True)
def the_mean_is_taken_over_cells_too(right, problem, batch):
    return taken(right(problem, batch), under("grid", problem, batch), OBJECT_TERMS)


@planted("replication", f"{ALL} total", claims="hybrid", alone=True)
def the_batch_size_divides_twice(right, problem, batch):
    return scaled(right(problem, batch), 1 / batch.images, ALL)


@planted("replication", OBJECT_TERMS, claims="hybrid")
def the_gradient_is_divided_by_the_batch_twice(right, problem, batch):
    return with_slopes(right(problem, batch), lambda _, g: g / batch.images, ALL)


@planted("density_neutral", OBJECT_TERMS, claims="positives", alone=True)
def images_with_objects_divide_where_objects_should(right, problem, batch):
    def weigh(scale, term):
        return 1 / max(1, (term.count > 0).sum())

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)


@planted("locality", OBJECT_TERMS)
def images_without_objects_are_left_out_of_the_mean(right, problem, batch):
    def weigh(scale, term):
        return 1 / max(1, (term.count > 0).sum())

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)


@planted("partition", f"{ALL} total", images=5, alone=True)
def means_of_unequal_micro_batches_are_averaged(right, problem, batch):
    evaluated = averaged(right(problem, part) for part in _micro_batches(batch))
    return with_values(right(problem, batch), **evaluated.components)


@planted("locality", f"{ALL} total", images=5, alone=True)
def gradients_of_unequal_micro_batches_are_averaged(right, problem, batch):
    accumulated = averaged(right(problem, part) for part in _micro_batches(batch))
    return with_values(accumulated, **right(problem, batch).components)


@planted("sharding", f"{ALL} total", images=12, alone=True)
def the_gradient_of_the_last_partial_micro_batch_is_forgotten(right, problem, batch):
    def complete_only(scale, gradient):
        if batch.images > ACCUMULATED:
            gradient[batch.images // ACCUMULATED * ACCUMULATED :] = 0
        return gradient

    return with_slopes(right(problem, batch), complete_only, ALL)


@planted("sharding", f"{ALL} total")
def two_replicas_are_summed_and_not_averaged(right, problem, batch):
    replicas = cut(batch, 2) if batch.images % 2 == 0 else [batch]
    return scaled(averaged(right(problem, part) for part in replicas), len(replicas), ALL)


@planted("layers", "location", claims="positives")
def the_count_of_the_first_scale_serves_all(right, problem, batch):
    count = max(1, batch.masks()[0].sum())
    return renormalized(right(problem, batch), problem, batch, "location", lambda *_: 1 / count)


@planted("permutation", OBJECT_TERMS, claims="positives")
def the_count_of_the_first_image_serves_all(right, problem, batch):
    def weigh(scale, term):
        return 1 / max(1, term.count[0] * batch.images)

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)


@planted("layers", f"{ALL} total", alone=True)
def scales_are_averaged(right, problem, batch):
    return scaled(right(problem, batch), 1 / problem.scales, ALL)


@planted("layers", OBJECT_TERMS, claims="grid")
def cells_of_all_scales_divide_each(right, problem, batch):
    return renormalized(
        right(problem, batch), problem, batch, OBJECT_TERMS, lambda *_: 1 / batch.cells
    )


@planted("object_monotone", "location", alone=True)
def losses_above_zero_are_counted(right, problem, batch):
    def weigh(scale, term):
        taught = (term.gradient != 0).any(-1).sum((1, 2))
        return 1 / taught.clip(1) / batch.images

    return renormalized(right(problem, batch), problem, batch, "location", weigh)


@planted("object_monotone", OBJECT_TERMS)
def objects_are_averaged_in_each_image(right, problem, batch):
    return taken(right(problem, batch), under("per_image", problem, batch), OBJECT_TERMS)


@planted("partition", OBJECT_TERMS, claims="expected")
def the_expected_count_is_that_of_the_batch(right, problem, batch):
    return taken(right(problem, batch), under("positives", problem, batch), OBJECT_TERMS)


@planted("density_monotone", OBJECT_TERMS, claims="hybrid", alone=True)
def density_is_ignored(right, problem, batch):
    return under_plain(problem, batch)


@planted("density_monotone", OBJECT_TERMS, claims="hybrid")
def density_weighs_twice(right, problem, batch):
    return scaled(under_plain(problem, batch), 1 + 2 * _density(batch), OBJECT_TERMS)


@planted("density_monotone", OBJECT_TERMS, claims="hybrid")
def density_weighs_without_bound(right, problem, batch):
    return scaled(under_plain(problem, batch), 1 + 9 * _density(batch) ** 2, OBJECT_TERMS)


@planted("oracle", "anchor")
def anchors_are_averaged_and_not_summed(right, problem, batch):
    def weigh(scale, term):
        return 1 / len(scale.sizes) / batch.images

    return renormalized(right(problem, batch), problem, batch, "anchor", weigh)


def under_plain(problem, batch):
    return specification("batch").run(problem, batch, True)


def _density(batch):
    return batch.positives / batch.cells
