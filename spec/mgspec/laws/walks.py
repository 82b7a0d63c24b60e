"""Walk from one batch to another near it, and compare what the value does with the gradient.

The rise of the value over a step is the integral of the gradient. A walk takes that integral by the
trapezoid rule and looks at what is left over: the *remainders* of its steps. Three things leave a
remainder although the gradient is the derivative. A kink or a jump leaves one in the step that it
lies in, so that the remainders of the steps differ. A bend leaves one that the second differences
of the slopes tell. Rounding leaves one that is independent from step to step, at most that of two
values over all steps. A wrong gradient leaves about the same remainder in every step.

So the bound is derived from what the loss shows, and not from how much it could round at worst: the
number of terms N enters by its root alone, as rounding errors that fall either way add up (Higham
and Mary, A new approach to probabilistic rounding error analysis, 2019). That needs terms that
differ, and no ties: walks start beside round numbers, which is where drawn predictions are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgspec.laws.comparison import Rounding
from mgspec.laws.law import Trial
from mgspec.loss.candidate import Evaluation
from mgspec.problem.layout import AnyBatch, Array

# How far a walk goes to each side, and how far from a round number it starts: parts of an array's
# unit. A walk never comes back to the round number, so that predictions that were in a domain, such
# as that of probabilities, stay in it.
REACH = 2.0**-6
GOLDEN = (5**0.5 - 1) / 2  # its multiples are spread evenly over [0, 1) and never repeat


@dataclass(frozen=True)
class Remainder:
    """How the rise of a value over a walk compares with the integral of its gradient.

    rise, integral: of the whole walk. bound: what kinks, bends and rounding may add up to.
    """

    rise: float
    integral: float
    bound: float

    @property
    def left(self) -> float:
        """What is left over."""
        return self.rise - self.integral

    @property
    def is_within(self) -> bool:
        """Whether the gradient may be the derivative."""
        return not abs(self.left) > self.bound

    @property
    def is_finite(self) -> bool:
        """Whether the walk stayed where the loss and its gradient are finite."""
        return math.isfinite(self.rise) and math.isfinite(self.integral)


@dataclass(frozen=True)
class Walk:
    """Batches on a line, in equal steps, and the loss of each."""

    trial: Trial
    batches: tuple[AnyBatch, ...]
    evaluations: tuple[Evaluation, ...]

    def remainder(self, component: str) -> Remainder:
        """Compare the rise of a component's value with the integral of its gradient."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self._remainder(component)

    def _remainder(self, component: str) -> Remainder:
        values = [e.components[component] for e in self.evaluations]
        points = [_joined(b.predictions) for b in self.batches]
        gradients = [_joined((e.gradients or {})[component]) for e in self.evaluations]
        rises = np.diff(values)
        steps = np.diff(points, axis=0)
        middles = (np.array(gradients[:-1]) + np.array(gradients[1:])) / 2
        integrals = (middles * steps).sum(axis=1)
        left = rises - integrals
        kinks = len(left) * (left.max() - left.min())
        slopes = np.array(gradients) @ (points[-1] - points[0])
        bends = np.abs(np.diff(slopes, 2)).max() / 6  # twice the error of the trapezoid rule
        rounding = Rounding.of(self.trial.case.problem, self.batches, *self.evaluations)
        noise = 2 * float(rounding.likely(max(map(abs, values))))
        return Remainder(float(rises.sum()), float(integrals.sum()), float(kinks + bends + noise))


def glance(
    trial: Trial, middle: AnyBatch, here: Evaluation, direction: Sequence[Array]
) -> dict[str, Remainder]:
    """Compare the rise of each component with the gradient in the middle alone, without a walk.

    That costs two values. Kinks, jumps and bends leave a remainder here as a wrong gradient does;
    only a walk tells them apart. The bound is a thousandth of the slope, and rounding.

    Arguments: as of `walk`.
    """
    ahead, behind = (moved(middle, direction, side * REACH) for side in (1, -1))
    high, low = trial.evaluate(ahead), trial.evaluate(behind)
    rounding = Rounding.of(trial.case.problem, (ahead, middle, behind), high, here, low)
    step = _joined(ahead.predictions) - _joined(behind.predictions)
    remainders = {}
    for c in trial.components:
        values = (low.components[c], here.components[c], high.components[c])
        noise = 2 * float(rounding.likely(max(map(abs, values))))
        with np.errstate(invalid="ignore", over="ignore"):
            integral = float((_joined((here.gradients or {})[c]) * step).sum())
        rise = values[-1] - values[0]
        remainders[c] = Remainder(rise, integral, noise + abs(integral) / 1024)
    return remainders


def walk(
    trial: Trial,
    middle: AnyBatch,
    here: Evaluation,
    direction: Sequence[Array],
    *,
    steps: int,
    reach: float,
) -> Walk:
    """Return a walk along a direction, in an even number of steps.

    middle, here: the batch in the middle, and its evaluation with gradients.
    direction: one array for each array of predictions. reach: how often it is gone to each side.
    """
    half = steps // 2
    batches, evaluations = [], []
    for step in range(-half, half + 1):
        batch = moved(middle, direction, reach * step / half) if step else middle
        batches.append(batch)
        evaluations.append(trial.evaluate(batch, gradients=True) if step else here)
    return Walk(trial, tuple(batches), tuple(evaluations))


def moved(batch: AnyBatch, direction: Sequence[Array], times: float) -> AnyBatch:
    """Return the batch with its predictions moved along a direction, so many times."""
    pairs = zip(batch.predictions, direction, strict=True)
    return batch.with_predictions([(p + times * d).astype(np.float32) for p, d in pairs])


def beside(batch: AnyBatch) -> AnyBatch:
    """Return the batch with each prediction moved away from round numbers, each by another amount.

    A prediction moves towards the middle of its array's numbers, by one to two reaches of a walk.
    """
    count = 0
    changed = []
    for array in batch.predictions:
        parts = np.arange(count, count + array.size, dtype=np.float64).reshape(array.shape) * GOLDEN
        count += array.size
        inwards = np.where(array > (float(array.max()) + float(array.min())) / 2, -1.0, 1.0)
        amounts = REACH * unit(array) * (1 + parts % 1)
        changed.append((array + inwards * amounts).astype(np.float32))
    return batch.with_predictions(changed)


def unit(array: Array) -> float:
    """Return the length by which numbers of an array differ: 1, or less where all are smaller."""
    largest = float(np.abs(array).max())
    return min(1.0, largest) if largest else 1.0


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays])
