"""Which normalization a loss behaves as, measured on probes.

Every formula of `mgspec.problem.normalizations`, times powers of the batch size and of the grid,
predicts the value of each probe up to one constant. A loss behaves as the formula for which that
constant is the same on all of them, within rounding.
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
from mgspec.scaling.measuring import Measured, Progress, Readings, constant, measure, power, spread
from mgspec.scaling.probes import ALL_CELLS, POSITIVE_CELLS, PROBES, SWEEPS, Probe, Wrong, sums_of
from mgspec.search.search import Verdict, search


@dataclass(frozen=True)
class Formula:
    """A normalization, times powers of the batch size and of the cells of a grid.

    count: what it divides by, if it divides by a count. offset: added to that count in place of
    the guard max(1, n); 0 where the guard stands.
    """

    normalization: str
    images_power: int = 0
    cells_power: int = 0
    count: str = POSITIVE_CELLS
    offset: float = 0.0

    @property
    def detours(self) -> int:
        """How far it is from the normalization as it is named."""
        return abs(self.images_power) + abs(self.cells_power)

    def predicted(self, probe: Probe, wrong: Wrong) -> float:
        """The value of a probe, up to a constant."""
        sums = sums_of(probe, wrong, self.count)
        if self.offset:
            value = np.sum(sums.raw) / (np.sum(sums.count) + self.offset)
        else:
            value = NORMALIZATIONS[self.normalization].formula(sums, NUMPY)
        factor = float(probe.images) ** self.images_power * float(probe.cells) ** self.cells_power
        return float(value * factor)

    @property
    def words(self) -> str:
        """Such as "`positives` multiplied by the batch size"."""
        text = f"`{self.normalization}`"
        if self.count == ALL_CELLS:
            text += " over all cells"
        if self.offset:
            text += f" with n + {self.offset:g} in place of max(1, n)"
        for times, what in (
            (self.images_power, "the batch size"),
            (self.cells_power, "the cells of the grid"),
        ):
            if times:
                text += f" {'multiplied' if times > 0 else 'divided'} by {what}"
        return text


@cache
def _formulas(wrong: Wrong) -> tuple[Formula, ...]:
    """All that can be told apart, the plainest first, and those that count all cells last."""
    counts = (POSITIVE_CELLS,) if wrong.only_of_objects else (POSITIVE_CELLS, ALL_CELLS)
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
def _predictions(formula: Formula, wrong: Wrong) -> dict[Probe, float]:
    return {probe: formula.predicted(probe, wrong) for probe in PROBES}


# Where a formula is asked to hold: the first that any fits is taken, with what must be added.
_EVERYWHERE: tuple[tuple[Callable[[Probe], bool], str], ...] = (
    (lambda probe: True, ""),
    (lambda probe: any(probe.objects), "except in batches without objects"),
    (lambda probe: all(probe.objects), "only where every image has objects"),
)


@dataclass(frozen=True)
class TermBehaviour:
    """How a component scales where only one thing is wrong.

    formulas: those that it behaves as, the plainest first, the same up to a constant. Empty where
        none fits. exception: where they do not hold. distinct: False where rounding leaves open
        which of them it is.
    exponents: by sweep; None where it is no power law.
    nearest: the formula that comes closest where none fits; `off` is how far: the constant varies
        by this factor.
    """

    component: str
    wrong: Wrong
    exponents: Mapping[str, float | None]
    formulas: tuple[Formula, ...] = ()
    exception: str = ""
    distinct: bool = True
    nearest: Formula | None = None
    off: float = 1.0

    @property
    def name(self) -> str:
        """Such as "location", or "location in the anchor" where that is wrong."""
        if self.component in (self.wrong.component, "total"):
            return self.wrong.name
        return f"{self.wrong.name} in the {self.component}"

    @property
    def words(self) -> str:
        """What it behaves as."""
        if not self.formulas:
            return "none of the normalizations"
        text, *others = (f.words for f in self.formulas)
        if others:
            why = "the same up to a constant" if self.distinct else "not told apart"
            text += f" (or {', '.join(others)}: {why})"
        return f"{text} {self.exception}".strip()


@dataclass(frozen=True)
class Behaviour:
    """How a loss scales, term by term.

    unanswered: by probe, why the loss gave no finite number.
    """

    terms: tuple[TermBehaviour, ...]
    unanswered: Mapping[Probe, str]

    @property
    def news(self) -> tuple[TermBehaviour, ...]:
        """The terms, without those of the total that behave as in the component of their own."""
        known = {(t.wrong, t.words) for t in self.terms if t.component != "total"}
        return tuple(
            t for t in self.terms if t.component != "total" or (t.wrong, t.words) not in known
        )

    @property
    def by_words(self) -> dict[str, tuple[str, ...]]:
        """What the terms behave as, with the names of those that do."""
        groups: dict[str, tuple[str, ...]] = {}
        for term in self.news:
            own = all(t.component == "total" for t in self.terms)
            name = term.name if own or term.component != "total" else f"{term.name} in the total"
            groups[term.words] = (*groups.get(term.words, ()), name)
        return groups


def identify(candidate: Candidate, progress: Progress | None = None) -> Behaviour:
    """Which normalization each term of a loss behaves as. progress: as of `measure`."""
    return behaviour_of(measure(candidate, progress))


def behaviour_of(measured: Measured) -> Behaviour:
    """Which normalization each term behaves as, of a loss that was measured.

    What costs nothing where it is wrong is not in the loss, and is left out.
    """
    terms = [
        _term(component, wrong, readings)
        for (component, wrong), readings in measured.values.items()
        if any(reading.visible for reading in readings.values())
    ]
    return Behaviour(tuple(terms), measured.unanswered)


def _term(component: str, wrong: Wrong, readings: Readings) -> TermBehaviour:
    exponents = {name: power(readings, sweep) for name, sweep in SWEEPS.items()}
    for where, exception in _EVERYWHERE:
        kept = {probe: r for probe, r in readings.items() if where(probe)}
        found = _fitting(wrong, kept)
        if found:
            distinct = len(found) == 1 or all(_same(found[0], f, wrong, kept) for f in found[1:])
            return TermBehaviour(component, wrong, exponents, found, exception, distinct)
    nearest = min(_formulas(wrong), key=lambda f: spread(readings, _predictions(f, wrong)))
    off = spread(readings, _predictions(nearest, wrong))
    return TermBehaviour(
        component,
        wrong,
        exponents,
        nearest=nearest if np.isfinite(off) else None,
        off=off,
    )


def _fitting(wrong: Wrong, readings: Readings) -> tuple[Formula, ...]:
    """The plainest formulas that fit; with another guard than max(1, n) where none does."""
    fitting = [
        f for f in _formulas(wrong) if constant(readings, _predictions(f, wrong)) is not None
    ]
    if fitting:
        least = fitting[0].detours
        return tuple(f for f in fitting if f.detours == least)
    for images_power in (0, 1, -1):
        offset = _offset(wrong, readings, images_power)
        formula = Formula("positives", images_power, offset=offset)
        if offset and constant(readings, _predictions(formula, wrong)) is not None:
            return (formula,)
    return ()


def _offset(wrong: Wrong, readings: Readings, images_power: int) -> float:
    """d of S / (n + d) from the two probes that tell most of it; 0 where there is none."""
    few, many = Probe((2,)), Probe((2,) * 8)
    if few not in readings or many not in readings:
        return 0.0
    plain = Formula("sum", images_power)
    n, q = [], []
    for probe in (few, many):
        if readings[probe].value == 0:
            return 0.0
        n.append(sum(probe.objects))
        q.append(plain.predicted(probe, wrong) / readings[probe].value)
    if q[0] == q[1]:
        return 0.0
    offset = (q[0] * n[1] - q[1] * n[0]) / (q[1] - q[0])
    return round(offset, 3) if 1e-3 <= offset <= 1e3 else 0.0


def _same(one: Formula, other: Formula, wrong: Wrong, readings: Readings) -> bool:
    a, b = _predictions(one, wrong), _predictions(other, wrong)
    ratios = [a[probe] / b[probe] for probe in readings if b[probe]]
    return bool(np.allclose(ratios, ratios[0], rtol=1e-9))


def batch_laws(
    candidate: Candidate, *, max_examples: int, seed: int | None, progress: Progress | None = None
) -> list[Verdict]:
    """The verdicts of the laws that say what a normalization is, in a short search."""
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
