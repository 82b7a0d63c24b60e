"""Identify the normalization that each term of a loss behaves as.

Each formula of `mgspec.problem.normalizations`, times powers of the batch size and of the grid,
predicts the value of every probe up to one constant. A term behaves as a formula if that constant
is the same on all probes, within rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from mgspec.laws import BATCH_LAWS, LAWS
from mgspec.loss.candidate import Candidate
from mgspec.problem.normalizations import NORMALIZATIONS, NUMPY
from mgspec.scaling.measuring import (
    Measurement,
    Progress,
    Readings,
    fit_constant,
    fit_exponent,
    measure_where_answered,
    ratio_spread,
)
from mgspec.scaling.probes import (
    ALL_CELLS,
    BATCH_SIZE,
    POSITIVE_CELLS,
    PROBES,
    SQUARE_PROBES,
    Mistake,
    Probe,
    sums_of,
    sweeps_of,
)
from mgspec.search.search import search
from mgspec.search.verdicts import Verdict


@dataclass(frozen=True)
class Formula:
    """A normalization times B^images_power times (H·W)^cells_power.

    count: what the normalization counts, `POSITIVE_CELLS` or `ALL_CELLS`, if it divides by a count.
    offset: divide by count + offset instead of max(1, count); 0 for the latter.
    """

    normalization: str
    images_power: int = 0
    cells_power: int = 0
    count: str = POSITIVE_CELLS
    offset: float = 0.0

    @property
    def complexity(self) -> int:
        """Sum of the powers' magnitudes; 0 for the normalization itself."""
        return abs(self.images_power) + abs(self.cells_power)

    def predict(self, probe: Probe, mistake: Mistake) -> float:
        """Return the value of a probe with this mistake, up to a constant."""
        sums = sums_of(probe, mistake, self.count)
        if self.offset:
            value = np.sum(sums.raw) / (np.sum(sums.count) + self.offset)
        else:
            value = NORMALIZATIONS[self.normalization].formula(sums, NUMPY)
        factor = float(probe.images) ** self.images_power * float(probe.cells) ** self.cells_power
        return float(value * factor)

    @property
    def words(self) -> str:
        """The formula in words, such as "`positives` multiplied by the batch size"."""
        text = f"`{self.normalization}`"
        if self.count == ALL_CELLS:
            text += " over all cells"
        if self.offset:
            text += f" with n + {self.offset:g} in place of max(1, n)"
        for power, number in (
            (self.images_power, "the batch size"),
            (self.cells_power, "the cells of the grid"),
        ):
            if power:
                text += f" {'multiplied' if power > 0 else 'divided'} by {number}"
        return text


@cache
def _formulas(mistake: Mistake) -> tuple[Formula, ...]:
    """Return the formulas to try: the simplest first, those that count all cells last."""
    counts = (POSITIVE_CELLS,) if mistake.only_of_objects else (POSITIVE_CELLS, ALL_CELLS)
    powers = (0, 1, -1)
    return tuple(
        Formula(name, images, cells, count)
        for images, cells in sorted(
            product(powers, powers), key=lambda p: (abs(p[0]) + abs(p[1]), abs(p[1]))
        )
        for count in counts
        for name, rule in NORMALIZATIONS.items()
        if count == POSITIVE_CELLS or rule.divides_by_count
    )


@cache
def _predictions(formula: Formula, mistake: Mistake) -> dict[Probe, float]:
    return {probe: formula.predict(probe, mistake) for probe in (*PROBES, *SQUARE_PROBES)}


# The probes on which a formula must fit, and the exception to report. The first row with a fitting
# formula decides.
_DOMAINS: tuple[tuple[Callable[[Probe], bool], str], ...] = (
    (lambda probe: True, ""),
    (lambda probe: any(probe.objects), "except in batches without objects"),
    (lambda probe: all(probe.objects), "only where every image has objects"),
)


@dataclass(frozen=True)
class TermBehaviour:
    """How a component scales if only one mistake is made.

    exponents: for each sweep the exponent of its power law; None if it follows none.
    formulas: the simplest formulas that fit; empty if none does.
    exception: the batches on which the formulas do not fit; empty if they fit on all.
    distinct: False if the formulas are not equal up to a constant, and rounding hides which it is.
    nearest: if no formula fits, the one that comes closest; None if none is near.
    spread: the factor by which the constant of `nearest` varies.
    """

    component: str
    mistake: Mistake
    exponents: Mapping[str, float | None]
    formulas: tuple[Formula, ...] = ()
    exception: str = ""
    distinct: bool = True
    nearest: Formula | None = None
    spread: float = 1.0

    @property
    def name(self) -> str:
        """The term's name: "location", or "location in the anchor" for another component."""
        if self.component in (self.mistake.component, "total"):
            return self.mistake.name
        return f"{self.mistake.name} in the {self.component}"

    @property
    def words(self) -> str:
        """The fitting formulas in words."""
        if not self.formulas:
            return "none of the normalizations"
        text, *others = (formula.words for formula in self.formulas)
        if others:
            reason = "the same up to a constant" if self.distinct else "not told apart"
            text += f" (or {', '.join(others)}: {reason})"
        return f"{text} {self.exception}".strip()


