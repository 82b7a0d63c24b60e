"""The normalizations: the formula of each, and the truth table of the laws that it obeys.

A formula takes the raw sums and counts of one component on one scale and returns the component's
value. It is plain arithmetic on whatever numbers `Sums` holds (NumPy arrays, tensors, symbols).
`Arithmetic` holds the two operations that differ between them. Every formula is linear in the raw
sums. So the weight of image i, which the gradient needs, is the formula's value where image i has
the raw sum 1 and the others 0.
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
    """The operations that the formulas need beyond + - * /."""

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


# The laws that location, classification and the total obey (✓) and break (✗) under each
# normalization. A law without a row is broken by none.
TRUTH_TABLE = """
                  positives  batch  fixed  hybrid  grid  expected  per_image  sum
replication           ✓        ✓      ✗      ✓      ✓       ✓          ✓       ✗
partition             ✗        ✓      ✗      ✗      ✓       ✓          ✓       ✗
locality              ✗        ✓      ✗      ✗      ✓       ✓          ✓       ✗
sharding              ✗        ✓      ✗      ✗      ✓       ✓          ✓       ✗
object_monotone       ✗        ✓      ✗      ✓      ✓       ✓          ✗       ✓
density_monotone      ✗        ✓      ✗      ✓      ✓       ✓          ✗       ✓
density_neutral       ✓        ✗      ✓      ✗      ✗       ✗          ✓       ✗
resolution            ✓        ✓      ✓      ✗      ✗       ✓          ✓       ✓
"""

# (law, normalization) of each ✗ that is ✓ for the anchor term. Where nothing is ignored, its count
# is the same in every image, so that `positives` divides it as `grid` does.
OBEYED_BY_CONSTANT_COUNT = frozenset(
    {("partition", "positives"), ("locality", "positives"), ("sharding", "positives")}
)


def _marks(table: str) -> dict[tuple[str, str], bool]:
    """Return whether (law, normalization) is marked ✓, for each entry of the table."""
    names, *rows = (line.split() for line in table.strip().splitlines())
    return {
        (law, name): {"✓": True, "✗": False}[mark]
        for law, *marks in rows
        for name, mark in zip(names, marks, strict=True)
    }


MARKS = _marks(TRUTH_TABLE)


@dataclass(frozen=True)
class Normalization:
    """A way of dividing a component's raw sum; its column of the truth table has its name.

    divides_by_count: whether the formula divides by the component's own count.
    needs_expected: whether the formula uses E.
    """

    name: str
    formula: Callable[[Sums, Arithmetic], Any]
    source: str
    divides_by_count: bool = False
    needs_expected: bool = False

    @property
    def text(self) -> str:
        """The formula as a person writes it."""
        return (self.formula.__doc__ or "").strip()

    def obeys(self, law: str, component: str = "location") -> bool:
        """Return whether this component obeys the law under this normalization."""
        if component == "anchor" and (law, self.name) in OBEYED_BY_CONSTANT_COUNT:
            return True
        return MARKS.get((law, self.name), True)


NORMALIZATIONS: dict[str, Normalization] = {
    rule.name: rule
    for rule in (
        Normalization(
            "positives",
            positives,
            "today's loss of the MultiGridDet detector",
            divides_by_count=True,
        ),
        Normalization("batch", batch, "option 1 of the analysis, the recommended default"),
        Normalization(
            "fixed",
            fixed,
            "option 2 of the analysis, as proposed; the guard against 0/0 is added here",
            divides_by_count=True,
            needs_expected=True,
        ),
        Normalization("hybrid", hybrid, "option 3 of the analysis"),
        Normalization("grid", grid, "a later revision of the MultiGridDet detector"),
        Normalization(
            "expected",
            expected,
            "the factor of option 2 that really is fixed",
            needs_expected=True,
        ),
        Normalization(
            "per_image",
            per_image,
            "an early keras-retinanet averaged so",
            divides_by_count=True,
        ),
        Normalization("sum", sum_, "the negative control: no denominator"),
    )
}


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """Return the error for an unknown name; it suggests the nearest known one."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return ValueError(f"unknown {kind} {name!r}{hint} One of: {', '.join(names)}")


def normalization(name: str) -> Normalization:
    """Return the normalization of this name.

    Raises ValueError if there is none; the message lists all names, and a close one if there is.
    """
    try:
        return NORMALIZATIONS[name]
    except (KeyError, TypeError):
        raise unknown("normalization", name, NORMALIZATIONS) from None
