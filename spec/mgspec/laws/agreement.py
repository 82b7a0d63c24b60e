"""The laws of agreement: gradient with value, one way of running with another, loss with loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mgspec import loss
from mgspec.candidate import Evaluation, LossError
from mgspec.comparison import EQUAL, UNIT_ROUNDOFF, Comparison, Rounding, worst_element
from mgspec.laws import cases
from mgspec.laws.law import Trial, law
from mgspec.layout import OBJECTNESS, Array, Batch

STEP = 2.0**-6  # of a prediction, for a difference quotient


def _moved(batch: Batch, direction: list[Array], step: float) -> Batch:
    moved = [
        (p + np.float32(step) * d).astype(np.float32)
        for p, d in zip(batch.predictions, direction, strict=True)
    ]
    return Batch(batch.targets, tuple(moved))


@law(cases.small_batch, needs_gradients=True)
def gradient(trial: Trial) -> Iterator[Comparison]:
    """The gradient is the derivative of the value.

    Formula: along a direction d, of boxes, of logits, and of the gradient itself, dL/dp . d is as
    near to the difference quotients before and after p as these are to each other.

    Why it matters: the value is what people look at, the gradient is what trains. Where they
    disagree, the curves describe another loss than the one that is minimized.

    Broken by: a stopped gradient; a custom gradient with a factor too many; a clipped value; a
    reported value that is divided by another number.
    """
    x = trial.batch("X")
    value = trial.evaluate(x, gradients=True)
    assert value.gradients is not None
    signs = trial.case.choices.get("signs")
    if not isinstance(signs, tuple) or not signs or any(abs(sign) > 8 for sign in signs):
        raise ValueError(f"signs: expected whole numbers from -8 to 8, got {signs!r}")
    # A box also moves the objectness target that knows it, which counts as a constant.
    aware = ("objectness", "total") if trial.case.problem.options.iou_aware_ratio else ()
    directions: dict[str, tuple[list[Array], tuple[str, ...]]] = {
        "boxes": (_direction(x, slice(0, OBJECTNESS), signs), aware),
        "logits": (_direction(x, slice(OBJECTNESS, None), signs), ()),
    }
    whole = "total" if "total" in trial.components else trial.components[0]
    size = np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in value.gradients[whole]))
    if size > 0 and whole not in aware:
        uphill = [(g / size).astype(np.float32) for g in value.gradients[whole]]
        others = tuple(c for c in trial.components if c != whole)
        directions[f"gradient of {whole}"] = (uphill, others)
    for name, (direction, but) in directions.items():
        after, before = _moved(x, direction, STEP), _moved(x, direction, -STEP)
        high, low = trial.evaluate(after), trial.evaluate(before)
        rounding = Rounding.of(trial.case.problem, [before, x, after], low, value, high)
        for c in (c for c in trial.components if c not in but):
            sides = (low.components[c], value.components[c], high.components[c])
            yield _slope(c, name, sides, _along(value.gradients[c], direction), rounding)


def _direction(batch: Batch, channels: slice, signs: tuple[int, ...]) -> list[Array]:
    """A direction of length 1 or less: whole numbers in these channels, 0 in the others."""
    direction = []
    for predictions in batch.predictions:
        array = np.zeros_like(predictions)
        array[..., channels] = np.resize(np.array(signs, np.float32), array[..., channels].shape)
        direction.append(array)
    length = np.sqrt(sum(float((array**2).sum()) for array in direction))
    return [array / np.float32(max(length, 1)) for array in direction]


def _along(gradient: Sequence[np.ndarray], direction: Sequence[Array]) -> float:
    parts = zip(gradient, direction, strict=True)
    return sum(float((g.astype(np.float64) * d).sum()) for g, d in parts)


def _slope(
    component: str,
    name: str,
    sides: tuple[float, float, float],
    predicted: float,
    rounding: Rounding,
) -> Comparison:
    """The slope that a gradient says, against the difference quotients on both sides."""
    low, middle, high = sides
    backward, forward = (middle - low) / STEP, (high - middle) / STEP
    # Where the two quotients differ, the function bends, has a kink, or jumps, as ignoring does.
    noise = 2 * float(rounding.tolerance(max(map(abs, sides)))) / STEP
    return Comparison(
        component,
        f"dL(X)/dp along the {name}",
        predicted,
        EQUAL,
        (forward + backward) / 2,
        abs(forward - backward) + noise,
        {"difference quotient before": backward, "after": forward},
    )


@law(cases.same_shapes, needs_modes=True, on_request=True, one_in=5)
def modes(trial: Trial) -> Iterator[Comparison]:
    """However the loss is run, it is the same loss.

    Formula: eagerly, traced for unknown shapes, compiled by XLA, and with predictions in half
    precision, L and its gradient agree; in half precision the gradient to that precision.

    Why it matters: what was debugged eagerly is trained compiled and in mixed precision. A sum
    kept in half precision stops growing at 2,048 cells.

    Broken by: sums or counts in half precision; shapes fixed at trace time; Python branches on
    values; an operation that XLA treats otherwise.
    """
    x = trial.batch("X")
    problem = trial.case.problem
    value = trial.evaluate(x, gradients=True)
    for mode, run in trial.candidate.modes.items():
        other = run(problem, x, True)
        if not set(trial.components) <= set(other.components):
            raise LossError(f"{mode}: the loss returned {', '.join(sorted(other.components))}")
        rounding = Rounding.of(problem, [x], value, other)
        for c in trial.components:
            got, wanted = other.components[c], value.components[c]
            tolerance = float(rounding.tolerance(max(abs(got), abs(wanted))))
            yield Comparison(c, f"L(X) in mode {mode}", got, EQUAL, wanted, tolerance)
            if value.gradients is None or other.gradients is None or c not in other.gradients:
                continue
            coarse = replace(rounding, stored=UNIT_ROUNDOFF.get(mode, 0.0))
            yield from worst_element(
                problem, c, f"L(X) in mode {mode}", other.gradients[c], value.gradients[c], coarse
            )


@law(cases.one_clear_batch, on_request=True)
def oracle(trial: Trial) -> Iterator[Comparison]:
    """The loss is the specification's own, component by component.

    Formula: L = the float64 loss of the specification under the claimed normalization, and the
    same for the gradients; E = 9 where a formula needs it.

    Why it matters: the other laws say what kind of loss it is; this one says which.

    Broken by: any change of value, however consistent.
    """
    x = trial.batch("X")
    problem = trial.case.problem
    value = trial.evaluate(x, gradients=True)
    right = loss.evaluate(problem, x)
    rounding = Rounding.of(problem, [x], value, Evaluation(right.components, dtype="float64"))
    for c in trial.components:
        got, wanted = value.components[c], right.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(wanted))))
        yield Comparison(c, "L(X)", got, EQUAL, wanted, tolerance)
        if value.gradients is not None:
            yield from worst_element(
                problem, c, "L(X)", value.gradients[c], right.gradients[c], rounding
            )