@dataclass(frozen=True)
class Behaviour:
    """How a loss scales, term by term.

    unanswered: for each probe without a finite number, the reason.
    """

    terms: tuple[TermBehaviour, ...]
    unanswered: Mapping[Probe, str]

    @property
    def informative_terms(self) -> tuple[TermBehaviour, ...]:
        """The terms, except those of the total that behave as in their own component."""
        known = {(t.mistake, t.words) for t in self.terms if t.component != "total"}
        return tuple(
            t for t in self.terms if t.component != "total" or (t.mistake, t.words) not in known
        )

    @property
    def by_words(self) -> dict[str, tuple[str, ...]]:
        """For each behaviour in words, the names of the terms that have it."""
        total_alone = all(term.component == "total" for term in self.terms)
        groups: dict[str, tuple[str, ...]] = {}
        for term in self.informative_terms:
            in_total = term.component == "total" and not total_alone
            name = f"{term.name} in the total" if in_total else term.name
            groups[term.words] = (*groups.get(term.words, ()), name)
        return groups


def identify(candidate: Candidate, progress: Progress | None = None) -> Behaviour:
    """Measure a loss and return the normalization that each of its terms behaves as.

    A loss that refuses grids that are not square is measured on square ones. progress: as in
    `measure`.
    """
    return identify_measured(measure_where_answered(candidate, progress))


def identify_measured(measurement: Measurement) -> Behaviour:
    """Return the normalization that each term of a measured loss behaves as.

    Leave out mistakes that cost nothing: the loss has no term for them.
    """
    terms = [
        _identify_term(component, mistake, readings)
        for (component, mistake), readings in measurement.values.items()
        if any(reading.visible for reading in readings.values())
    ]
    return Behaviour(tuple(terms), measurement.unanswered)


def _identify_term(component: str, mistake: Mistake, readings: Readings) -> TermBehaviour:
    exponents = {name: fit_exponent(readings, sweep) for name, sweep in sweeps_of(readings).items()}
    for contains, exception in _DOMAINS:
        kept = {probe: reading for probe, reading in readings.items() if contains(probe)}
        formulas = _fit_formulas(mistake, kept)
        if formulas:
            first, *others = formulas
            distinct = all(_are_proportional(first, other, mistake, kept) for other in others)
            return TermBehaviour(component, mistake, exponents, formulas, exception, distinct)
    spreads = {f: ratio_spread(readings, _predictions(f, mistake)) for f in _formulas(mistake)}
    nearest = min(spreads, key=lambda formula: spreads[formula])
    spread = spreads[nearest]
    return TermBehaviour(
        component,
        mistake,
        exponents,
        nearest=nearest if np.isfinite(spread) else None,
        spread=spread,
    )


def _fit_formulas(mistake: Mistake, readings: Readings) -> tuple[Formula, ...]:
    """Return the simplest formulas that fit; if none does, one with another guard that does."""

    def fits(formula: Formula) -> bool:
        return fit_constant(readings, _predictions(formula, mistake)) is not None

    fitting = [formula for formula in _formulas(mistake) if fits(formula)]
    if fitting:
        least = fitting[0].complexity
        return tuple(formula for formula in fitting if formula.complexity == least)
    for images_power in (0, 1, -1):
        offset = _fit_offset(mistake, readings, images_power)
        formula = Formula("positives", images_power, offset=offset)
        if offset and fits(formula):
            return (formula,)
    return ()


def _fit_offset(mistake: Mistake, readings: Readings, images_power: int) -> float:
    """Return d of S / (n + d), solved from a small and a large batch; 0 if there is none."""
    sizes = sweeps_of(readings)[BATCH_SIZE]
    small, large = sizes[min(sizes)], sizes[max(sizes)]
    if small not in readings or large not in readings:
        return 0.0
    sum_formula = Formula("sum", images_power)
    counts, ratios = [], []  # n, and the predicted sum over the reading
    for probe in (small, large):
        if readings[probe].value == 0:
            return 0.0
        counts.append(sum(probe.objects))
        ratios.append(sum_formula.predict(probe, mistake) / readings[probe].value)
    if ratios[0] == ratios[1]:
        return 0.0
    offset = (ratios[0] * counts[1] - ratios[1] * counts[0]) / (ratios[1] - ratios[0])
    return round(offset, 3) if 1e-3 <= offset <= 1e3 else 0.0


def _are_proportional(one: Formula, other: Formula, mistake: Mistake, readings: Readings) -> bool:
    """Return whether two formulas are equal up to a constant on the probes that were read."""
    a, b = _predictions(one, mistake), _predictions(other, mistake)
    ratios = [a[probe] / b[probe] for probe in readings if b[probe]]
    return bool(np.allclose(ratios, ratios[0], rtol=1e-9))


def search_batch_laws(
    candidate: Candidate, *, max_examples: int, seed: int | None, progress: Progress | None = None
) -> list[Verdict]:
    """Return verdicts of the laws that characterize a normalization, without shrinking.

    Arguments as in `mgspec.search.search.search`.
    """
    return [
        verdict
        for name in BATCH_LAWS
        for verdict in search(
            LAWS[name],
            candidate,
            max_examples=max_examples,
            seed=seed,
            progress=progress,
            shrink=False,
        )
    ]
