"""Wrong formulas are refuted, by the law that they break, with numbers that show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import z3

from mgspec.problem.normalizations import Arithmetic, Sums, batch, fixed
from tests.meta.proofs import prover
from tests.meta.proofs.prover import (
    Question,
    UndecidedError,
    VacuousError,
    counterexample,
    disagreement,
    satisfy,
)
from tests.meta.proofs.symbols import ABOVE, HYPOTHESES, LOCATION, Relation


def positives_plus_one(q: Sums, of: Arithmetic) -> Any:
    return of.total(q.raw) / (of.total(q.count) + 1)


def hybrid_that_falls(q: Sums, of: Arithmetic) -> Any:
    return of.total(q.raw) / q.images * (1 - of.total(q.positive) / (q.images * q.cells))


def per_image_without_guard(q: Sums, of: Arithmetic) -> Any:
    return of.total(q.raw / q.count) / q.images


def batch_with_a_constant(q: Sums, of: Arithmetic) -> Any:
    return (of.total(q.raw) + 1) / q.images


def first_image_twice(q: Sums, of: Arithmetic) -> Any:
    return (of.total(q.raw) + q.raw[0]) / q.images


def fixed_without_images(q: Sums, of: Arithmetic) -> Any:
    return of.total(q.raw) / (of.at_least_one(of.total(q.count)) / q.expected)


@pytest.mark.parametrize(
    ("law", "formula", "sizes"),
    [
        ("replication", positives_plus_one, (1, 2)),
        ("density_neutral", positives_plus_one, (2,)),
        ("density_monotone", hybrid_that_falls, (1,)),
        ("density_weighted", hybrid_that_falls, (1,)),
        ("object_monotone", hybrid_that_falls, (1, 0)),
        ("finite", per_image_without_guard, (2,)),
        ("empty", per_image_without_guard, (1,)),
        ("empty", batch_with_a_constant, (1,)),
        ("partition", batch_with_a_constant, (1, 1)),
        ("permutation", first_image_twice, (2,)),
        ("locality", fixed_without_images, (1, 1)),
        ("sharding", first_image_twice, (2, 2)),
    ],
)
def test_a_wrong_formula_is_refuted_by_its_law(
    law: str, formula: Callable[[Sums, Arithmetic], Any], sizes: tuple[int, ...]
) -> None:
    wrong = disagreement(Question(law, formula, LOCATION, sizes), True, HYPOTHESES)
    assert wrong is not None
    assert wrong.startswith(f"{law} of {formula.__name__} (location, sizes {sizes}) fails: ")
    assert "where E = " in wrong


def test_a_law_that_a_formula_should_break_and_does_not_is_told() -> None:
    question = Question("replication", fixed_without_images, LOCATION, (2, 2))
    assert disagreement(Question("replication", fixed, LOCATION, (2, 2)), False, ()) is None
    wrong = disagreement(question, False, ())
    assert wrong is not None
    assert "replication of fixed_without_images" in wrong
    assert "should fail, but no counts up to 3 break it" in wrong


def test_a_counterexample_is_small_whole_and_says_what_came_instead() -> None:
    found = counterexample(Question("empty", batch_with_a_constant, LOCATION, (1,)), whole=True)
    assert found is not None
    assert found.failure == "L(X) = 1, which should be = 0"
    assert found.numbers["n_X1"] == found.numbers["S_X1"] == 0


def test_a_statement_of_no_batch_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = Relation("count", z3.RealVal(-1), ABOVE, 0)
    monkeypatch.setattr(prover, "signs", lambda x: [impossible])
    with pytest.raises(
        VacuousError, match=r"nonnegative of batch .*no batch is as the law presume"
    ):
        counterexample(Question("nonnegative", batch, LOCATION, (1,)))


def test_an_answer_that_does_not_come_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "MOST_WORK", 1)
    x, y = z3.Reals("x y")
    with pytest.raises(UndecidedError, match="no answer"):
        satisfy(x * x * x + y * y * y == 7, x * y > 3)
