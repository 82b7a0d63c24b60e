"""The laws that need nothing but images that can be put together into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mgspec.laws import cases
from mgspec.laws.comparison import (
    ABOVE,
    AT_LEAST,
    EQUAL,
    FINITE,
    Comparison,
    Rounding,
    worst_element,
)
from mgspec.laws.law import OBJECT_TERMS, Trial, law
from mgspec.laws.needs import GRADIENTS, IMAGES_WITHOUT_OBJECTS
from mgspec.loss.candidate import Evaluation
from mgspec.loss.roles import BACKGROUND
from mgspec.problem.changes import concatenate, repeat, shards, take
from mgspec.problem.description import join_padded
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch, Problem, check_same_shapes

# Magnitude of a prediction p for which exp(-p) is well above the last bit of 1 in float32.
MODEST = 8.0

RESEEDED = "L(X) with other random numbers"

Gradient = NDArray[np.floating]


def equal_values(
    trial: Trial, what: str, actual: Evaluation, expected: Evaluation, *batches: AnyBatch
) -> Iterator[Comparison]:
    """Compare each component of `actual` with that of `expected`."""
    rounding = Rounding.of(trial.case.problem, batches, actual, expected)
    for c in trial.components:
        got, want = actual.components[c], expected.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(want))))
        yield Comparison(c, what, got, EQUAL, want, tolerance)


def equal_gradients(
    trial: Trial,
    what: str,
    actual: Evaluation,
    expected: Evaluation,
    *batches: AnyBatch,
    change: Callable[[Gradient], Gradient] = lambda g: g,
) -> Iterator[Comparison]:
    """Compare each gradient of `actual`, after `change`, with that of `expected`, if both exist.

    change: maps the array of one scale, `[B, H, W, 5 + A + C]`, or of one name, `[B, ...]`, to the
        array to compare.
    """
    if actual.gradients is None or expected.gradients is None:
        return
    rounding = Rounding.of(trial.case.problem, batches, actual, expected)
    for c in trial.components:
        changed = [change(g) for g in actual.gradients[c]]
        yield from worst_element(
            trial.case.problem, c, what, changed, expected.gradients[c], rounding
        )


def _numbers(evaluation: Evaluation, component: str) -> np.ndarray:
    assert evaluation.gradients is not None
    return np.concatenate([g.ravel() for g in evaluation.gradients[component]])


@law(cases.one_batch, on_metrics=True, judges_refusals=True)
def finite(trial: Trial) -> Iterator[Comparison]:
    """Finite inputs give a finite loss and finite gradients.

    Formula: |L(X)| < inf and |dL/dp| < inf for every X with |p| <= 10,000, without objects too.

    Why it matters: one NaN in one step overwrites every weight of the network, and training has
    to start again from the last checkpoint.

    Broken by: dividing by a count that can be 0; exp or log without a bound; inf times a mask's 0.
    """
    x = trial.images("X")
    value = trial.evaluate(x, gradients=True)
    for c in trial.components:
        yield Comparison(c, "L(X)", value.components[c], FINITE, 0.0)
        if value.gradients is not None:
            gradient = value.gradients[c]
            zero = [np.zeros_like(g) for g in gradient]
            yield from worst_element(trial.case.problem, c, "L(X)", gradient, zero, None, FINITE)


@law(cases.one_empty_batch, needs=(IMAGES_WITHOUT_OBJECTS,), by_role=True)
def empty(trial: Trial) -> Iterator[Comparison]:
    """Without objects location and classification are 0, and the background is still taught.

    Formula: for X without objects: L_location = L_classification = 0 exactly, and their gradients
    too; where the logits say that there are objects, the term that carries the background
    (objectness, else anchor, else the total) has L > 0 and dL/dp != 0. Of another layout it is not
    known what a prediction says: there that is asked where none is above 8 in magnitude. A
    classification beside an objectness may be 0 too.

    Why it matters: images without objects are real data. A batch of them must not end in 0/0, and
    must not be a wasted step either: it teaches where nothing is.

    Broken by: an unguarded division by the number of positive cells; skipping batches without
    objects; a constant added to a denominator or to the loss.
    """
    value = trial.evaluate(trial.images("X"), gradients=True)
    for c in trial.components:
        taken = trial.candidate.taken(c, trial.case.problem)
        got = value.components[c]
        if taken.role != BACKGROUND:
            yield Comparison(c, "L(X)", got, EQUAL, 0.0)
            if value.gradients is not None:
                gradient = value.gradients[c]
                zero = [np.zeros_like(g) for g in gradient]
                yield from worst_element(trial.case.problem, c, "L(X)", gradient, zero, None)
            continue
        if not _can_teach(trial.images("X")) or (taken.may_be_idle and _is_idle(value, c)):
            continue
        yield Comparison(c, "L(X)", got, ABOVE, 0.0)
        if value.gradients is not None:
            largest = float(np.abs(_numbers(value, c)).max())
            yield Comparison(c, "max |dL(X)/dp|", largest, ABOVE, 0.0)


def _is_idle(value: Evaluation, component: str) -> bool:
    """Return whether a component and its gradient are 0."""
    is_flat = value.gradients is None or not _numbers(value, component).any()
    return is_flat and value.components[component] == 0


@law(cases.empty_among_others, speaks_of=OBJECT_TERMS, needs=(IMAGES_WITHOUT_OBJECTS,))
def empty_image(trial: Trial) -> Iterator[Comparison]:
    """An image without objects has no say in location and classification, among others too.

    Formula: for X without objects, and Z which is X with other predictions: L(X among Y) =
    L(Z among Y) for location and classification, with the images of Y before and after those of
    X; and dL/dx = 0 for the predictions x of X.

    Why it matters: a mask that broadcasts over the images lets an image teach what only another
    one's objects should teach, and the loss still goes down.

    Broken by: values [B, 1] meeting a mask [B]; a mask shared by all images; a count of images
    where one of objects was meant.
    """
    x, y, z = trial.images("X"), trial.images("Y"), trial.images("Z")
    check_same_shapes(x, z)
    if x.positives:
        raise ValueError(f"X: expected images without objects, got {x.positives} object(s)")
    before = trial.choice("before", 0, y.images)
    places = slice(before, before + x.images)
    order = [*range(before), *range(y.images, y.images + x.images), *range(before, y.images)]
    both, changed = (take(concatenate([y, empty]), order) for empty in (x, z))
    whole, other = trial.evaluate(both, gradients=True), trial.evaluate(changed)
    yield from equal_values(trial, "L(Z among Y)", other, whole, both, changed)
    if whole.gradients is None:
        return
    for c in trial.components:
        of_x = [np.zeros_like(g) for g in whole.gradients[c]]
        for kept, gradient in zip(of_x, whole.gradients[c], strict=True):
            kept[places] = gradient[places]
        zero = [np.zeros_like(g) for g in of_x]
        yield from worst_element(trial.case.problem, c, "L(X among Y)", of_x, zero, None)


def _can_teach(x: AnyBatch) -> bool:
    """Return whether the background must teach: an extreme logit may be right to the last bit."""
    return isinstance(x, Batch) or all(np.abs(p).max() <= MODEST for p in x.predictions)


@law(cases.one_batch)
def nonnegative(trial: Trial) -> Iterator[Comparison]:
    """Every component is at least 0.

    Formula: L(X) >= 0.

    Why it matters: a term that goes below 0 pays for errors elsewhere, and early stopping on the
    smallest validation loss picks the wrong checkpoint.

    Broken by: a sign; a cross-entropy on numbers that are not probabilities; subtracting a
    baseline.
    """
    x = trial.images("X")
    value = trial.evaluate(x)
    rounding = Rounding.of(trial.case.problem, [x], value)
    for c in trial.components:
        yield Comparison(
            c, "L(X)", value.components[c], AT_LEAST, 0.0, float(rounding.tolerance(0.0))
        )


@law(cases.other_predictions_of_objects, somewhere=True)
def responsive(trial: Trial) -> Iterator[Comparison]:
    """Every component responds to what is predicted, at least somewhere.

    Formula: for some X and Y with the same targets, objects among them, and other predictions:
    L(X) != L(Y); and dL/dp != 0 for some X or Y. One search must show both for each component. One
    that the options leave out, or multiply by 0, is not asked.

    Why it matters: a component that is the same whatever is predicted teaches nothing, and obeys
    all other laws.

    Broken by: a mask that is never true; a value computed without the predictions; a constant; a
    gradient that is stopped.
    """
    x, y = trial.images("X"), trial.images("Y")
    check_same_shapes(x, y)
    of_x, of_y = trial.evaluate(x, gradients=True), trial.evaluate(y, gradients=True)
    for c in trial.components:
        if _is_switched_off(trial.case.problem, c):
            continue
        a, b = of_x.components[c], of_y.components[c]
        known = {"L(X)": a, "L(Y)": b}
        yield Comparison(c, "|L(X) - L(Y)|", abs(a - b), ABOVE, 0.0, terms=known)
        if of_x.gradients is not None and of_y.gradients is not None:
            largest = max(float(np.abs(_numbers(value, c)).max()) for value in (of_x, of_y))
            yield Comparison(c, "max |dL(X)/dp|, |dL(Y)/dp|", largest, ABOVE, 0.0)


_FACTORS = {"location": "coord_scale", "anchor": "anchor_scale", "classification": "class_scale"}


def _is_switched_off(problem: AnyProblem, component: str) -> bool:
    """Return whether the options of the problem leave the component out, or multiply it by 0."""
    if not isinstance(problem, Problem):
        return False
    if component == "objectness":
        return problem.options.background != component
    return component in _FACTORS and not getattr(problem.options, _FACTORS[component])


@law(cases.two_batches, on_metrics=True)
def pure(trial: Trial) -> Iterator[Comparison]:
    """The same input gives the same output, whatever was evaluated in between.

    Formula: L(X), then L(Y), then L(X) again: the first and the last are equal, and so are their
    gradients; no input has changed; L(X) and its gradient are the same with other random numbers.
    Every other law lets each evaluation draw the same random numbers.

    Why it matters: a loss that remembers cannot be compared between epochs, resumed from a
    checkpoint, or debugged by evaluating one batch again.

    Broken by: running averages in a denominator; random noise; a batch size kept from the last
    call; writing into the targets.
    """
    x, y = trial.images("X"), trial.images("Y")
    first = trial.evaluate(x, gradients=True)
    between = trial.evaluate(y, gradients=True)
    again = trial.evaluate(x, gradients=True)
    yield from equal_values(trial, "L(X) after L(Y)", again, first, x)
    yield from equal_gradients(trial, "L(X) after L(Y)", again, first, x)
    reseeded = trial.evaluate_reseeded(x)
    if reseeded is not None:
        yield from equal_values(trial, RESEEDED, reseeded, first, x)
        yield from equal_gradients(trial, RESEEDED, reseeded, first, x)
    for c in trial.components:
        changed = sum(e.changed_inputs for e in (first, between, again))
        yield Comparison(c, "evaluations that wrote into their inputs", changed, EQUAL, 0)


@law(cases.reordered, on_metrics=True)
def permutation(trial: Trial) -> Iterator[Comparison]:
    """The order of the images does not matter.

    Formula: L(x_1, ..., x_B) = L(x_p(1), ..., x_p(B)), and each image keeps its gradient.

    Why it matters: shuffling is meant to change nothing but the noise of the gradient.

    Broken by: weights by position in the batch; counting objects in the first image only; a
    reshape that mixes images.
    """
    x = trial.images("X")
    order = trial.case.choices.get("order")
    if not isinstance(order, tuple) or sorted(order) != list(range(x.images)):
        raise ValueError(f"order: expected a permutation of {x.images} images, got {order!r}")
    other = trial.evaluate(take(x, order), gradients=True)
    value = trial.evaluate(x, gradients=True)
    yield from equal_values(trial, "L(X in another order)", other, value, x)
    back = np.argsort(order)
    yield from equal_gradients(
        trial, "L(X in another order)", other, value, x, change=lambda g: g[back]
    )


@law(cases.repeated)
def replication(trial: Trial) -> Iterator[Comparison]:
    """Repeating the whole batch changes nothing: the loss does not scale with the batch size.

    Formula: L(X + ... + X) = L(X) for k copies, with + for concatenation, and each copy has the
    k-th part of the gradient.

    Why it matters: the learning rate that was tuned on one batch size is wrong on another when
    the loss itself grows or shrinks with it.

    Broken by: a sum without denominator; dividing by the batch size twice, as option 2 does by
    multiplying a count that already grows with the batch by B.
    """
    x, times = trial.images("X"), trial.choice("times", 1, 100)
    many = repeat(x, times)
    whole, once = trial.evaluate(many, gradients=True), trial.evaluate(x, gradients=True)
    what = f"L(X repeated {times} times)"
    yield from equal_values(trial, what, whole, once, many)
    yield from equal_gradients(
        trial, f"{times} {what}", whole, once, many, change=lambda g: times * g[: x.images]
    )


@law(cases.two_batches)
def partition(trial: Trial) -> Iterator[Comparison]:
    """A data set's mean loss does not depend on how it was cut into batches.

    Formula: L(X + Y) = (B_X L(X) + B_Y L(Y)) / (B_X + B_Y), with + for concatenation.

    Why it matters: training and validation losses are means over batches of different sizes and
    contents. Only under this law are the two the same quantity.

    Broken by: dividing by a count over the whole batch that differs from image to image, such as
    the number of positive cells.
    """
    x, y = trial.images("X"), trial.images("Y")
    both = concatenate([x, y])
    whole, of_x, of_y = trial.evaluate(both), trial.evaluate(x), trial.evaluate(y)
    rounding = Rounding.of(trial.case.problem, [both], whole, of_x, of_y)
    for c in trial.components:
        a, b = of_x.components[c], of_y.components[c]
        mean = (x.images * a + y.images * b) / (x.images + y.images)
        got = whole.components[c]
        yield Comparison(
            c,
            "L(X + Y)",
            got,
            EQUAL,
            mean,
            float(rounding.tolerance(max(abs(got), abs(mean)))),
            {"B_X": x.images, "L(X)": a, "B_Y": y.images, "L(Y)": b},
        )


@law(cases.two_batches, needs=(GRADIENTS,))
def locality(trial: Trial) -> Iterator[Comparison]:
    """What an image teaches does not depend on the other images of its batch.

    Formula: (B_X + B_Y) dL(X + Y)/dx = B_X dL(X)/dx for the predictions x of X.

    Why it matters: otherwise an object next to a hundred others moves the weights a hundred times
    less than the same object alone, and the gradient's size is decided by chance.

    Broken by: dividing by anything counted over the whole batch except its size.
    """
    x, y = trial.images("X"), trial.images("Y")
    both = concatenate([x, y])
    whole, alone = trial.evaluate(both, gradients=True), trial.evaluate(x, gradients=True)
    assert whole.gradients is not None
    assert alone.gradients is not None
    rounding = Rounding.of(trial.case.problem, [both], whole, alone)
    for c in trial.components:
        yield from worst_element(
            trial.case.problem,
            c,
            f"{both.images} L(X + Y)",
            [both.images * g[: x.images] for g in whole.gradients[c]],
            [x.images * g for g in alone.gradients[c]],
            rounding,
        )


@law(cases.sharded)
def sharding(trial: Trial) -> Iterator[Comparison]:
    """Data parallelism and gradient accumulation change nothing.

    Formula: for k equal shards X_1, ..., X_k of X: L(X) = (L(X_1) + ... + L(X_k)) / k, and the
    same for the gradients.

    Why it matters: the same training on more devices, or with smaller steps accumulated, should
    be the same training. Language-model trainers have shipped this bug.

    Broken by: a denominator counted in each shard, then averaged over shards.
    """
    x = trial.images("X")
    count = trial.choice("shards", 1, x.images)
    whole = trial.evaluate(x, gradients=True)
    parts = [trial.evaluate(shard, gradients=True) for shard in shards(x, count)]
    rounding = Rounding.of(trial.case.problem, [x], whole, *parts)
    for c in trial.components:
        values = [part.components[c] for part in parts]
        got, mean = whole.components[c], sum(values) / count
        yield Comparison(
            c,
            "L(X)",
            got,
            EQUAL,
            mean,
            float(rounding.tolerance(max(abs(got), abs(mean)))),
            {f"L(X_{k + 1})": value for k, value in enumerate(values)},
        )
        if whole.gradients is None:
            continue
        pieces = [part.gradients[c] for part in parts if part.gradients is not None]
        averaged = [join_padded(scale) / count for scale in zip(*pieces, strict=True)]
        yield from worst_element(
            trial.case.problem, c, "L(X)", whole.gradients[c], averaged, rounding
        )
