"""Measure a loss on the probes, and fit a formula or a power law to the readings.

A reading is the cost of one mistake in one component: the value of the probe with the mistake minus
its value without.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgspec.laws.comparison import Rounding
from mgspec.loss.candidate import (
    PLAIN_OPTIONS,
    Candidate,
    Evaluation,
    FatalLossError,
    LossError,
    with_normalization,
)
from mgspec.scaling.probes import (
    MISTAKES,
    PROBES,
    SQUARE_PROBES,
    Mistake,
    Probe,
    batch_of,
    problem_of,
)
from mgspec.search.domain import LEAST_SHARE
from mgspec.search.search import MOST_FATAL

Progress = Callable[[], None]
EVALUATIONS = len(PROBES) * (1 + len(MISTAKES))


@dataclass(frozen=True)
class Reading:
    """The cost of a mistake in a component, and the rounding error it may have."""

    value: float
    tolerance: float

    @property
    def visible(self) -> bool:
        """Whether the value is well above what rounding can make of 0."""
        return abs(self.value) > 4 * self.tolerance


Key = tuple[str, Mistake]  # component, mistake
Readings = Mapping[Probe, Reading]


@dataclass(frozen=True)
class Measurement:
    """The readings of a loss.

    values: the readings for each component and mistake. Probes without a finite number are missing.
    slopes: the same for the length of the gradient; empty if gradients were not measured.
    unanswered: for each probe without a finite number, the reason.
    is_given_up: the loss hung or ended its process so often that the other probes were left out.
    """

    values: Mapping[Key, Readings]
    slopes: Mapping[Key, Readings]
    unanswered: Mapping[Probe, str]
    is_given_up: bool = False


def measure(
    candidate: Candidate, progress: Progress | None = None, *, gradients: bool = False
) -> Measurement:
    """Evaluate a loss on every probe.

    progress: called once for each evaluation; there are at most `EVALUATIONS`.
    gradients: measure gradients too, if the loss has them.
    """
    return _measure(candidate, PROBES, progress, gradients)


def measure_where_answered(candidate: Candidate, progress: Progress | None = None) -> Measurement:
    """Evaluate a loss on every probe or, if it refuses nearly all, on probes of square grids.

    What it refuses is among the unanswered probes in either case.

    progress: called once for each evaluation of the first round, which has at most `EVALUATIONS`.
    """
    usual = measure(candidate, progress)
    if len(usual.unanswered) <= (1 - LEAST_SHARE) * len(PROBES) or usual.is_given_up:
        return usual
    squares = _measure(candidate, SQUARE_PROBES, None, False)
    if len(squares.unanswered) >= len(usual.unanswered):
        return usual
    return replace(squares, unanswered={**usual.unanswered, **squares.unanswered})


def _measure(
    candidate: Candidate, probes: Sequence[Probe], progress: Progress | None, gradients: bool
) -> Measurement:
    options = with_normalization(candidate.options or PLAIN_OPTIONS, candidate.claims)
    values: dict[Key, dict[Probe, Reading]] = defaultdict(dict)
    slopes: dict[Key, dict[Probe, Reading]] = defaultdict(dict)
    unanswered: dict[Probe, str] = {}
    fatal, last_error = 0, ""
    for probe in probes:
        if fatal >= MOST_FATAL:
            unanswered[probe] = f"given up after {fatal} batches: {last_error}"
            continue
        problem, right = problem_of(probe, options), None
        for mistake in (None, *MISTAKES):
            if progress is not None:
                progress()
            batch = batch_of(problem, probe, mistake)
            try:
                evaluation = candidate.run(problem, batch, gradients and candidate.has_gradients)
            except LossError as error:
                last_error = str(error)
                unanswered.setdefault(probe, last_error)
                fatal += isinstance(error, FatalLossError)
                if mistake is None or fatal >= MOST_FATAL:
                    break  # a reading needs the probe without a mistake
                continue
            for component, value in evaluation.components.items():
                if not np.isfinite(value):
                    unanswered.setdefault(probe, f"{component} is {value}")
            if mistake is None:
                right = evaluation
            elif right is not None:
                rounding = Rounding.of(problem, [batch], evaluation, right)
                for component in candidate.components:
                    reading = _read_value(rounding, evaluation, right, component)
                    if reading is not None:
                        values[component, mistake][probe] = reading
                    reading = _read_slope(rounding, evaluation, right, component)
                    if reading is not None:
                        slopes[component, mistake][probe] = reading
    return Measurement(dict(values), dict(slopes), unanswered, fatal >= MOST_FATAL)


def _read_value(
    rounding: Rounding, wrong: Evaluation, right: Evaluation, component: str
) -> Reading | None:
    """Return the change of the component's value; None if it is not finite."""
    values = [evaluation.components.get(component, np.nan) for evaluation in (wrong, right)]
    if not np.isfinite(values).all():
        return None
    return Reading(values[0] - values[1], sum(float(rounding.tolerance(value)) for value in values))


def _read_slope(
    rounding: Rounding, wrong: Evaluation, right: Evaluation, component: str
) -> Reading | None:
    """Return the length of the gradient's change; None if it is not finite or not known."""
    if wrong.gradients is None or right.gradients is None:
        return None
    pairs = zip(wrong.gradients[component], right.gradients[component], strict=True)
    change = np.concatenate([(w.astype(float) - r).ravel() for w, r in pairs])
    length = float(np.linalg.norm(change))
    return Reading(length, 2 * float(rounding.tolerance(length))) if np.isfinite(length) else None


def fit_constant(readings: Readings, predicted: Mapping[Probe, float]) -> float | None:
    """Return the constant by which every prediction becomes its reading, within rounding.

    Return None if there is no such constant.
    """
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


def ratio_spread(readings: Readings, predicted: Mapping[Probe, float]) -> float:
    """Return the largest ratio of reading to prediction, divided by the smallest.

    Return infinity if a ratio is 0 or below.
    """
    ratios = [r.value / predicted[p] for p, r in readings.items() if predicted[p]]
    if not ratios or min(ratios) <= 0:
        return np.inf
    return max(ratios) / min(ratios)


def fit_exponent(readings: Readings, sweep: Mapping[int, Probe]) -> float | None:
    """Return the exponent p if the readings go as x^p along a sweep; else None."""
    known = [(x, readings[probe]) for x, probe in sweep.items() if probe in readings]
    if len(known) < 3 or not all(r.visible for _, r in known):
        return None
    signs = {np.sign(r.value) for _, r in known}
    if len(signs) > 1:
        return None
    log_x = np.log([x for x, _ in known])
    log_y = np.log([abs(r.value) for _, r in known])
    slope, intercept = np.polyfit(log_x, log_y, 1)
    allowed = sum(r.tolerance / abs(r.value) for _, r in known)
    if np.abs(slope * log_x + intercept - log_y).max() > allowed:
        return None
    return float(round(slope, 3)) + 0.0
