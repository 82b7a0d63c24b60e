"""What a loss says of the probes, and whether it goes as some formula or power does.

A reading is what one wrong prediction costs in one component: the value of the probe with it, less
the value of the probe without.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mgspec.laws.comparison import Rounding
from mgspec.loss.candidate import PLAIN_OPTIONS, Candidate, Evaluation, LossError, claiming
from mgspec.scaling.probes import PROBES, WRONGS, Probe, Wrong, batch_of, problem_of

Progress = Callable[[], None]
EVALUATIONS = len(PROBES) * (1 + len(WRONGS))


@dataclass(frozen=True)
class Reading:
    """What one wrong prediction costs in a component, and how exactly that is known."""

    value: float
    tolerance: float

    @property
    def visible(self) -> bool:
        """Whether it is well above what rounding may make of 0."""
        return abs(self.value) > 4 * self.tolerance


Key = tuple[str, Wrong]
Readings = Mapping[Probe, Reading]


@dataclass(frozen=True)
class Measured:
    """What a loss said of the probes.

    values: readings by (component, wrong); probes without a finite number are missing.
    slopes: the same of the gradient's length; empty where no gradients were asked for.
    unanswered: by probe, why there is no finite number.
    """

    values: Mapping[Key, Readings]
    slopes: Mapping[Key, Readings]
    unanswered: Mapping[Probe, str]


def measure(
    candidate: Candidate, progress: Progress | None = None, *, gradients: bool = False
) -> Measured:
    """Evaluate a loss on every probe. progress: called once for each evaluation."""
    options = claiming(candidate.options or PLAIN_OPTIONS, candidate.claims)
    values: dict[Key, dict[Probe, Reading]]
    slopes: dict[Key, dict[Probe, Reading]]
    values, slopes = defaultdict(dict), defaultdict(dict)
    unanswered: dict[Probe, str] = {}
    for probe in PROBES:
        problem, right = problem_of(probe, options), None
        for wrong in (None, *WRONGS):
            if progress is not None:
                progress()
            batch = batch_of(problem, probe, wrong)
            try:
                answer = candidate.run(problem, batch, gradients and candidate.has_gradients)
            except LossError as error:
                unanswered.setdefault(probe, str(error))
                continue
            for component, value in answer.components.items():
                if not np.isfinite(value):
                    unanswered.setdefault(probe, f"{component} is {value}")
            if wrong is None:
                right = answer
            elif right is not None:
                rounding = Rounding.of(problem, [batch], answer, right)
                for component in candidate.components:
                    reading = _value(rounding, answer, right, component)
                    if reading is not None:
                        values[component, wrong][probe] = reading
                    reading = _slope(rounding, answer, right, component)
                    if reading is not None:
                        slopes[component, wrong][probe] = reading
    return Measured(dict(values), dict(slopes), unanswered)


def _value(
    rounding: Rounding, wrong: Evaluation, right: Evaluation, component: str
) -> Reading | None:
    pair = [e.components.get(component, np.nan) for e in (wrong, right)]
    if not np.isfinite(pair).all():
        return None
    return Reading(pair[0] - pair[1], sum(float(rounding.tolerance(value)) for value in pair))


def _slope(
    rounding: Rounding, wrong: Evaluation, right: Evaluation, component: str
) -> Reading | None:
    if wrong.gradients is None or right.gradients is None:
        return None
    pairs = zip(wrong.gradients[component], right.gradients[component], strict=True)
    change = np.concatenate([(w.astype(float) - r).ravel() for w, r in pairs])
    size = float(np.linalg.norm(change))
    return Reading(size, 2 * float(rounding.tolerance(size))) if np.isfinite(size) else None


def constant(readings: Readings, predicted: Mapping[Probe, float]) -> float | None:
    """The one number that turns every prediction into its reading, within rounding; else None."""
    low, high = -np.inf, np.inf
    for probe, reading in readings.items():
        expected = predicted[probe]
        if expected == 0:
            if abs(reading.value) > reading.tolerance:
                return None
            continue
        low = max(low, (reading.value - reading.tolerance) / expected)
        high = min(high, (reading.value + reading.tolerance) / expected)
    return (low + high) / 2 if np.isfinite(low) and low <= high else None


def spread(readings: Readings, predicted: Mapping[Probe, float]) -> float:
    """The largest ratio of reading to prediction over the smallest; infinite where signs differ."""
    ratios = [r.value / predicted[p] for p, r in readings.items() if predicted[p]]
    if not ratios or min(ratios) <= 0:
        return np.inf
    return max(ratios) / min(ratios)


def power(readings: Readings, sweep: Mapping[int, Probe]) -> float | None:
    """The exponent p of readings that go as x^p along a sweep; None where there is none."""
    known = [(x, readings[probe]) for x, probe in sweep.items() if probe in readings]
    if len(known) < 3 or not all(r.visible for _, r in known):
        return None
    signs = {np.sign(r.value) for _, r in known}
    if len(signs) > 1:
        return None
    x = np.log([x for x, _ in known])
    y = np.log([abs(r.value) for _, r in known])
    slope, start = np.polyfit(x, y, 1)
    allowed = sum(r.tolerance / abs(r.value) for _, r in known)
    if np.abs(slope * x + start - y).max() > allowed:
        return None
    return float(round(slope, 3)) + 0.0
