"""The laws of agreement: total with terms, gradient with value, one way of running with another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgspec.laws import cases
from mgspec.laws.comparison import EQUAL, UNIT_ROUNDOFF, Comparison, Rounding, worst_element
from mgspec.laws.law import Trial, law
from mgspec.laws.needs import EACH_TERM, GRADIENTS, LAYOUT, MODES
from mgspec.loss import float64 as loss
from mgspec.loss.candidate import Evaluation, LossError
from mgspec.problem.layout import OBJECTNESS, AnyBatch, Array, Batch

STEP = 2.0**-6  # by which a difference quotient moves a prediction
# Directions are multiples of this. So the predictions drawn for this law move by exactly the step
# that divides the quotient: a float64 loss would see what float32 rounds off.
GRAIN = 2.0**-10


def _moved(batch: AnyBatch, direction: list[Array], step: float) -> AnyBatch:
    return batch.with_predictions(
        [
            (p + np.float32(step) * d).astype(np.float32)
            for p, d in zip(batch.predictions, direction, strict=True)
        ]
    )


@law(cases.one_batch, speaks_of=("total",), needs=(EACH_TERM,), on_request=True)
def composition(trial: Trial) -> Iterator[Comparison]:
    """The total is the sum of its terms.

    Formula: L_total = L_location + L_anchor + L_classification + L_objectness, and the same for
    the gradients.

    Why it matters: the total is what trains, the terms are what people plot and tune. A term that
    is plotted and does not train looks as if it had converged.

    Broken by: a term left out of the total, or counted twice; a factor that only the total knows;
    a mean of the terms.
    """
    x = trial.images("X")
    problem = trial.case.problem
    value = trial.evaluate(x, gradients=True)
    terms = {c: v for c, v in value.components.items() if c != "total"}
    rounding = Rounding.of(problem, [x], value)
    got, wanted = value.components["total"], sum(terms.values())
    tolerance = float(rounding.tolerance(sum(map(abs, terms.values()))))
    known = {f"L_{c}": v for c, v in terms.items()}
    yield Comparison("total", "L(X)", got, EQUAL, wanted, tolerance, known)
    if value.gradients is not None:
        slopes = [value.gradients[c] for c in terms]
        summed = [np.sum(of_scale, axis=0) for of_scale in zip(*slopes, strict=True)]
        yield from worst_element(
            problem, "total", "L(X)", value.gradients["total"], summed, rounding
        )


@law(cases.small_batch, needs=(GRADIENTS,))
def gradient(trial: Trial) -> Iterator[Comparison]:
    """The gradient is the derivative of the value.

    Formula: along a direction d, of boxes, of logits, and of the gradient itself, dL/dp . d is as
    near to the mean of the difference quotients before and after p as these are to each other, or
    as they are with half the step.

    Why it matters: the value is what people look at, the gradient is what trains. Where they
    disagree, the curves describe another loss than the one that is minimized.

    Broken by: a stopped gradient; a custom gradient with a factor too many; a clipped value; a
    reported value that is divided by another number.
    """
    x = trial.images("X")
    value = trial.evaluate(x, gradients=True)
    assert value.gradients is not None
    signs = trial.case.choices.get("signs")
    if not isinstance(signs, tuple) or not signs or any(abs(sign) > 8 for sign in signs):
        raise ValueError(f"signs: expected whole numbers from -8 to 8, got {signs!r}")
    directions: dict[str, tuple[list[Array], tuple[str, ...]]]
    aware: tuple[str, ...] = ()
    if isinstance(x, Batch):
        # A box also moves the objectness target that knows it, which counts as a constant.
        aware = ("objectness", "total") if trial.problem.options.iou_aware_ratio else ()
        directions = {
            "boxes": (_direction(x, slice(0, OBJECTNESS), signs), aware),
            "logits": (_direction(x, slice(OBJECTNESS, None), signs), ()),
        }
    else:
        directions = {"predictions": (_direction(x, slice(None), signs), ())}
    whole = "total" if "total" in trial.components else trial.components[0]
    size = np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in value.gradients[whole]))
    if size > 0 and whole not in aware:
        uphill = [_grained(g / size) for g in value.gradients[whole]]
        others = tuple(c for c in trial.components if c != whole)
        directions[f"gradient of {whole}"] = (uphill, others)
    coarse = _quotients(trial, value, [direction for direction, _ in directions.values()], STEP)
    for (name, (direction, excepted)), by_component in zip(directions.items(), coarse, strict=True):
        components = tuple(c for c in trial.components if c not in excepted)
        slopes = {c: _along(value.gradients[c], direction) for c in components}
        finer = None
        for c, slope in slopes.items():
            quotients = by_component[c]
            spread = quotients.spread
            if abs(slope - quotients.mean) > spread:
                # Where the function turns from bending one way to the other, the two quotients are
                # nearer to each other than to the slope; the mean at half the step tells how far.
                finer = finer or next(_quotients(trial, value, [direction], STEP / 2))
                quotients = finer[c]
                spread = quotients.spread + abs(by_component[c].mean - quotients.mean)
            yield Comparison(
                c,
                f"dL(X)/dp along the {name}",
                slope,
                EQUAL,
                quotients.mean,
                spread,
                {"difference quotient before": quotients.before, "after": quotients.after},
            )


@dataclass(frozen=True)
class _Quotients:
    """Difference quotients on both sides of a point; noise: the largest effect of rounding."""

    before: float
    after: float
    noise: float

    @property
    def mean(self) -> float:
        return (self.before + self.after) / 2

    @property
    def spread(self) -> float:
        """How far the two differ: the function may bend, have a kink, or jump."""
        return abs(self.after - self.before) + self.noise


def _quotients(
    trial: Trial, middle: Evaluation, directions: Iterable[list[Array]], step: float
) -> Iterator[dict[str, _Quotients]]:
    """Yield the quotients of every component, for one direction after another."""
    x = trial.images("X")
    moved = [tuple(_moved(x, d, by) for by in (step, -step)) for d in directions]
    for ahead, behind in moved:
        high, low = trial.evaluate(ahead), trial.evaluate(behind)
        rounding = Rounding.of(trial.case.problem, [behind, x, ahead], low, middle, high)
        by_component = {}
        for c in trial.components:
            sides = (low.components[c], middle.components[c], high.components[c])
            noise = 2 * float(rounding.tolerance(max(map(abs, sides)))) / step
            before, after = (sides[1] - sides[0]) / step, (sides[2] - sides[1]) / step
            by_component[c] = _Quotients(before, after, noise)
        yield by_component


def _direction(batch: AnyBatch, channels: slice, signs: tuple[int, ...]) -> list[Array]:
    """Return a direction of length 1 or less: not 0 in these channels only."""
    direction = []
    for predictions in batch.predictions:
        array = np.zeros_like(predictions)
        array[..., channels] = np.resize(np.array(signs, np.float32), array[..., channels].shape)
        direction.append(array)
    length = np.sqrt(sum(float((array**2).sum()) for array in direction))
    return [_grained(array / max(length, 1)) for array in direction]


def _grained(direction: np.ndarray) -> Array:
    return (np.round(direction / GRAIN) * GRAIN).astype(np.float32)


def _along(gradient: Sequence[np.ndarray], direction: Sequence[Array]) -> float:
    parts = zip(gradient, direction, strict=True)
    return sum(float((g.astype(np.float64) * d).sum()) for g, d in parts)


@law(cases.same_shapes, needs=(LAYOUT, MODES), on_request=True, one_in=5)
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
    problem = trial.problem
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


@law(cases.one_clear_batch, needs=(LAYOUT,), on_request=True)
def oracle(trial: Trial) -> Iterator[Comparison]:
    """The loss is the specification's own, component by component.

    Formula: L = the float64 loss of the specification under the claimed normalization, and the
    same for the gradients; E = 9 where a formula needs it.

    Why it matters: the other laws say what kind of loss it is; this one says which.

    Broken by: any change of value, however consistent.
    """
    x = trial.batch("X")
    problem = trial.problem
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
