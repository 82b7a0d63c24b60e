"""The laws of agreement: total with terms, gradient with value, one way of running with another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mgspec.laws import cases
from mgspec.laws.comparison import EQUAL, UNIT_ROUNDOFF, Comparison, Rounding, worst_element
from mgspec.laws.law import Trial, law
from mgspec.laws.needs import DERIVATIVE, EACH_TERM, GRADIENTS, LAYOUT, MODES
from mgspec.laws.walks import REACH, Remainder, Walk, beside, glance, unit, walk
from mgspec.loss import float64 as loss
from mgspec.loss.candidate import AUTOCAST, Evaluation, FatalLossError, LossError, ModeError
from mgspec.problem.layout import OBJECTNESS, AnyBatch, Array, Batch

STEPS = 8  # of a walk
# What part of the reach a walk goes to each side. The later one is taken where a remainder is left
# by the earlier one: only a wrong gradient leaves one in both.
PARTS = (1.0, 0.5)
FAR = 8 * REACH  # where a wrong gradient leaves as much for each unit of length


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


@law(cases.small_batch, needs=(GRADIENTS,), component_needs=(DERIVATIVE,))
def gradient(trial: Trial) -> Iterator[Comparison]:
    """The gradient is the derivative of the value.

    Formula: along a direction d, of boxes, of logits, and of the gradient itself, in m equal steps
    from p_0 to p_m: L(p_m) - L(p_0) is the sum of (dL/dp_j + dL/dp_{j+1}) / 2 . (p_{j+1} - p_j), as
    near as the steps agree in what is left over, as the slopes bend, and as L is rounded.

    Why it matters: the value is what people look at, the gradient is what trains. Where they
    disagree, the curves describe another loss than the one that is minimized.

    Broken by: a stopped gradient; a custom gradient with a factor too many; a clipped value; a
    reported value that is divided by another number.
    """
    x = beside(trial.images("X"))
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
    largest = max(float(np.abs(g).max()) for g in value.gradients[whole])
    if 0 < largest < np.inf and whole not in aware:
        uphill = [
            unit(p) / largest * g
            for p, g in zip(x.predictions, value.gradients[whole], strict=True)
        ]
        others = tuple(c for c in trial.components if c != whole)
        directions[f"gradient of {whole}"] = (uphill, others)
    for name, (direction, excepted) in directions.items():
        components = tuple(c for c in trial.components if c not in excepted)
        yield from _walked(trial, x, value, direction, components, f"dL(X)/dp along the {name}")


def _walked(
    trial: Trial,
    x: AnyBatch,
    value: Evaluation,
    direction: list[Array],
    components: tuple[str, ...],
    what: str,
) -> Iterator[Comparison]:
    """Compare the slope of each component by its gradient with that by its value.

    Compare nothing where a walk leaves the domain of a loss that is finite at its start.
    """
    assert value.gradients is not None
    is_finite = {
        c: np.isfinite(value.components[c]) and all(np.isfinite(g).all() for g in slopes)
        for c, slopes in value.gradients.items()
    }
    remaining = components
    for part in (None, *PARTS):
        reach = REACH * (part or 1)
        if part is None:
            remainders = glance(trial, x, value, direction)
        else:
            taken = walk(trial, x, value, direction, steps=STEPS, reach=reach)
            remainders = {c: taken.remainder(c) for c in remaining}
        for c in remaining:
            found = remainders[c]
            if found.is_within and (found.is_finite or not is_finite[c]):
                yield _as_slopes(c, what, found, reach)
        remaining = tuple(c for c in remaining if not remainders[c].is_within)
        if not remaining:
            return
    far = _far_walk(trial, x, value, direction)
    for c in remaining:
        near, distant = remainders[c], far.remainder(c) if far is not None else None
        if is_finite[c] and not near.is_finite:
            continue
        # A value that is rounded to few numbers on the way stays behind nearby, and not far away.
        allowed = abs(near.left) * FAR / (PARTS[-1] * REACH) / 2
        if distant is not None and abs(distant.left) <= allowed:
            yield _as_slopes(c, what, replace(distant, bound=allowed), FAR)
        else:
            yield _as_slopes(c, what, near, PARTS[-1] * REACH)


def _far_walk(trial: Trial, x: AnyBatch, value: Evaluation, direction: list[Array]) -> Walk | None:
    """Return a walk that goes far; None where the loss does not answer so far away."""
    try:
        return walk(trial, x, value, direction, steps=STEPS, reach=FAR)
    except FatalLossError:
        raise
    except LossError:
        return None


def _as_slopes(component: str, what: str, found: Remainder, reach: float) -> Comparison:
    length = 2 * reach
    return Comparison(
        component,
        what,
        found.integral / length,
        EQUAL,
        found.rise / length,
        found.bound / length,
    )


def _direction(batch: AnyBatch, channels: slice, signs: tuple[int, ...]) -> list[Array]:
    """Return a direction that is not 0 in these channels only, and up to a unit there."""
    largest = max(map(abs, signs)) or 1
    direction = []
    for predictions in batch.predictions:
        array = np.zeros_like(predictions)
        array[..., channels] = np.resize(np.array(signs, np.float32), array[..., channels].shape)
        direction.append(array * np.float32(unit(predictions) / largest))
    return direction


@law(cases.for_modes, needs=(MODES,), one_in=5)
def modes(trial: Trial) -> Iterator[Comparison]:
    """However the loss is run, it is the same loss.

    Formula: in every way that the loss can be run, L and its gradient agree: eagerly, traced for
    unknown shapes, compiled by XLA, and with predictions in half precision. There the gradient
    agrees to that precision; where the loss also computes its terms in half precision, as under
    autocast, every term may be rounded to it, but no sum.

    Why it matters: what was debugged eagerly is trained traced, compiled and in mixed precision. A
    mean over images may be a sum in a trace, where their number is unknown. A sum kept in half
    precision stops growing at 2,048 cells.

    Broken by: sums or counts in half precision; shapes fixed at trace time; Python branches on
    values; an operation that XLA treats otherwise.
    """
    x = trial.images("X")
    problem = trial.case.problem
    value = trial.evaluate(x, gradients=True)
    for mode, run in trial.candidate.modes.items():
        try:
            other = run(problem, x, trial.candidate.has_gradients)
        except ModeError:  # only another value breaks this law
            continue
        if not set(trial.components) <= set(other.components):
            raise LossError(f"{mode}: the loss returned {', '.join(sorted(other.components))}")
        rounding = Rounding.of(problem, [x], value, other)
        of_gradient = replace(rounding, stored=UNIT_ROUNDOFF.get(mode, 0.0))
        for c in trial.components:
            slopes = value.gradients[c] if value.gradients is not None else ()
            of_value = rounding
            if mode in AUTOCAST:
                of_value, of_gradient = rounding.with_terms_in(AUTOCAST[mode], x, slopes)
            got, wanted = other.components[c], value.components[c]
            tolerance = float(of_value.tolerance(max(abs(got), abs(wanted))))
            yield Comparison(c, f"L(X) in mode {mode}", got, EQUAL, wanted, tolerance)
            if value.gradients is None or other.gradients is None or c not in other.gradients:
                continue
            yield from worst_element(
                problem, c, f"L(X) in mode {mode}", other.gradients[c], slopes, of_gradient
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
