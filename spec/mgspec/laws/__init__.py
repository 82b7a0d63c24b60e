"""The laws of loss normalization, by name, in the order in which the specification tells them."""

from __future__ import annotations

from mgspec.laws import agreement, batch, density, settings, structure, symmetry
from mgspec.laws.law import REGISTERED, Case, Law, Trial
from mgspec.normalizations import unknown

__all__ = ["BATCH_LAWS", "LAWS", "Case", "Law", "Trial", "law_named"]

LAWS: dict[str, Law] = {
    name: law
    for chapter in (batch, density, structure, symmetry, settings, agreement)
    for name, law in REGISTERED.items()
    if law.check.__module__ == chapter.__name__
}
BATCH_LAWS = tuple(
    name for name, law in LAWS.items() if law.check.__module__ in (batch.__name__, density.__name__)
)


def law_named(name: str) -> Law:
    """The law of this name; ValueError with the nearest name otherwise."""
    try:
        return LAWS[name]
    except KeyError:
        raise unknown("law", name, LAWS) from None
