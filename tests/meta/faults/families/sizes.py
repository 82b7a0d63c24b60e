"""Faults that only large batches show: more images than fit, counts that saturate or overflow."""

from __future__ import annotations

import numpy as np

from mgspec.problem.changes import take
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    averaged,
    planted,
    renormalized,
    with_values,
)

ALL = "location anchor classification"
IN_MEMORY = 16  # images that fit into memory at once
MOST_COUNTED = 200  # objects


def _of_sixteen(batch):
    numbers = range(batch.images)
    return [take(batch, numbers[k : k + IN_MEMORY]) for k in numbers[::IN_MEMORY]]


@planted("partition", f"{ALL} total", images=20, objects=None)
def means_of_sixteen_images_and_of_the_rest_are_averaged(right, problem, batch):
    evaluated = averaged(right(problem, part) for part in _of_sixteen(batch))
    return with_values(right(problem, batch), **evaluated.components)


@planted("replication", OBJECT_TERMS, images=8, objects=None)
def no_more_than_two_hundred_objects_count(right, problem, batch):
    def weigh(scale, term):
        return min(1, MOST_COUNTED / max(1, term.count.sum())) / batch.images

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)


@planted("replication", OBJECT_TERMS, claims="positives", images=8, objects=None)
def positives_are_counted_in_eight_bits(right, problem, batch):
    def weigh(scale, term):
        count = np.array(term.count.sum()).astype(np.int8)
        return 1 / max(1, abs(int(count)))

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)
