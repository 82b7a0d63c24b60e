"""The faults, one module a family; importing this package fills the catalogue."""

from tests.meta.faults.families import (
    axes,
    clipping,
    denominators,
    described,
    factors,
    gradients,
    guards,
    leftovers,
    masks,
    positions,
    precision,
    sizes,
    state,
)

__all__ = [
    "axes",
    "clipping",
    "denominators",
    "described",
    "factors",
    "gradients",
    "guards",
    "leftovers",
    "masks",
    "positions",
    "precision",
    "sizes",
    "state",
]
