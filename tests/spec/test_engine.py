"""One run of the engine: what it tries, what it makes small, and where it ends."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any
from unittest import SkipTest

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis.database import InMemoryExampleDatabase, ReadOnlyDatabase
from hypothesis.errors import Unsatisfiable

from mgspec import LAWS, Candidate, Evaluation, Finding, LossError, search
from mgspec.drawing.variety import FULL, PLAIN, Variety
from mgspec.loss.candidate import FatalLossError
from mgspec.problem.descriptions import BUILT_IN
from mgspec.search.engine import MOST_BYTES, REUSE, Tally, run, run_length

WHOLE: Any = st.integers(0, 2**16)  # what a case is does not matter to a run
BOTH_WAYS = pytest.mark.parametrize("from_bytes", [True, False])


def tried(
    judge: Callable[[Any], str | None], cases: Any = WHOLE, **asked: Any
) -> tuple[Tally, list[Any]]:
    """What a run counted, and the cases that it tried; a case is wrong if it is told how."""
    seen: list[Any] = []

    def wrong(case: Any, tally: Tally) -> Finding | None:
        seen.append(case)
        how = judge(case)
        return None if how is None else Finding(case, how)

    defaults = {
        "number": 1,
        "length": 50,
        "seed": "0",
        "from_bytes": True,
        "progress": None,
        "shrink": True,
        "database": None,
    }
    return run(wrong, cases, **(defaults | asked)), seen


def above_100(number: int) -> str | None:
    return f"{number} is above 100" if number > 100 else None


@BOTH_WAYS
def test_a_wrong_case_is_made_small(from_bytes: bool) -> None:
    tally, seen = tried(above_100, from_bytes=from_bytes, length=8)
    assert tally.last == Finding(101, "101 is above 100")
    assert tally.examples == len(seen)


@BOTH_WAYS
def test_without_shrinking_the_first_wrong_case_is_the_finding(from_bytes: bool) -> None:
    tally, seen = tried(above_100, from_bytes=from_bytes, length=8, shrink=False)
    assert tally.last is not None
    assert tally.last.case == next(number for number in seen if number > 100)


@BOTH_WAYS
def test_the_same_seed_tries_the_same_cases_and_another_one_others(from_bytes: bool) -> None:
    first, again, other, free, freed = (
        tried(lambda _: None, from_bytes=from_bytes, length=8, seed=seed)[1]
        for seed in ("0", "0", "1", None, None)
    )
    assert first == again
    assert len({tuple(cases) for cases in (first, other, free, freed)}) == 4


def test_the_first_run_tries_the_simplest_case_and_the_others_do_not() -> None:
    assert tried(lambda _: None, number=0, length=1)[1] == [0]
    assert 0 not in tried(lambda _: None, number=1, length=8)[1]
    assert 0 not in tried(lambda _: None, number=1, length=8, from_bytes=False)[1]


def test_runs_from_bytes_double_and_others_end_before_hypothesis_varies_its_cases() -> None:
    assert [run_length(number, True) for number in range(5)] == [1, 8, 16, 32, 64]
    assert [run_length(number, False) for number in range(3)] == [9, 8, 8]


def test_from_bytes_every_value_is_as_likely_as_another() -> None:
    _, seen = tried(lambda _: None, st.integers(-3, 3), length=1400)
    counts = [seen.count(value) for value in range(-3, 4)]
    assert sum(counts) == 1400
    assert min(counts) > 140
    assert max(counts) < 260


@BOTH_WAYS
def test_a_case_that_is_wrong_once_only_is_told_so(from_bytes: bool) -> None:
    wrong = iter([None, None, "is wrong"])
    tally, _ = tried(lambda _: next(wrong, None), from_bytes=from_bytes, length=8)
    assert tally.last is not None
    assert tally.last.message == "is wrong; not every time it is asked"


@BOTH_WAYS
def test_a_fatal_error_ends_the_run_at_once_and_is_kept_for_the_next(from_bytes: bool) -> None:
    database = InMemoryExampleDatabase()

    def hangs(number: int) -> None:
        if number > 100:
            raise FatalLossError("it hung")

    tally, seen = tried(hangs, from_bytes=from_bytes, length=8, database=database)
    assert tally.last is not None
    assert tally.last == Finding(seen[-1], "it hung")
    assert [number > 100 for number in seen].count(True) == 1
    again, seen = tried(hangs, number=REUSE, from_bytes=from_bytes, database=database)
    assert (again.last, seen) == (tally.last, [tally.last.case])


@BOTH_WAYS
def test_a_loss_without_an_answer_is_wrong_and_its_case_is_made_small(from_bytes: bool) -> None:
    def raises(number: int) -> None:
        if number > 100:
            raise LossError("it raised")

    tally, _ = tried(raises, from_bytes=from_bytes, length=8)
    assert tally.last == Finding(101, "it raised")


def test_a_database_that_cannot_be_written_to_takes_nothing_away() -> None:
    database = ReadOnlyDatabase(InMemoryExampleDatabase())
    try:
        tally, _ = tried(above_100, length=8, database=database)
    except SkipTest:  # pytest would take it for its own
        pytest.fail("Hypothesis has been asked for what the database does not hold")
    assert tally.last == Finding(101, "101 is above 100")


@BOTH_WAYS
def test_what_a_run_finds_another_finds_in_the_database(from_bytes: bool) -> None:
    database = InMemoryExampleDatabase()
    tried(above_100, from_bytes=from_bytes, length=8, database=database)
    tally, seen = tried(above_100, number=REUSE, from_bytes=from_bytes, database=database)
    assert tally.last == Finding(101, "101 is above 100")
    assert seen[0] == 101
    assert tried(above_100, number=REUSE, database=InMemoryExampleDatabase())[0] == replace(
        Tally(), seconds=pytest.approx(0, abs=60)
    )


def test_bytes_that_are_no_case_are_passed_over_but_not_for_ever() -> None:
    tally, seen = tried(lambda _: None, WHOLE.filter(lambda number: number % 4 == 0), length=8)
    assert tally.examples == 8
    assert all(number % 4 == 0 for number in seen)
    with pytest.raises(Unsatisfiable, match="no case was found"):
        tried(lambda _: None, WHOLE.filter(lambda _: False), length=8)


@pytest.mark.parametrize("described", [True, False])
def test_only_cases_of_this_layout_are_read_from_bytes(
    described: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def watched(*arguments: Any, **options: Any) -> Tally:
        asked.append(options["from_bytes"])
        return run(*arguments, **options)

    # The package's name for it is that of the function.
    monkeypatch.setattr(import_module("mgspec.search.search"), "run", watched)
    one = Candidate(
        "one",
        lambda *_: Evaluation({"total": 1.0}),
        ("total",),
        has_gradients=False,
        description=BUILT_IN["anchors"] if described else None,
    )
    assert search(LAWS["pure"], one, max_examples=20, seed=0)[0].examples == 20
    assert set(asked) == {not described}


@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("law", LAWS)
def test_the_cases_of_every_law_fit_into_their_bytes(law: str, variety: Variety) -> None:
    @hypothesis.settings(database=None)
    @hypothesis.given(LAWS[law].cases(replace(variety, options=None)))
    def read(case: object) -> None:
        assert case

    one = read.hypothesis.fuzz_one_input  # type: ignore[attr-defined]
    taken = [one(random.Random(number).randbytes(2 * MOST_BYTES)) for number in range(200)]
    assert max(len(used) for used in taken if used is not None) < 0.75 * MOST_BYTES
    assert None not in taken
