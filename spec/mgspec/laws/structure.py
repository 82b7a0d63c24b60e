"""The laws that need the layout of cells and channels: who has a say in what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec.laws import cases
from mgspec.laws.batch import equal_values
from mgspec.laws.comparison import ABOVE, EQUAL, Comparison, Rounding, worst_element
from mgspec.laws.density import chosen_cell
from mgspec.laws.law import OBJECT_TERMS, Trial, law
from mgspec.laws.needs import LAYOUT, MANY_DETECTORS
from mgspec.problem.changes import only_scale
from mgspec.problem.layout import OBJECTNESS, Batch, Problem, check_same_shapes

TERMS = ("location", "anchor", "classification", "objectness")


def own_channels(problem: Problem, scale: int, component: str) -> slice:
    """Return the prediction channels that a component teaches."""
    return {
        "location": slice(0, OBJECTNESS),
        "anchor": problem.anchor_channels(scale),
        "classification": problem.class_channels(scale),
        "objectness": slice(OBJECTNESS, OBJECTNESS + 1),
        "total": slice(0, problem.channels(scale)),
    }[component]


@law(cases.background_predicted_otherwise, needs=(LAYOUT,), speaks_of=OBJECT_TERMS)
def masking(trial: Trial) -> Iterator[Comparison]:
    """What is predicted in a cell without an object changes neither location nor classification.

    Formula: with other predictions in the background cells, L_location and L_classification stay
    as they are and have no gradient there.

    Why it matters: a mask of the wrong shape broadcasts without an error, and the detector is
    then trained on boxes that do not exist.

    Broken by: a forgotten mask; [B, H, W, 1] multiplied with [B, H, W]; a mask of another scale.
    """
    x, y = trial.batch("X"), trial.batch("Y")
    problem = trial.problem
    check_same_shapes(x, y)
    value = trial.evaluate(x)
    moved = trial.evaluate(Batch(x.targets, y.predictions), gradients=True)
    yield from equal_values(trial, "L(X with Y's background predictions)", moved, value, x)
    if moved.gradients is None:
        return
    for c in trial.components:
        outside = [
            np.where(mask[..., None], 0, gradient)
            for mask, gradient in zip(x.masks(), moved.gradients[c], strict=True)
        ]
        zero = [np.zeros_like(gradient) for gradient in outside]
        yield from worst_element(problem, c, "L(X)", outside, zero, None)


@law(cases.background_targets_rewritten, needs=(LAYOUT,), speaks_of=TERMS, on_request=True)
def background_targets(trial: Trial) -> Iterator[Comparison]:
    """What the target of a cell without an object holds changes nothing.

    Formula: with other numbers in the background cells' targets (objectness apart), L stays as it
    is.

    Why it matters: arrays that are used again, or padded with other numbers than 0, then teach
    objects that do not exist. But an encoder writes zeros there, and a loss may rely on that: so
    only a loss of this layout's own is asked.

    Broken by: a background cell's anchor or class target taken as it stands.
    """
    x, y = trial.batch("X"), trial.batch("Y")
    check_same_shapes(x, y)
    value = trial.evaluate(x)
    retargeted = trial.evaluate(Batch(y.targets, x.predictions))
    yield from equal_values(trial, "L(X with Y's background targets)", retargeted, value, x)


@law(cases.right_predictions, needs=(LAYOUT,), speaks_of=TERMS, on_request=True)
def perfect(trial: Trial) -> Iterator[Comparison]:
    """Predictions that are right cost nothing.

    Formula: where every box predicted decodes to its target's and every logit is at its limit,
    L = 0 for location, anchor and objectness, and for classification without label smoothing.

    Why it matters: a loss with another minimum pulls the detector away from the truth, and a
    floor under the loss hides how far it still has to go.

    Broken by: boxes decoded differently from their targets; IoU of the logarithms of sizes; a
    constant; a mask that is off by a cell.
    """
    x = trial.batch("X")
    value = trial.evaluate(x)
    # The predictions are right to the last bit of a float32, whatever the loss computes in.
    inputs = replace(value, dtype="float32")
    rounding = Rounding.of(trial.problem, [x], value, inputs)
    for c in trial.components:
        if c == "classification" and trial.problem.options.label_smoothing:
            continue
        yield Comparison(c, "L(X)", value.components[c], EQUAL, 0.0, float(rounding.tolerance(0.0)))


@law(cases.one_spoilt_prediction, needs=(LAYOUT,), speaks_of=TERMS, on_request=True)
def participation(trial: Trial) -> Iterator[Comparison]:
    """Every positive cell counts, with every channel.

    Formula: for right predictions X, let Y be X with one number of one positive cell moved away
    from its target; then L(Y) > L(X) for the component that the channel belongs to. With label
    smoothing, certainty is not right, and nothing is said of classification.

    Why it matters: a cell or a channel that nothing teaches stays as it was initialized, and the
    loss does not show it.

    Broken by: a slice that ends too early; a mask that drops border cells; only the first object of
    an image counted; a channel without weight.
    """
    x, cell = trial.batch("X"), chosen_cell(trial)
    problem = trial.problem
    channel = trial.choice("channel", 0, problem.channels(cell.scale) - 1)
    away = trial.number("away", 100)
    predictions = [array.copy() for array in x.predictions]
    predictions[cell.scale][cell.image, cell.row, cell.column, channel] += np.float32(away)
    moved = Batch(x.targets, tuple(predictions))
    after, before = trial.evaluate(moved), trial.evaluate(x)
    rounding = Rounding.of(problem, [x, moved], after, before)
    for c in trial.components:
        own = own_channels(problem, cell.scale, c)
        if own.start <= channel < own.stop:
            got, bound = after.components[c], before.components[c]
            if c == "objectness" and problem.options.background != c:
                continue
            if c == "classification" and problem.options.label_smoothing:
                continue
            tolerance = float(rounding.tolerance(max(abs(got), abs(bound))))
            yield Comparison(c, "L(X with one number off)", got, ABOVE, bound, tolerance)


@law(cases.other_predictions, needs=(LAYOUT,), speaks_of=TERMS, on_request=True)
def separation(trial: Trial) -> Iterator[Comparison]:
    """Each component depends on its own channels only, the ignore mask excepted.

    Formula: dL_c/dp = 0 for every p that is no channel of c. L_c keeps its value if all these p are
    replaced; anchor and objectness need not if boxes decide about ignoring (a threshold below 1) or
    about an objectness target.

    Why it matters: with a slice off by one, the detector learns classes from anchors. Both are then
    learned badly, and nothing looks wrong.

    Broken by: a channel offset computed with the wrong number of anchors; a gradient that leaks
    through an objectness target or the ignore mask.
    """
    x, y = trial.batch("X"), trial.batch("Y")
    problem = trial.problem
    check_same_shapes(x, y)
    value = trial.evaluate(x, gradients=True)
    options = problem.options
    boxes_decide = options.ignore_thresh < 1 or options.iou_aware_ratio > 0
    own = {
        c: [own_channels(problem, scale, c) for scale in range(problem.scales)]
        for c in trial.components
    }
    undecided = ("anchor", "objectness") if boxes_decide else ()
    mixed = [
        Batch(x.targets, tuple(_with_channels(y.predictions, x.predictions, channels)))
        for c, channels in own.items()
        if c not in undecided
    ]
    values = map(trial.evaluate, mixed)
    for c, channels in own.items():
        if value.gradients is not None:
            zero = [np.zeros_like(gradient) for gradient in value.gradients[c]]
            others = _with_channels(value.gradients[c], zero, channels)
            yield from worst_element(problem, c, "L(X)", others, zero, None)
        if c in undecided:
            continue
        changed = next(values)
        for comparison in equal_values(trial, "L(X with Y's other channels)", changed, value, x, y):
            if comparison.component == c:
                yield comparison


def _with_channels(
    arrays: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]], channels: Sequence[slice]
) -> list[NDArray[Any]]:
    """Return each scale's array with these channels replaced by those of the other array."""
    mixed = [array.copy() for array in arrays]
    for array, other, of_scale in zip(mixed, others, channels, strict=True):
        array[..., of_scale] = other[..., of_scale]
    return mixed


