"""Precision and stability: overflow, slopes that are not finite, numbers kept too coarsely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mgspec import Candidate, specification
from mgspec.loss.float64 import Scale
from mgspec.problem.layout import WH
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    Fault,
    add,
    planted,
    renormalized,
    with_slopes,
    with_values,
)


@planted("finite", "classification")
def probabilities_are_compared_instead_of_logits(right, problem, batch):
    total = 0.0
    for s in range(problem.scales):
        scale = Scale.of(problem, batch, s)
        target = scale.target[..., scale.classes]
        with np.errstate(all="ignore"):
            p = 1 / (1 + np.exp(-scale.prediction[..., scale.classes]))
            each = -target * np.log(p) - (1 - target) * np.log(1 - p)
            total += float((scale.mask[..., None] * each).sum()) / batch.images
    return with_values(right(problem, batch), classification=total)


@planted("finite", "anchor", alone=True)
def the_exponential_overflows(right, problem, batch):
    total = 0.0
    for s in range(problem.scales):
        scale = Scale.of(problem, batch, s)
        logits = scale.prediction[..., scale.anchors]
        target = scale.mask[..., None] * scale.target[..., scale.anchors]
        with np.errstate(over="ignore"):
            total += float((np.log(1 + np.exp(logits)) - target * logits).sum()) / batch.images
    return with_values(right(problem, batch), anchor=total)


@planted("finite", "location")
def the_gradient_is_infinite_where_saturated(right, problem, batch):
    def infinite(scale, gradient):
        return np.where(np.abs(batch.predictions[scale]) > 1e3, np.inf, gradient)

    return with_slopes(right(problem, batch), infinite, "location")


@planted("finite", "location")
def the_slope_of_a_root_at_zero_is_not_a_number(right, problem, batch):
    def by_its_norm(scale, gradient):
        off = batch.predictions[scale][..., WH] - batch.targets[scale][..., WH]
        norm = np.sqrt((off**2).sum(-1, keepdims=True))
        mask = batch.masks()[scale][..., None]
        with np.errstate(invalid="ignore"):
            gradient[..., WH] = np.where(mask, norm * (off / norm) * 2 / batch.images, 0)
        return gradient

    return with_slopes(right(problem, batch), by_its_norm, "location")


@planted("partition", OBJECT_TERMS)
def sums_are_kept_in_half_precision(right, problem, batch):
    value = right(problem, batch)
    with np.errstate(over="ignore"):
        return with_values(value, **{c: float(np.float16(v)) for c, v in value.components.items()})


@planted("replication", OBJECT_TERMS, claims="grid", images=12, objects=None)
def cells_are_counted_in_a_signed_byte(right, problem, batch):
    def weigh(scale, term):
        count = scale.mask.size
        return 1 / np.int64(count).astype(np.int8) if count % 256 else 0.0

    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, weigh)


def values_are_rounded_to_half_precision() -> Candidate:
    """In one of the ways that the loss is run."""
    right = specification("batch", None)

    def run(problem, batch, gradients):
        value = right.run(problem, batch, gradients)
        rounded = {c: float(np.float16(v)) for c, v in value.components.items()}
        return replace(value, components=rounded, dtype="float32")

    return replace(right, name="values_are_rounded_to_half_precision", modes={"float16": run})


def shapes_are_those_of_a_single_image() -> Candidate:
    """When it is traced, B is taken for 1."""
    right = specification("batch", None)

    def run(problem, batch, gradients):
        value = right.run(problem, batch, gradients)
        return replace(
            value,
            components={c: v * batch.images for c, v in value.components.items()},
            gradients={c: tuple(g * batch.images for g in gs) for c, gs in value.gradients.items()},
        )

    return replace(right, name="shapes_are_those_of_a_single_image", modes={"traced": run})


for _build, _alone in (
    (values_are_rounded_to_half_precision, True),
    (shapes_are_those_of_a_single_image, False),
):
    add(Fault(_build.__name__, "precision", "modes", ("location",), _build, alone=_alone))
