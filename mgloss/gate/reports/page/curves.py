"""Measure how a loss and the named normalizations grow over a family of batches."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from mgloss.gate.reports.page.probes import COUNTS, Family, families
from mgspec import NORMALIZATIONS, Candidate, LossError, specification
from mgspec.loss.candidate import PLAIN_OPTIONS, FatalLossError, with_normalization
from mgspec.search.search import MOST_FATAL_AT_FIRST

SAME = 1e-3  # relative; what a person could tell apart in a plot is ten times as much


@dataclass(frozen=True)
class Curve:
    """Values at each of `COUNTS`, relative to the first that the loss has; None without a value."""

    names: tuple[str, ...]
    values: tuple[float | None, ...]

    def is_like(self, other: Curve) -> bool:
        """Return whether both agree wherever both have a value, which the last must have."""
        pairs = zip(self.values, other.values, strict=True)
        both = [(a, b) for a, b in pairs if a is not None and b is not None]
        is_known = self.values[-1] is not None and len(both) > 1
        return is_known and all(math.isclose(a, b, rel_tol=SAME) for a, b in both)


@dataclass(frozen=True)
class Measurement:
    """A family of batches, and the values measured on it.

    component: of the loss, that was measured. normalizations: those that run together in one.
    gaps: why a value is missing, by the count.
    """

    family: Family
    component: str
    candidate: Curve
    normalizations: tuple[Curve, ...]
    gaps: dict[int, str]

    @property
    def named(self) -> list[tuple[str, Curve]]:
        """The curves of the normalizations, each with the names that it stands for."""
        return [(", ".join(curve.names), curve) for curve in self.normalizations]

    @property
    def like(self) -> tuple[str, ...]:
        """The names on the first curve that the loss's curve is like; () if there is none."""
        return next((c.names for c in self.normalizations if self.candidate.is_like(c)), ())


def measured(candidate: Candidate) -> list[Measurement]:
    """Return the loss beside every normalization, on each family; nothing for another layout."""
    if candidate.description is not None:
        return []
    options = with_normalization(candidate.options or PLAIN_OPTIONS, candidate.claims)
    preferred = ("location", "total", *candidate.components)
    component = next(name for name in preferred if name in candidate.components)
    measurements = []
    here = Path.cwd()  # a foreign loss may leave it
    for family in families(options):
        values, gaps = _values(candidate, family, component)
        first = next((i for i, value in enumerate(values) if value is not None), 0)
        together: list[Curve] = []
        for name in NORMALIZATIONS:
            rule = specification(name, options)
            curve = Curve((name,), _relative(_values(rule, family, component)[0], first))
            place = next((i for i, c in enumerate(together) if curve.is_like(c)), None)
            if place is None:
                together.append(curve)
            else:
                together[place] = Curve((*together[place].names, name), together[place].values)
        ordered = sorted(together, key=lambda c: -(c.values[-1] or 0))
        own = Curve((candidate.name,), _relative(values, first))
        start = values[first]
        if start is not None and own.values[first] is None:
            gaps[COUNTS[first]] = f"it is {start:g} there, to which nothing can be compared"
        measurements.append(Measurement(family, component, own, tuple(ordered), gaps))
    os.chdir(here)
    return measurements


def _values(
    candidate: Candidate, family: Family, component: str
) -> tuple[list[float | None], dict[int, str]]:
    values: list[float | None] = []
    gaps = {}
    fatal, reason = 0, ""
    for count, batch in zip(COUNTS, family.batches, strict=True):
        value = None
        if fatal >= MOST_FATAL_AT_FIRST:  # each costs a time-out or a new process
            gaps[count] = f"given up, for {reason}"
            values.append(None)
            continue
        try:
            answer = candidate.run(family.problem, batch, False).components
            value = float(answer[component]) if component in answer else None
            if value is None:
                gaps[count] = f"it returned no {component}"
            elif not math.isfinite(value):
                gaps[count], value = f"it is {value:g}", None
        except LossError as error:
            gaps[count] = reason = str(error)
            fatal += isinstance(error, FatalLossError)
        values.append(value)
    return values, gaps


def _relative(values: list[float | None], start: int) -> tuple[float | None, ...]:
    """Divide the values by that at `start`; return only None if that is missing or not above 0."""
    first = values[start]
    if first is None or first <= 0:
        return (None,) * len(values)
    return tuple(None if value is None else value / first for value in values)
