"""What earlier searches found: stored findings decide at once, and an example database is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
)

from mgspec import LAWS, Candidate, Evaluation, Finding, Verdict, judge, search, specification
from mgspec.laws import Law
from mgspec.loss.candidate import LossError
from mgspec.search.search import is_refusal, refused_batch
from tests.meta.faults.planting import speaking_of

LAW = LAWS["partition"]  # the first case drawn never breaks it


def first_found(law: Law, loss: Candidate, **asked: Any) -> list[Verdict]:
    """Search without making counterexamples small, which takes most of the time of a search."""
    return search(law, loss, shrink=False, **{"max_examples": 40, **asked})


def behaving_as(normalization: str) -> Candidate:
    """A loss that claims `batch`, whatever it is."""
    return replace(specification("batch"), run=specification(normalization).run)


def by_component(verdicts: list[Verdict]) -> dict[str | None, Verdict]:
    return {v.component: v for v in verdicts}


@cache
def fresh() -> dict[str | None, Verdict]:
    """The verdicts of a search that knows nothing of others."""
    return by_component(first_found(LAW, behaving_as("positives"), seed=0))


def of(component: str) -> Finding:
    finding = fresh()[component].finding
    assert finding is not None
    return finding


def test_a_known_finding_decides_its_component_and_the_search_goes_on_with_the_others() -> None:
    known = replace(of("location"), message="known before")
    told = by_component(first_found(LAW, behaving_as("positives"), seed=0, known=[known]))
    assert (told["location"].status, told["location"].message) == ("broken", "known before")
    assert told["location"].examples == 0
    assert told["classification"].status == "broken"
    assert told["anchor"].status == "holds"
    assert told["anchor"].examples > 0


def test_of_two_known_findings_for_a_component_the_first_counts() -> None:
    first, second = (replace(of("location"), message=m) for m in ("first", "second"))
    told = by_component(first_found(LAW, behaving_as("positives"), seed=0, known=[first, second]))
    assert told["location"].message == "first"


def test_a_known_case_without_an_answer_decides_about_finite_alone() -> None:
    known = Finding(of("location").case, "the loss raised")
    told = by_component(first_found(LAW, behaving_as("positives"), seed=0, known=[known]))
    assert {c: v.message for c, v in told.items()} == {c: v.message for c, v in fresh().items()}
    (verdict,) = first_found(LAWS["finite"], behaving_as("positives"), seed=0, known=[known])
    assert (verdict.component, verdict.status) == (None, "broken")


def test_a_known_case_without_a_number_decides_nothing_of_a_law() -> None:
    case = of("location").case
    batches = case.batches.values()
    whole = sum(b.images for b in batches), sum(b.positives for b in batches)

    def run(problem, batch, gradients):  # type: ignore[no-untyped-def]
        value = specification("positives").run(problem, batch, gradients)
        if (batch.images, batch.positives) == whole:
            return Evaluation({**value.components, "anchor": float("nan")}, value.gradients)
        return value

    candidate = replace(behaving_as("positives"), run=run)
    known = judge(LAW, candidate, case, ("anchor",))
    assert known is not None
    assert is_refusal(LAW, known)
    told = by_component(first_found(LAW, candidate, seed=0, max_examples=1, known=[known]))
    assert told["anchor"].status == "holds"
    refused = refused_batch(LAW, candidate, case)
    assert refused is not None
    assert judge(LAWS["finite"], candidate, refused) is not None
    assert refused_batch(LAW, behaving_as("positives"), case) is None


@pytest.fixture(params=["memory", "directory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> ExampleDatabase:
    if request.param == "memory":
        return InMemoryExampleDatabase()
    return DirectoryBasedExampleDatabase(tmp_path / "examples")


@pytest.mark.parametrize("law", ["partition", "finite"])
def test_a_database_changes_nothing_of_a_first_search(law: str) -> None:
    loss, database = behaving_as("positives"), InMemoryExampleDatabase()
    without = first_found(LAWS[law], loss, max_examples=40, seed=0)
    with_it = first_found(LAWS[law], loss, max_examples=40, seed=0, database=database)
    assert [replace(v, seconds=0, finding=None) for v in without] == [
        replace(v, seconds=0, finding=None) for v in with_it
    ]


def test_what_one_search_found_another_finds_at_once_in_every_component(
    database: ExampleDatabase,
) -> None:
    loss = behaving_as("positives")
    found = by_component(first_found(LAW, loss, seed=0, database=database))
    alone = by_component(first_found(LAW, loss, seed=1, max_examples=1))
    for _ in range(2):  # a counterexample that was used is kept
        told = by_component(first_found(LAW, loss, seed=1, max_examples=1, database=database))
        for component in ("location", "classification", "total"):
            assert alone[component].status == "holds"
            assert told[component].message == found[component].message
            assert told[component].status == "broken"
        assert told["anchor"].status == "holds"


def test_a_database_is_asked_for_the_same_loss_law_and_claims_only(
    database: ExampleDatabase,
) -> None:
    loss = behaving_as("positives")
    first_found(LAW, loss, seed=0, database=database)
    for other in (
        replace(loss, name="another"),
        replace(loss, claims="expected"),
    ):
        told = first_found(LAW, other, seed=1, max_examples=1, database=database)
        assert {v.status for v in told} == {"holds"}
    told = first_found(LAWS["locality"], loss, seed=1, max_examples=1, database=database)
    assert {v.status for v in told} == {"holds"}
    told = first_found(LAW, loss, seed=1, max_examples=1, database=database)
    assert "broken" in {v.status for v in told}


def test_a_loss_that_is_mended_holds_and_its_old_examples_are_tried(
    database: ExampleDatabase,
) -> None:
    first_found(LAW, behaving_as("positives"), seed=0, database=database)
    told = first_found(LAW, behaving_as("batch"), seed=1, max_examples=1, database=database)
    assert {v.status for v in told} == {"holds"}
    assert told[0].examples > 1


class Rubbish(InMemoryExampleDatabase):
    """Holds no examples, but something, for every question."""

    def fetch(self, key: bytes) -> list[bytes]:
        return [b"", b"\xff" * 9, b"not an example"]


def test_rubbish_in_a_database_is_passed_over() -> None:
    loss = speaking_of(behaving_as("positives"), ("location",))
    (without,) = search(LAW, loss, max_examples=40, seed=0)
    (with_it,) = search(LAW, loss, max_examples=40, seed=0, database=Rubbish())
    assert with_it.message == without.message


def test_a_loss_that_raises_is_found_at_once_too(database: ExampleDatabase) -> None:
    def run(problem, batch, gradients):  # type: ignore[no-untyped-def]
        if batch.positives > 1:
            raise LossError("the loss raised")
        return specification("batch").run(problem, batch, gradients)

    loss = replace(specification("batch"), run=run)
    assert first_found(LAWS["finite"], loss, seed=0, database=database)[0].status == "broken"
    (told,) = first_found(LAWS["finite"], loss, seed=1, max_examples=1, database=database)
    assert told.status == "broken"
    assert first_found(LAWS["finite"], loss, seed=1, max_examples=1)[0].status == "holds"
