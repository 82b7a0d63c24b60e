"""Batches of symbols, for the formulas of `mgspec.problem.normalizations` to run on.

The same code makes a batch of z3's real symbols, to prove something of every batch, and a batch of
fractions, to look at one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import z3

from mgspec.laws.comparison import ABOVE, AT_LEAST, EQUAL
from mgspec.problem.normalizations import Arithmetic, Sums

NOT_EQUAL = "!="
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    EQUAL: operator.eq,
    NOT_EQUAL: operator.ne,
    AT_LEAST: operator.ge,
    ABOVE: operator.gt,
}

# What the terms of the loss differ in: what they count.
LOCATION = "location"  # positive cells; classification counts the same
ANCHOR = "anchor"  # the active cells, where nothing is ignored: as many in every image
IGNORING = "anchor-ignoring"  # the active weight, where background cells are ignored: anything
COUNTINGS = (LOCATION, ANCHOR, IGNORING)


@dataclass(frozen=True)
class Relation:
    """`left` and `right` compare as `sign` says, in every batch for which `when` is true."""

    what: str
    left: Any
    sign: str
    right: Any
    when: Relation | None = None

    def holds(self) -> Any:
        """A truth value, or z3's expression of one."""
        conclusion = _COMPARE[self.sign](self.left, self.right)
        if self.when is None:
            return conclusion
        condition = self.when.holds()
        if z3.is_expr(condition) or z3.is_expr(conclusion):
            return z3.Implies(condition, conclusion)
        return not condition or conclusion

    def __str__(self) -> str:
        return f"{self.what} = {self.left}, which should be {self.sign} {self.right}"


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of a batch come from: a symbol or a fraction for each name."""

    named: Callable[[str], Any]
    constant: Callable[[int], Any]


SYMBOLS = Numbers(z3.Real, z3.RealVal)


def _at_least_one(count: Any) -> Any:
    return z3.If(count >= 1, count, z3.RealVal(1)) if z3.is_expr(count) else max(1, count)


EXACT = Arithmetic(total=np.sum, at_least_one=np.frompyfunc(_at_least_one, 1, 1))


def column(values: Iterable[Any]) -> np.ndarray:
    """An array `[B]` of whatever the values are."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@dataclass(frozen=True)
class World:
    """Makes batches whose images have any raw sums and counts that the counting allows."""

    numbers: Numbers
    counting: str

    def number(self, name: str) -> Any:
        return self.numbers.named(name)

    def batch(self, name: str, images: int) -> Sums:
        """A batch called `name`; all batches have the same E and grid, as one scale has."""
        if self.counting == ANCHOR:
            counts = column([self.number("n")] * images)
        else:
            counts = self._column("n", name, images)
        positive = counts if self.counting == LOCATION else self._column("p", name, images)
        return Sums(
            self._column("S", name, images),
            counts,
            positive,
            images,
            self.number("cells"),
            self.number("E"),
        )

    def _column(self, letter: str, name: str, images: int) -> np.ndarray:
        return column(self.number(f"{letter}_{name}{i + 1}") for i in range(images))

    def weights(self, value: Callable[[Sums], Any], x: Sums) -> list[Any]:
        """For each image, the value where it has the raw sum 1 and the others 0: dL/dS_i."""
        one, zero = self.numbers.constant(1), self.numbers.constant(0)
        rows = [column(one if i == j else zero for j in range(x.images)) for i in range(x.images)]
        return [value(replace(x, raw=row)) for row in rows]


def take(x: Sums, order: Iterable[int]) -> Sums:
    """The batch of these images of x."""
    chosen = list(order)
    return replace(
        x,
        raw=x.raw[chosen],
        count=x.count[chosen],
        positive=x.positive[chosen],
        images=len(chosen),
    )


def concatenate(*batches: Sums) -> Sums:
    """All images in one batch."""
    return replace(
        batches[0],
        raw=np.concatenate([x.raw for x in batches]),
        count=np.concatenate([x.count for x in batches]),
        positive=np.concatenate([x.positive for x in batches]),
        images=sum(x.images for x in batches),
    )


def divisors(value: Any) -> list[Any]:
    """Everything that a symbolic value divides by; a fraction raises ZeroDivisionError instead."""
    if not z3.is_expr(value):
        return []
    own = [value.arg(1)] if z3.is_app_of(value, z3.Z3_OP_DIV) else []
    return own + [d for child in value.children() for d in divisors(child)]


# What may be known of a batch besides signs. A proof says which of these it uses.
NO_CELLS_NO_SUM = "an image whose count is 0 has the raw sum 0"
NO_FRACTION = "a count is 0 or at least 1"
WITHIN_GRID = "an image has no more positive cells than cells"
HYPOTHESES = (NO_CELLS_NO_SUM, NO_FRACTION, WITHIN_GRID)


def signs(x: Sums) -> list[Relation]:
    """What is always known: raw sums and counts are not negative, E and the grid are positive."""
    return [
        Relation("E", x.expected, ABOVE, 0),
        Relation("cells", x.cells, AT_LEAST, 1),
        *(Relation("raw sum", s, AT_LEAST, 0) for s in x.raw),
        *(Relation("count", n, AT_LEAST, 0) for n in (*x.count, *x.positive)),
    ]


def hypothesis(name: str, x: Sums) -> list[Relation]:
    """The hypothesis of this name, about this batch."""
    if name == NO_CELLS_NO_SUM:
        return [
            Relation("raw sum", s, EQUAL, 0, when=Relation("count", n, EQUAL, 0))
            for s, n in zip(x.raw, x.count, strict=True)
        ]
    if name == NO_FRACTION:
        return [
            Relation("count", n, AT_LEAST, 1, when=Relation("count", n, ABOVE, 0))
            for n in (*x.count, *x.positive)
        ]
    return [Relation("cells", x.cells, AT_LEAST, p) for p in x.positive]
