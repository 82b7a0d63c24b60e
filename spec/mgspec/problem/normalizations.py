"""The eight normalizations: each one's formula, once, and the laws that it obeys.

A formula takes the raw sums and counts of one component on one scale and gives the component's
value. It is plain arithmetic on whatever numbers `Sums` holds (NumPy arrays, tensors, symbols) plus
two operations that differ between them, handed in as `Arithmetic`. Every formula is linear in the
raw sums, so the weight of image i, which is what the gradient needs, is the formula's value where
image i has the raw sum 1 and the others 0.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Sums:
    """Raw sums and counts of one component on one scale, for a batch of B images.

    raw: [B] S_i, the component's terms summed over image i.
    count: [B] n_i, how many cells the component speaks of in image i.
    positive: [B] positive cells of image i.
    images: B.
    cells: H * W, cells of one image.
    expected: E, the expected count of positive cells of an image; None where no formula needs it.
    """

    raw: Any
    count: Any
    positive: Any
    images: Any
    cells: Any
    expected: float | None = None


@dataclass(frozen=True)
class Arithmetic:
    """What the formulas need beyond + - * /."""

    total: Callable[[Any], Any]
    at_least_one: Callable[[Any], Any]


NUMPY = Arithmetic(total=np.sum, at_least_one=lambda count: np.maximum(1, count))


def positives(q: Sums, of: Arithmetic) -> Any:
    """S / max(1, n)"""
    return of.total(q.raw) / of.at_least_one(of.total(q.count))


def batch(q: Sums, of: Arithmetic) -> Any:
    """S / B"""
    return of.total(q.raw) / q.images


def fixed(q: Sums, of: Arithmetic) -> Any:
    """S / (max(1, n) / E · B)"""
    return of.total(q.raw) / (of.at_least_one(of.total(q.count)) / q.expected * q.images)


def hybrid(q: Sums, of: Arithmetic) -> Any:
    """S / B · (1 + d), d = positive cells / (B·H·W)"""
    return of.total(q.raw) / q.images * (1 + of.total(q.positive) / (q.images * q.cells))


def grid(q: Sums, of: Arithmetic) -> Any:
    """S / (B·H·W)"""
    return of.total(q.raw) / (q.images * q.cells)


def expected(q: Sums, of: Arithmetic) -> Any:
    """S / (E·B)"""
    return of.total(q.raw) / (q.expected * q.images)


def per_image(q: Sums, of: Arithmetic) -> Any:
    """mean over images of S_i / max(1, n_i)"""
    return of.total(q.raw / of.at_least_one(q.count)) / q.images


def sum_(q: Sums, of: Arithmetic) -> Any:
    """S"""
    return of.total(q.raw)


@dataclass(frozen=True)
class Normalization:
    """A way of dividing a component's raw sum.

    obeys: the laws that location, classification and the total obey under it.
    obeys_by_constant_count: further laws that a component obeys whose count is the same in every
        image, as the anchor term's is where nothing is ignored.
    """

    name: str
    formula: Callable[[Sums, Arithmetic], Any]
    source: str
    obeys: frozenset[str]
    obeys_by_constant_count: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The formula as a person writes it."""
        return (self.formula.__doc__ or "").strip()

    @property
    def divides_by_count(self) -> bool:
        """Whether the formula divides by the component's own count."""
        return self.formula in (positives, fixed, per_image)

    @property
    def needs_expected(self) -> bool:
        """Whether the formula uses E."""
        return self.formula in (fixed, expected)

    def laws_of(self, component: str) -> frozenset[str]:
        """The laws that this component obeys under this normalization."""
        if component == "anchor":
            return self.obeys | self.obeys_by_constant_count
        return self.obeys


# Laws that no choice of denominator can break.
ALWAYS = frozenset({"finite", "empty", "nonnegative", "pure", "permutation"}) | frozenset(
    {"masking", "perfect", "participation", "separation", "layers"}
    | {"relabelling", "transposition", "translation"}
    | {"scales", "ignoring", "composition", "gradient", "modes", "oracle"}
)
_COMPARABLE = frozenset({"partition", "locality", "sharding"})
_MONOTONE = frozenset({"object_monotone", "density_monotone"})

NORMALIZATIONS: dict[str, Normalization] = {
    n.name: n
    for n in (
        Normalization(
            "positives",
            positives,
            "today's loss of the MultiGridDet detector",
            ALWAYS | {"replication", "density_neutral", "resolution"},
            obeys_by_constant_count=_COMPARABLE,
        ),
        Normalization(
            "batch",
            batch,
            "option 1 of the analysis, the recommended default",
            ALWAYS | {"replication", "resolution"} | _COMPARABLE | _MONOTONE,
        ),
        Normalization(
            "fixed",
            fixed,
            "option 2 of the analysis, as proposed; the guard against 0/0 is added here",
            ALWAYS | {"density_neutral", "resolution"},
        ),
        Normalization(
            "hybrid", hybrid, "option 3 of the analysis", ALWAYS | {"replication"} | _MONOTONE
        ),
        Normalization(
            "grid",
            grid,
            "a later revision of the MultiGridDet detector",
            ALWAYS | {"replication"} | _COMPARABLE | _MONOTONE,
        ),
        Normalization(
            "expected",
            expected,
            "the factor of option 2 that really is fixed",
            ALWAYS | {"replication", "resolution"} | _COMPARABLE | _MONOTONE,
        ),
        Normalization(
            "per_image",
            per_image,
            "an early keras-retinanet averaged so",
            ALWAYS | {"replication", "density_neutral", "resolution"} | _COMPARABLE,
        ),
        Normalization(
            "sum",
            sum_,
            "the negative control: no denominator",
            ALWAYS | {"resolution"} | _MONOTONE,
        ),
    )
}


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for a name that is not among the known ones, with the nearest that is."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return ValueError(f"unknown {kind} {name!r}{hint} One of: {', '.join(names)}")


def normalization(name: str) -> Normalization:
    """The normalization of this name; ValueError with the nearest name otherwise."""
    try:
        return NORMALIZATIONS[name]
    except (KeyError, TypeError):
        raise unknown("normalization", name, NORMALIZATIONS) from None
