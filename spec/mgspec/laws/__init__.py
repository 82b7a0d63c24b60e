"""The laws of loss normalization, by name, in the order in which the specification tells them."""

from __future__ import annotations

from mgspec.laws import batch, density, structure  # noqa: F401
from mgspec.laws.law import LAWS, Case, Law, Trial
from mgspec.normalizations import unknown

__all__ = ["BATCH_LAWS", "LAWS", "Case", "Law", "Trial", "law_named"]

BATCH_LAWS = tuple(
    name for name, law in LAWS.items() if law.check.__module__ in (batch.__name__, density.__name__)
)


def law_named(name: str) -> Law:
    """The law of this name; ValueError with the nearest name otherwise."""
    try:
        return LAWS[name]
    except KeyError:
        raise unknown("law", name, LAWS) from None
