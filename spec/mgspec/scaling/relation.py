"""Find the factor by which two losses differ on the probes, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from mgspec.scaling.measuring import Reading, Readings, fit_constant
from mgspec.scaling.probes import SWEEPS, Probe

_POWERS = sorted(
    product((0, -1, 1, -2, 2), (0, -1, 1), (0, -1, 1)),
    key=lambda powers: sum(abs(power) for power in powers),
)


@dataclass(frozen=True)
class Relation:
    """How the readings of NEW follow from those of OLD, for one mistake.

    factor, powers: NEW = factor · OLD · B^i · max(1, n)^j · (H·W)^k with the powers (i, j, k) and n
        objects in the batch. The factor is None if no such formula fits.
    depends_on: the names of the sweeps along which NEW / OLD changes, if no formula fits.
    least, most: the range of NEW / OLD, if no formula fits; None if OLD is 0 where NEW is not.
    """

    factor: float | None
    powers: tuple[int, int, int] = (0, 0, 0)
    depends_on: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    @property
    def is_same(self) -> bool:
        """Whether NEW equals OLD."""
        return self.factor == 1 and self.powers == (0, 0, 0)

    @property
    def words(self) -> str:
        """The relation in words, such as "NEW is OLD divided by the batch size"."""
        if self.is_same:
            return "NEW is OLD"
        if self.factor is not None:
            return f"NEW is OLD{_describe(self.factor, self.powers)}"
        if self.least is None:
            return "NEW is OLD and more, where OLD is 0"
        text = f"NEW is OLD times {self.least:.4g} to {self.most:.4g}"
        if self.depends_on:
            return f"{text}, a factor that depends on the {_join(self.depends_on)}"
        return f"{text}, a factor that depends on how the objects are spread over the images"


def _describe(factor: float, powers: tuple[int, int, int]) -> str:
    """Return the factor and powers in words, such as " divided by the batch size"."""
    names = ("the batch size", "the number of objects", "the cells of the grid")
    parts = [] if factor == 1 else [f"times {factor:.6g}"]
    for power, name in zip(powers, names, strict=True):
        if power:
            amount = name if abs(power) == 1 else f"the square of {name}"
            parts.append(f"{'multiplied' if power > 0 else 'divided'} by {amount}")
    if not any(powers):
        return f" {parts[0]}, whatever the batch size, the objects and the grid"
    return f" {_join(parts)}"


def _join(names: list[str] | tuple[str, ...]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def relate(old: Readings, new: Readings) -> Relation:
    """Return how NEW follows from OLD; both are readings of one component and one mistake."""
    visible = [p for p in old if p in new and (old[p].visible or new[p].visible)]
    if not visible:
        return Relation(1.0)
    readings = {p: _with_both_errors(old[p], new[p]) for p in visible}
    for powers in _POWERS:
        predicted = {p: old[p].value * _scale(p, powers) for p in visible}
        factor = fit_constant(readings, predicted)
        if factor is not None:
            return Relation(_shorten(factor, readings, predicted), powers)
    if any(not old[p].visible for p in visible):
        return Relation(None)
    values = {p: old[p].value for p in visible}
    ratios = [new[p].value / old[p].value for p in visible]
    changing = tuple(
        name
        for name, sweep in SWEEPS.items()
        if fit_constant({p: readings[p] for p in sweep.values() if p in readings}, values) is None
    )
    return Relation(None, (0, 0, 0), changing, min(ratios), max(ratios))


def _with_both_errors(old: Reading, new: Reading) -> Reading:
    """Return NEW's reading with the tolerance of OLD's added in proportion."""
    if not old.visible:
        return new
    return Reading(new.value, new.tolerance + abs(new.value / old.value) * old.tolerance)


def _scale(probe: Probe, powers: tuple[int, int, int]) -> float:
    """Return B^i · max(1, n)^j · (H·W)^k of a probe."""
    i, j, k = powers
    objects = max(1, sum(probe.objects))
    return float(probe.images) ** i * float(objects) ** j * float(probe.cells) ** k


def _shorten(factor: float, readings: Readings, predicted: Mapping[Probe, float]) -> float:
    """Return the shortest decimal that fits as well, so that a half reads 0.5."""
    for digits in range(1, 7):
        rounded = float(f"{factor:.{digits}g}")
        expected = {p: predicted[p] * rounded for p in readings}
        if all(abs(readings[p].value - expected[p]) <= readings[p].tolerance for p in readings):
            return rounded
    return factor
