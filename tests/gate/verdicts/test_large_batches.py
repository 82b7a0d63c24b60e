"""A few cases of each law are large: many images, many objects, long grids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mgloss.gate.checks.results import Result, laws_by_reach
from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Candidate, Described, Evaluation, Verdict, search, specification
from mgspec.drawing.variety import MANY_IMAGES, large_varieties
from mgspec.laws.reach import Reach
from mgspec.problem.descriptions import BUILT_IN
from mgspec.search.engine import MOST_SHRINKING
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.gate.conftest import Run, said
from tests.meta.faults.catalogue import FAULTS
from tests.meta.faults.planting import speaking_of

LOSSES = Path(__file__).parent / "losses" / "large.py"
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 5))]
WRONG = [
    ("twenty_at_a_time", "batch", "partition"),
    ("first_250_objects", "batch", "replication"),
    ("counts_in_a_byte", "positives", "replication"),
]


def loaded(name: str, claims: str) -> Candidate:
    return load(LossRequest(f"{LOSSES}:{name}", claims=claims)).candidate


def verdict(candidate: Candidate, law: str, seed: int, shrink: bool = False) -> Verdict:
    (found,) = search(LAWS[law], candidate, seed=seed, shrink=shrink)
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "claims", "law"), WRONG)
def test_a_fault_of_large_batches_is_found(name: str, claims: str, law: str, seed: int) -> None:
    assert verdict(loaded(name, claims), law, seed).status == BROKEN


@pytest.mark.nightly  # at the fixed seed, the tests of faults catch them
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", [f.name for f in FAULTS.values() if f.family == "sizes"])
def test_a_planted_fault_of_large_batches_is_found(name: str, seed: int) -> None:
    fault = FAULTS[name]
    wrong = speaking_of(fault.candidate(), fault.components)
    found = search(LAWS[fault.law], wrong, seed=seed, shrink=False)
    assert {v.component for v in found if v.status == BROKEN} == set(fault.components)


def test_it_ends_at_the_fewest_images_and_in_bounds() -> None:
    found = verdict(loaded("twenty_at_a_time", "batch"), "partition", 0, shrink=True)
    assert found.finding is not None
    batches = found.finding.case.batches.values()
    assert sum(batch.images for batch in batches) == 21
    assert sum(batch.cells for batch in batches) == 21
    assert found.examples <= 100 + MOST_SHRINKING + 1


@pytest.mark.parametrize(
    ("name", "claims"),
    [("by_images", "batch"), pytest.param("by_positives", "positives", marks=pytest.mark.nightly)],
)
def test_a_right_loss_of_single_precision_is_not_accused(name: str, claims: str) -> None:
    for law in ("replication", "permutation", "object_monotone", "locality"):
        if claims == "batch" or law in ("replication", "permutation"):
            found = verdict(loaded(name, claims), law, 0)
            assert found.status == HOLDS, found.message


def test_a_verdict_tells_how_large_the_batches_were() -> None:
    reach = verdict(loaded("by_images", "batch"), "partition", 0).reach
    assert reach is not None
    assert 20 <= reach.images <= 32
    assert reach.objects >= 200
    assert reach.grid is not None
    assert reach.grid[0] * reach.grid[1] >= 200
    assert verdict(loaded("twenty_at_a_time", "batch"), "partition", 0).reach is None


def test_a_described_problem_has_large_batches_too() -> None:
    def at_most_fifty(problem: Described, batch: object, gradients: bool) -> Evaluation:
        return Evaluation({"total": float(getattr(batch, "images", 0) > 50)})

    wrong = Candidate("w", at_most_fifty, ("total",), False, description=BUILT_IN["queries"])
    found = verdict(wrong, "replication", 0)
    assert found.status == BROKEN
    few = large_varieties(BUILT_IN["anchors"])
    assert few["many images"] == MANY_IMAGES
    assert list(large_varieties(BUILT_IN["anchors"], few_shapes=True)) == ["many images"]
    assert few["many objects"].images * BUILT_IN["anchors"].most_objects >= 200


def test_a_small_budget_has_no_large_cases() -> None:
    (found,) = search(LAWS["nonnegative"], specification(), max_examples=20, seed=0)[:1]
    assert found.reach is not None
    assert found.reach.images <= 4


def test_the_words_are_rounded_down() -> None:
    assert str(Reach(31, 287, (40, 33))) == "24 images, 200 objects, 40 x 30 cells"
    assert str(Reach(1, 1)) == "1 image, 1 object"
    assert str(Reach(2, 0, (1, 1))) == "2 images, 0 objects, 1 x 1 cells"


def test_a_reach_is_the_larger_or_the_smaller_in_each_respect() -> None:
    one, other = Reach(4, 20, (3, 5)), Reach(2, 30, (2, 8))
    assert one.plus(other) == Reach(4, 30, (2, 8))
    assert one.at_most(other) == Reach(2, 20, (3, 5))
    assert Reach(1, 2).plus(Reach()) == Reach(1, 2)


def test_each_report_tells_it(mgloss: Run, tmp_path: Path) -> None:
    reports = ("--json", "out.json", "--markdown", "out.md", "--html", "out.html")
    result = mgloss("check", f"{LOSSES}:by_images", "--law", "nonnegative", *reports)
    assert result.returncode == 0, result.stdout + result.stderr
    (document,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["verdicts"]
    reach = Reach(
        document["reach"]["images"], document["reach"]["objects"], tuple(document["reach"]["grid"])
    )
    assert f"held for up to {reach}: nonnegative" in said(result.stdout)
    for name in ("out.md", "out.html"):
        assert f"up to {reach}" in (tmp_path / name).read_text(encoding="utf-8")


def test_laws_that_reach_large_batches_are_told_together() -> None:
    def held(law: str, reach: Reach) -> Result:
        return Result("batch", Verdict(law, "total", HOLDS, 100, 100, 1.0, reach=reach))

    results = [
        held("finite", Reach(32, 300, (40, 40))),
        held("pure", Reach(24, 150, (100, 2))),
        held("gradient", Reach(1, 5, (2, 2))),
    ]
    assert laws_by_reach(results) == {
        "up to 24 images, 150 objects, 100 x 2 cells": ["finite", "pure"],
        "up to 1 image, 5 objects, 2 x 2 cells": ["gradient"],
    }
