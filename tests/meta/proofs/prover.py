"""Asks z3 whether a statement follows for all reals, and looks at what it finds.

z3 is asked for a batch of which everything given is true and not everything that should follow.
Where there is none, the statement is proved. Where there is one, its numbers are put into the same
formula once more, as fractions, so that no counterexample rests on z3 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from mgspec.problem.normalizations import Arithmetic, Sums
from tests.meta.proofs.statements import STATEMENTS, Statement
from tests.meta.proofs.symbols import (
    EXACT,
    HYPOTHESES,
    SYMBOLS,
    Numbers,
    Relation,
    World,
    hypothesis,
    signs,
)

MOST_WORK = 4_000_000  # in z3's own measure, the same on every machine
LONGEST = 60_000  # milliseconds, where z3 forgets to count; neither limit is ever a proof
WHOLE = range(4)


class UndecidedError(AssertionError):
    """z3 gave up: neither proved nor refuted."""


class VacuousError(AssertionError):
    """Nothing fulfils what is given, so that anything would follow."""


@dataclass(frozen=True)
class Question:
    """Does this formula obey this law, for a term that counts so, with so many images?"""

    law: str
    formula: Callable[[Sums, Arithmetic], Any]
    counting: str
    sizes: tuple[int, ...]

    def statement(self, numbers: Numbers) -> Statement:
        """The law on symbols, or on the numbers of one batch."""
        build, _ = STATEMENTS[self.law]
        return build(World(numbers, self.counting), lambda q: self.formula(q, EXACT), *self.sizes)

    def __str__(self) -> str:
        return f"{self.law} of {self.formula.__name__} ({self.counting}, sizes {self.sizes})"


@dataclass(frozen=True)
class Counterexample:
    """Numbers for which a law fails, and in what it fails."""

    question: Question
    numbers: dict[str, Fraction]
    failure: str

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in sorted(self.numbers.items()))
        return f"{self.question} fails: {self.failure}; where {where}"


def satisfy(*conditions: Any) -> z3.ModelRef | None:
    """Numbers that fulfil all conditions, or None where there are none.

    Each question is put to a z3 that knows no other, so that the answer, and the time that it
    takes, do not depend on what was asked before.
    """
    asked = z3.Solver()
    asked.add(*conditions)
    reasons = []
    for kind in (z3.Solver, z3.SimpleSolver):  # what one finds hard the other may not
        solver = kind(ctx=z3.Context())
        solver.set("rlimit", MOST_WORK)
        solver.set("timeout", LONGEST)
        solver.from_string(asked.sexpr())
        answer = solver.check()
        if answer != z3.unknown:
            return solver.model() if answer == z3.sat else None
        reasons.append(solver.reason_unknown())
    raise UndecidedError(f"z3 came to no answer: {', '.join(reasons)}")


def counterexample(
    question: Question, hypotheses: Collection[str] = HYPOTHESES, *, whole: bool = False
) -> Counterexample | None:
    """A batch that breaks the law; None where it is proved that there is none.

    hypotheses: what may be used of every batch besides signs.
    whole: look only among small whole counts and grids, such as real batches have.
    """
    statement = question.statement(SYMBOLS)
    premises = [r.holds() for r in _premises(statement, hypotheses)]
    if whole:
        premises += [z3.Or([n == k for k in WHOLE]) for n in _counts(statement)]
    if satisfy(*premises, *(r.when.holds() for r in statement.follows if r.when)) is None:
        raise VacuousError(f"{question}: no batch is as the law presumes")
    broken = z3.Not(z3.And(True, *(r.holds() for r in statement.follows)))
    try:
        model = satisfy(*premises, broken)
    except UndecidedError as error:
        raise UndecidedError(f"{question}: {error}") from None
    return None if model is None else _look_at(question, model, hypotheses, whole)


def disagreement(question: Question, obeyed: bool, hypotheses: Collection[str]) -> str | None:
    """What is wrong with the claim that the formula obeys the law, or that it does not; or None.

    It obeys if that is proved for all reals from the hypotheses; it does not if a batch with whole
    counts, for which every hypothesis is true, breaks the law.
    """
    if obeyed:
        found = counterexample(question, hypotheses)
        # Whole counts are easier to read; where there are none, the proof lacks a hypothesis.
        return None if found is None else str(counterexample(question, whole=True) or found)
    if counterexample(question, whole=True) is None:
        return f"{question} should fail, but no counts up to {WHOLE[-1]} break it"
    return None


def _premises(statement: Statement, hypotheses: Collection[str]) -> list[Relation]:
    known = [r for x in statement.batches for r in signs(x)]
    names = [name for name in HYPOTHESES if name in hypotheses]
    assumed = [r for x in statement.batches for name in names for r in hypothesis(name, x)]
    return [*known, *assumed, *statement.given]


def _counts(statement: Statement) -> list[Any]:
    return [n for x in statement.batches for n in (*x.count, *x.positive, x.cells)]


def _look_at(
    question: Question, model: z3.ModelRef, hypotheses: Collection[str], whole: bool
) -> Counterexample:
    numbers: dict[str, Fraction] = {}

    def named(name: str) -> Fraction:
        value = model.eval(z3.Real(name, model.ctx), model_completion=True)
        if not z3.is_rational_value(value):
            raise UndecidedError(f"{question}: z3's answer {name} = {value} is no fraction")
        numbers[name] = value.as_fraction()
        return numbers[name]

    try:
        statement = question.statement(Numbers(named, Fraction))
    except ZeroDivisionError:
        return Counterexample(question, numbers, "it divides by 0")
    untrue = [r for r in _premises(statement, hypotheses) if not r.holds()]
    failed = [r for r in statement.follows if not r.holds()]
    fractional = [n for n in _counts(statement) if whole and n.denominator != 1]
    if untrue or fractional or not failed:
        raise AssertionError(
            f"{question}: z3's answer is not what the formula says: {numbers}, untrue: {untrue}"
        )
    return Counterexample(question, numbers, str(failed[0]))
