"""The search: the same seed finds the same counterexample, and hostile losses are survived."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis.database import InMemoryExampleDatabase

from mgspec import (
    LAWS,
    Batch,
    Candidate,
    Evaluation,
    LossError,
    Problem,
    judge,
    law_named,
    search,
    specification,
)
from mgspec.loss.candidate import FatalLossError
from mgspec.saved.counterexample import from_verdict, to_document
from mgspec.search.domain import Domain
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

ROOT = Path(__file__).parents[2]

FIND = """
import json, sys
from mgspec import LAWS, search, specification
from mgspec.saved.counterexample import from_verdict, to_document
verdict = search(LAWS["sharding"], specification("hybrid"), seed=7)[0]
json.dump(to_document(from_verdict(verdict, "", "hybrid", 7, {})), sys.stdout)
"""


def candidate(run, components: tuple[str, ...] = ("total",)) -> Candidate:
    return Candidate("mine", run, components, has_gradients=False)


@pytest.mark.nightly
def test_the_same_seed_finds_the_same_counterexample_in_another_process() -> None:
    result = subprocess.run(
        [sys.executable, "-c", FIND],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "spec"), "PATH": ""},
    )
    verdict = search(LAWS["sharding"], specification("hybrid"), seed=7)[0]
    here = from_verdict(verdict, "", "hybrid", 7, {})
    assert here is not None
    assert json.loads(result.stdout) == to_document(here)


def test_a_finding_breaks_the_law_again_when_judged() -> None:
    wrong, right = specification("positives"), specification("batch")
    for verdict in search(LAWS["partition"], wrong, seed=0, shrink=False):
        if verdict.component == "anchor":
            assert verdict.status == HOLDS
            continue
        assert verdict.finding is not None
        again = judge(LAWS["partition"], wrong, verdict.finding.case)
        assert again is not None
        assert judge(LAWS["partition"], right, verdict.finding.case) is None


def test_one_broken_component_does_not_hide_another() -> None:
    statuses = {
        v.component: v.status
        for v in search(LAWS["replication"], specification("sum"), shrink=False)
    }
    assert statuses == dict.fromkeys(("location", "anchor", "classification", "total"), BROKEN)


def test_without_shrinking_the_same_is_broken_with_fewer_examples() -> None:
    wrong = specification("sum")
    small = search(LAWS["replication"], wrong, seed=0)
    first = search(LAWS["replication"], wrong, seed=0, shrink=False)
    assert [(v.component, v.status) for v in first] == [(v.component, v.status) for v in small]
    assert sum(v.examples for v in first) < sum(v.examples for v in small)


def test_max_examples_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_examples: expected 1 or more, got 0"):
        search(LAWS["finite"], specification(), max_examples=0)


@pytest.mark.parametrize("examples", [1, 9, 10, 37, 100])
def test_as_many_examples_are_tried_as_asked_for_and_progress_is_told_of_each(
    examples: int,
) -> None:
    tried: list[int] = []
    verdict = search(
        LAWS["finite"], specification(), max_examples=examples, progress=lambda: tried.append(1)
    )[0]
    assert verdict.examples == len(tried) == examples


@pytest.mark.parametrize("examples", [1, 3, 4, 100])
@pytest.mark.parametrize("remembers", [False, True])
def test_the_simplest_case_is_tried_once(examples: int, remembers: bool) -> None:
    right, simplest = specification(), []

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        one = problem.scales == problem.num_classes == len(problem.anchors[0]) == 1
        zero = not any(array.any() for array in (*batch.targets, *batch.predictions))
        if one and zero and batch.cells == 1:
            simplest.append(batch)
        return right.run(problem, batch, gradients)

    database = InMemoryExampleDatabase() if remembers else None
    mine = replace(right, run=run)
    search(LAWS["finite"], mine, max_examples=examples, seed=0, database=database)
    assert len(simplest) == 1


def test_examples_are_not_variations_of_each_other() -> None:
    right, seen = specification(), []

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        seen.append((problem, batch.grids, batch.images))
        return right.run(problem, batch, gradients)

    search(LAWS["finite"], replace(right, run=run), seed=0)
    assert len(set(seen)) > 90


def test_a_law_that_needs_gradients_is_skipped_without_them() -> None:
    values_only = replace(specification(), has_gradients=False)
    (verdict,) = search(LAWS["locality"], values_only)
    assert (verdict.status, verdict.component) == (SKIPPED, None)
    assert "needs gradients" in verdict.message


def test_a_law_of_components_is_skipped_for_a_bare_total() -> None:
    (verdict,) = search(LAWS["resolution"], candidate(lambda *_: Evaluation({"total": 1.0})))
    assert verdict.status == SKIPPED
    assert "the loss returns only total" in verdict.message


def test_the_law_about_the_total_is_skipped_for_a_loss_without_terms() -> None:
    (verdict,) = search(LAWS["composition"], candidate(lambda *_: Evaluation({"total": 1.0})))
    assert verdict.status == SKIPPED
    assert "needs a loss that returns its terms" in verdict.message


def raises_without_objects(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
    if batch.positives == 0:
        raise LossError("the loss raised ZeroDivisionError")
    return Evaluation({"total": 1.0})


def test_a_loss_that_raises_breaks_finite_and_is_judged_where_it_answers() -> None:
    (told,) = search(LAWS["finite"], candidate(raises_without_objects), seed=0)
    assert (told.status, told.component) == (BROKEN, None)
    assert "ZeroDivisionError" in told.message
    assert told.message.endswith("those that it does not answer, and no others, have no object")
    assert told.finding is not None
    x = told.finding.case.batches["X"]
    assert (x.images, x.cells, x.positives) == (1, 1, 0)
    (verdict,) = search(LAWS["replication"], candidate(raises_without_objects), seed=0)
    assert (verdict.status, verdict.component, verdict.message) == (HOLDS, "total", "")
    assert verdict.domain is not None
    assert verdict.domain.drawn == verdict.examples == 100
    assert 30 < verdict.domain.answered < 100
    assert verdict.domain.refused == "no object"


def test_a_loss_that_answers_less_than_a_tenth_of_the_cases_comes_to_no_verdict() -> None:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        if batch.images < 4:
            raise LossError("the loss raised ValueError")
        return Evaluation({"total": 1.0})

    (verdict,) = search(LAWS["replication"], candidate(run), seed=0)
    assert (verdict.status, verdict.component) == (ERROR, None)
    assert verdict.domain is not None
    assert verdict.domain.answered < 10
    assert f"it answers {verdict.domain.answered} of 100 batches" in verdict.message
    assert verdict.message.endswith("the loss raised ValueError")
    assert verdict.finding is not None
    assert judge(LAWS["replication"], candidate(run), verdict.finding.case) is not None


def hangs(when) -> Candidate:  # type: ignore[no-untyped-def]
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        if when(batch):
            raise FatalLossError("the loss hung")
        return Evaluation({"total": 1.0})

    return candidate(run)


def test_a_law_is_given_up_after_a_few_batches_on_which_the_loss_hangs() -> None:
    for when, times in ((lambda _: True, 2), (lambda batch: batch.positives > 1, 3)):
        (verdict,) = search(LAWS["pure"], hangs(when), seed=0)
        assert (verdict.status, verdict.component) == (ERROR, None)
        assert verdict.message == f"given up after {times} batches on which the loss hung"
        (finite,) = search(LAWS["finite"], hangs(when), seed=0)
        assert (finite.status, finite.message) == (BROKEN, "the loss hung")


def test_a_loss_that_hangs_on_a_single_batch_is_judged_on_the_others() -> None:
    hung: list[Batch] = []

    def once(batch: Batch) -> bool:
        if batch.positives > 2 and not hung:
            hung.append(batch)
            return True
        return False

    (verdict,) = search(LAWS["pure"], hangs(once), seed=0)
    assert (verdict.status, verdict.domain) == (HOLDS, Domain(100, 99))


def test_a_law_broken_where_the_loss_answers_is_broken_by_a_batch_that_it_answers() -> None:
    wrong = specification("positives")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        if any(height != width for height, width in batch.grids):
            raise LossError("the loss raised ValueError")
        return wrong.run(problem, batch, gradients)

    for verdict in search(LAWS["partition"], replace(wrong, run=run), seed=0):
        if verdict.component == "anchor":
            assert verdict.status == HOLDS
            continue
        assert verdict.status == BROKEN
        assert verdict.finding is not None
        batches = verdict.finding.case.batches.values()
        assert [b.images for b in batches] == [1, 1]
        assert sum(b.positives for b in batches) == 1


def test_a_component_without_numbers_leaves_the_others_their_verdicts() -> None:
    right = specification("batch")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, gradients)
        if batch.positives:
            return value
        return replace(value, components={**value.components, "location": float("nan")})

    told = {v.component: v for v in search(LAWS["pure"], replace(right, run=run), seed=0)}
    assert {v.status for v in told.values()} == {HOLDS}
    assert told["classification"].domain is None
    assert told["location"].domain is not None
    assert told["location"].domain.refused == "no object"


def test_a_loss_whose_components_change_is_an_error() -> None:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return Evaluation({"location" if batch.positives else "total": 1.0})

    (verdict,) = search(LAWS["permutation"], candidate(run), seed=0)
    assert verdict.status == ERROR
    assert "returned the components location where it had returned total" in verdict.message


def test_a_loss_that_breaks_a_law_only_sometimes_is_broken() -> None:
    calls = [0]

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        calls[0] += 1
        return Evaluation({"total": -1.0 if calls[0] % 5 == 0 else 1.0})

    (verdict,) = search(LAWS["nonnegative"], candidate(run), seed=0)
    assert verdict.status == BROKEN


def test_a_loss_that_raises_only_sometimes_breaks_finite_with_its_batch() -> None:
    calls = [0]

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        calls[0] += 1
        if calls[0] % 7 == 0:
            raise LossError("the loss raised ValueError")
        return Evaluation({"total": 1.0})

    (verdict,) = search(LAWS["finite"], candidate(run), seed=0)
    assert verdict.status == BROKEN
    assert verdict.finding is not None
    (verdict,) = search(LAWS["permutation"], candidate(run), seed=0)
    assert verdict.status == HOLDS
    assert verdict.domain is not None
    assert verdict.domain.refused == ""


def test_what_was_found_before_the_loss_raised_is_kept() -> None:
    wrong = specification("positives")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        if batch.images >= 5:
            raise LossError("the loss raised ValueError")
        return wrong.run(problem, batch, gradients)

    verdicts = search(LAWS["partition"], replace(wrong, run=run), seed=0, shrink=False)
    statuses = {v.component: v.status for v in verdicts}
    assert statuses == {
        "location": BROKEN,
        "classification": BROKEN,
        "total": BROKEN,
        "anchor": HOLDS,
    }


def test_a_number_that_is_not_finite_is_an_error_except_to_the_laws_that_ask_for_it() -> None:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return Evaluation({"total": float("inf")})

    for law, status in (("finite", BROKEN), ("empty", BROKEN), ("pure", ERROR)):
        assert search(LAWS[law], candidate(run), seed=0)[0].status == status


def test_a_law_broken_by_finite_numbers_is_broken_though_others_are_not_finite() -> None:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return Evaluation({"total": -1.0 if batch.positives > 1 else float("inf")})

    (verdict,) = search(LAWS["nonnegative"], candidate(run), seed=0)
    assert verdict.status == BROKEN
    assert verdict.finding is not None
    assert verdict.finding.case.batches["X"].positives == 2


def test_a_correct_hybrid_in_half_precision_is_not_accused() -> None:
    right = specification("hybrid")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, False)
        rounded = {c: float(np.float16(v)) for c, v in value.components.items()}
        return Evaluation(rounded, dtype="float16")

    half = replace(right, run=run, has_gradients=False)
    verdicts = search(LAWS["density_monotone"], half, seed=0)
    assert {v.status for v in verdicts} == {HOLDS}


def test_an_unknown_law_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="unknown law 'partitoin'; did you mean 'partition'"):
        law_named("partitoin")


def test_the_specification_imports_no_implementation_and_no_framework() -> None:
    code = "import mgspec.page, mgspec.saved.witnesses, sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "spec"
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert "mgspec" in loaded
    assert not loaded & {"mgloss", "tensorflow", "keras", "torch", "jax", "pytest"}
