"""By what factor two losses differ on the probes, and what that factor depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from mgspec.scaling.measuring import Reading, Readings, constant
from mgspec.scaling.probes import SWEEPS, Probe

_POWERS = sorted(
    product((0, -1, 1, -2, 2), (0, -1, 1), (0, -1, 1)),
    key=lambda powers: sum(abs(power) for power in powers),
)


@dataclass(frozen=True)
class Relation:
    """NEW as OLD times a factor, where one thing only is wrong.

    factor, powers: NEW = factor · OLD · B^i · max(1, n)^j · (H·W)^k with powers (i, j, k) and n for
        the objects of the batch; factor is None where that is not so.
    depends_on: the sweeps along which the factor changes.
    least, most: of NEW / OLD; None where OLD is 0 and NEW is not.
    """

    factor: float | None
    powers: tuple[int, int, int] = (0, 0, 0)
    depends_on: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    @property
    def is_same(self) -> bool:
        """Whether NEW is OLD."""
        return self.factor == 1 and self.powers == (0, 0, 0)

    @property
    def words(self) -> str:
        """Such as "NEW is OLD divided by the batch size"."""
        if self.is_same:
            return "NEW is OLD"
        if self.factor is not None:
            return f"NEW is OLD{_times(self.factor, self.powers)}"
        if self.least is None:
            return "NEW is OLD and more, where OLD is 0"
        text = f"NEW is OLD times {self.least:.4g} to {self.most:.4g}"
        if self.depends_on:
            return f"{text}, a factor that depends on the {_listed(self.depends_on)}"
        return f"{text}, a factor that depends on how the objects are spread over the images"


def _times(factor: float, powers: tuple[int, int, int]) -> str:
    names = ("the batch size", "the number of objects", "the cells of the grid")
    parts = [] if factor == 1 else [f"times {factor:.6g}"]
    for power, name in zip(powers, names, strict=True):
        if power:
            what = name if abs(power) == 1 else f"the square of {name}"
            parts.append(f"{'multiplied' if power > 0 else 'divided'} by {what}")
    if not any(powers):
        return f" {parts[0]}, whatever the batch size, the objects and the grid"
    return f" {_listed(parts)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last


def relation(old: Readings, new: Readings) -> Relation:
    """How NEW goes with OLD, of readings of the same component with the same thing wrong."""
    both = [probe for probe in old if probe in new]
    known = [p for p in both if old[p].visible or new[p].visible]
    if not known:
        return Relation(1.0)
    readings = {p: _with_both_errors(old[p], new[p]) for p in known}
    for powers in _POWERS:
        predicted = {p: old[p].value * _scale(p, powers) for p in known}
        factor = constant(readings, predicted)
        if factor is not None:
            return Relation(_plain(factor, readings, predicted), powers)
    if any(not old[p].visible for p in known):
        return Relation(None)
    values = {p: old[p].value for p in known}
    ratios = [new[p].value / old[p].value for p in known]
    changing = tuple(
        name
        for name, sweep in SWEEPS.items()
        if constant({p: readings[p] for p in sweep.values() if p in readings}, values) is None
    )
    return Relation(None, (0, 0, 0), changing, min(ratios), max(ratios))


def _with_both_errors(old: Reading, new: Reading) -> Reading:
    if not old.visible:
        return new
    return Reading(new.value, new.tolerance + abs(new.value / old.value) * old.tolerance)


def _scale(probe: Probe, powers: tuple[int, int, int]) -> float:
    of = (probe.images, max(1, sum(probe.objects)), probe.cells)
    value = 1.0
    for number, power in zip(of, powers, strict=True):
        value *= float(number) ** power
    return value


def _plain(factor: float, readings: Readings, predicted: Mapping[Probe, float]) -> float:
    """The shortest decimal that does as well, so that half is said to be 0.5."""
    for digits in range(1, 7):
        rounded = float(f"{factor:.{digits}g}")
        exact = {p: predicted[p] * rounded for p in readings}
        if all(abs(readings[p].value - exact[p]) <= readings[p].tolerance for p in readings):
            return rounded
    return factor
