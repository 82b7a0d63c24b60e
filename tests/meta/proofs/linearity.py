"""Formulas on sympy's symbols, which can be differentiated.

What the guard max(1, n) gives plays no part here: it is a function of the counts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from mgspec.problem.normalizations import Arithmetic, Sums
from tests.meta.proofs.symbols import Numbers, World

Formula = Callable[[Sums, Arithmetic], Any]

SYMPY = Arithmetic(
    total=np.sum, at_least_one=np.frompyfunc(lambda count: sympy.Max(1, count), 1, 1)
)
NUMBERS = Numbers(lambda name: sympy.Symbol(name, positive=True), sympy.Integer)


def value_and_weights(formula: Formula, counting: str, images: int) -> tuple[Sums, Any, list[Any]]:
    """A batch of symbols, its value, and for each image the value where it has all the loss."""
    world = World(NUMBERS, counting)
    x = world.batch("X", images)
    return x, formula(x, SYMPY), world.weights(lambda q: formula(q, SYMPY), x)


def is_linear(formula: Formula, counting: str, images: int) -> bool:
    """Whether the value is the sum of raw sums times weights, in which no raw sum stands."""
    x, value, weights = value_and_weights(formula, counting, images)
    weighted = sum(w * s for w, s in zip(weights, x.raw, strict=True))
    return sympy.simplify(value - weighted) == 0 and not any(
        w.has(s) for w in weights for s in x.raw
    )