@law(cases.one_batch, needs=(LAYOUT, MANY_DETECTORS), on_request=True)
def layers(trial: Trial) -> Iterator[Comparison]:
    """The loss of a list of scales is the sum of the losses of each.

    Formula: L(X) = L(scale 0 of X) + ... + L(scale S - 1 of X), and each scale keeps its gradient.

    Why it matters: a scale that weighs on another, by a shared count or mask, makes the loss
    depend on which anchors happened to be chosen.

    Broken by: a count or mask of one scale used for all; the last scale forgotten; a mean over
    scales.
    """
    x = trial.batch("X")
    problem = trial.problem
    whole = trial.evaluate(x, gradients=True)
    parts = []
    for scale in range(problem.scales):
        alone, batch = only_scale(problem, x, scale)
        parts.append(trial.evaluate(batch, gradients=True, problem=alone))
    rounding = Rounding.of(problem, [x], whole, *parts)
    for c in trial.components:
        values = [part.components[c] for part in parts]
        got, wanted = whole.components[c], sum(values)
        yield Comparison(
            c,
            "L(X)",
            got,
            EQUAL,
            wanted,
            float(rounding.tolerance(max(abs(got), abs(wanted)))),
            {f"L(scale {scale})": value for scale, value in enumerate(values)},
        )
        if whole.gradients is not None:
            alone_too = [p.gradients[c][0] for p in parts if p.gradients is not None]
            yield from worst_element(problem, c, "L(X)", whole.gradients[c], alone_too, rounding)
