"""One run of the engine: what it tries, what it makes small, and where it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import hypothesis.strategies as st
import pytest
from hypothesis.database import InMemoryExampleDatabase, ReadOnlyDatabase
from hypothesis.errors import Unsatisfiable

from mgspec import Finding, LossError
from mgspec.loss.candidate import FatalLossError
from mgspec.search.engine import Run, Tally

WHOLE: Any = st.integers(0, 2**16)  # a run does not look into its cases


def watched(
    judge: Callable[[Any], str | None], cases: Any = WHOLE, **options: Any
) -> tuple[Run, list[Any]]:
    """A run whose judge returns how a case is wrong, and the list of the cases that it tries."""
    seen: list[Any] = []

    def wrong(case: Any, tally: Tally) -> Finding | None:
        seen.append(case)
        how = judge(case)
        return None if how is None else Finding(case, how)

    return Run(wrong, cases, **options), seen


def above_100(number: int) -> str | None:
    return f"{number} is above 100" if number > 100 else None


def never(_: int) -> None:
    return None


def test_a_wrong_case_is_made_small() -> None:
    run, seen = watched(above_100)
    tally = run.generate(50, "0")
    assert tally.finding == Finding(101, "101 is above 100")
    assert tally.examples == len(seen)


def test_without_shrinking_the_first_wrong_case_is_the_finding() -> None:
    run, seen = watched(above_100, shrink=False)
    tally = run.generate(50, "0")
    assert tally.finding is not None
    assert tally.finding.case == next(number for number in seen if number > 100)


def test_the_cases_before_the_first_wrong_one_have_passed() -> None:
    run, seen = watched(above_100)
    tally = run.generate(50, "0")
    assert tally.passed == next(place for place, number in enumerate(seen) if number > 100)
    assert watched(never)[0].generate(50, "0").passed == 50


def test_the_same_seed_tries_the_same_cases_and_another_one_others() -> None:
    tried = []
    for seed in ("0", "0", "1", None, None):
        run, seen = watched(never)
        run.generate(50, seed)
        tried.append(tuple(seen))
    first, again, *_ = tried
    assert first == again
    assert len(set(tried)) == 4


@pytest.mark.parametrize("examples", [1, 8, 50])
def test_a_run_begins_with_the_simplest_case_unless_it_is_skipped(examples: int) -> None:
    run, seen = watched(never)
    run.generate(examples, "0")
    assert seen[0] == 0
    assert len(seen) == examples
    run, seen = watched(never)
    assert run.generate(examples, "0", skip_simplest=True).examples == examples
    assert 0 not in seen


def test_a_case_that_is_wrong_once_only_is_told_so() -> None:
    answers = iter([None, None, "is wrong"])
    run, _ = watched(lambda _: next(answers, None))
    finding = run.generate(50, "0").finding
    assert finding is not None
    assert finding.message == "is wrong; not every time it is asked"


def test_a_fatal_error_ends_the_run_at_once_and_its_case_is_kept() -> None:
    database = InMemoryExampleDatabase()

    def hangs(number: int) -> None:
        if number > 100:
            raise FatalLossError("it hung")

    run, seen = watched(hangs, database=database)
    tally = run.generate(50, "0")
    assert tally.finding == Finding(seen[-1], "it hung")
    assert [number > 100 for number in seen].count(True) == 1
    again, seen = watched(hangs, database=database)
    assert again.replay().finding == tally.finding
    assert len(seen) == 1


def test_a_loss_without_an_answer_is_wrong_and_its_case_is_made_small() -> None:
    def raises(number: int) -> None:
        if number > 100:
            raise LossError("it raised")

    assert watched(raises)[0].generate(50, "0").finding == Finding(101, "it raised")


def test_a_database_that_cannot_be_written_to_takes_nothing_away() -> None:
    database = ReadOnlyDatabase(InMemoryExampleDatabase())
    try:
        tally = watched(above_100, database=database)[0].generate(50, "0")
    except SkipTest:  # pytest would take it for its own
        pytest.fail("Hypothesis looked for an example that the database does not hold")
    assert tally.finding == Finding(101, "101 is above 100")


def test_a_run_finds_in_the_database_what_another_has_found() -> None:
    database = InMemoryExampleDatabase()
    watched(above_100, database=database)[0].generate(50, "0")
    run, seen = watched(above_100, database=database)
    assert run.replay().finding == Finding(101, "101 is above 100")
    assert seen[0] == 101


def test_nothing_is_tried_where_the_database_holds_nothing() -> None:
    run, seen = watched(above_100, database=InMemoryExampleDatabase())
    assert replace(run.replay(), seconds=0) == Tally()
    assert seen == []


def test_a_strategy_without_cases_is_an_error() -> None:
    with pytest.raises(Unsatisfiable):
        watched(never, WHOLE.filter(lambda _: False))[0].generate(8, "0")
