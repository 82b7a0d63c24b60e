"""The committed witnesses: one for every ✗ of the truth table, small, and true on both losses."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mgloss.gate.losses.reference import reference
from mgspec import LAWS, NORMALIZATIONS, Candidate, Finding, judge, specification
from mgspec.laws.comparison import Rounding
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.saved.counterexample import Counterexample, CounterexampleError, load, save
from mgspec.saved.witnesses import (
    COMPONENT,
    FOLDER,
    broken_pairs,
    is_fair,
    path,
    reduce_case,
    size_of,
    witness_of,
)

PAIRS = broken_pairs()
BY_LAW = {law: [name for other, name in PAIRS if other == law] for law, _ in PAIRS}


@cache
def losses(name: str) -> tuple[Candidate, Candidate]:
    """The NumPy specification and the TensorFlow reference under a normalization."""
    return specification(name), reference(name, PLAIN_OPTIONS)


def broken(witness: Counterexample, candidate: Candidate) -> Finding | None:
    return judge(LAWS[witness.law], candidate, witness.case, (COMPONENT,))


def test_every_cross_of_the_truth_table_has_a_witness_and_every_file_is_one() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {path(*pair).name for pair in PAIRS}
    for law, name in PAIRS:
        witness = witness_of(law, name)
        found_for = (witness.law, witness.claims, witness.component, witness.loss)
        assert found_for == (law, name, COMPONENT, "")


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_a_witness_breaks_its_law_on_both_losses_by_the_same_numbers(law: str, name: str) -> None:
    witness = witness_of(law, name)
    specified, computed = (broken(witness, candidate) for candidate in losses(name))
    assert specified is not None
    assert computed is not None
    assert specified.message == witness.message
    ours, theirs = specified.comparison, computed.comparison
    assert ours is not None
    assert theirs is not None
    assert (theirs.what, theirs.relation) == (ours.what, ours.relation)
    assert theirs.actual == pytest.approx(ours.actual, abs=theirs.tolerance, rel=0)
    assert theirs.expected == pytest.approx(ours.expected, abs=theirs.tolerance, rel=0)


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_both_losses_give_a_witness_the_same_components(law: str, name: str) -> None:
    case = witness_of(law, name).case
    for batch in case.batches.values():
        specified, computed = (c.run(case.problem, batch, False) for c in losses(name))
        rounding = Rounding.of(case.problem, [batch], computed)
        assert specified.components.keys() == computed.components.keys()
        for component, value in specified.components.items():
            allowed = float(rounding.tolerance(value))
            assert computed.components[component] == pytest.approx(value, abs=allowed, rel=0)


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_a_witness_breaks_no_normalization_that_obeys_the_law(law: str, name: str) -> None:
    witness = witness_of(law, name)
    obeying = [other for other in NORMALIZATIONS if other not in BY_LAW[law]]
    assert obeying
    for other in obeying:
        for candidate in losses(other):
            assert broken(witness, candidate) is None


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_a_witness_is_what_a_person_would_have_written(law: str, name: str) -> None:
    case = witness_of(law, name).case
    batches = case.batches.values()
    assert (
        len(case.problem.anchors) == len(case.problem.anchors[0]) == case.problem.num_classes == 1
    )
    assert case.problem.options.to_dict() | {
        "loss_normalization": "batch",
        "expected": None,
    } == (PLAIN_OPTIONS.to_dict())
    images, objects, cells = size_of(case)[:3]
    assert images <= 2
    assert objects <= 3
    assert cells <= 4
    numbers = {float(n) for batch in batches for n in batch.predictions[0].ravel()}
    assert numbers == {0, 1}
    # One object is predicted wrongly, or copies of it where the law is about copies.
    off = [np.count_nonzero(batch.predictions[0]) for batch in batches]
    assert max(off) == (2 if law == "density_neutral" else 1)
    assert sum(off) == (3 if law == "density_neutral" else 1)


@pytest.mark.parametrize("law", BY_LAW)
def test_no_number_of_a_witness_can_be_left_out(law: str) -> None:
    for name in BY_LAW[law]:
        case = witness_of(law, name).case
        assert is_fair(law, case)
        assert size_of(reduce_case(law, name, case)) == size_of(case)


@pytest.mark.parametrize(("law", "name"), PAIRS)
def test_a_witness_is_written_as_it_was_read(law: str, name: str, tmp_path: Path) -> None:
    committed = path(law, name)
    save(load(committed), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == committed.read_bytes()


def test_a_law_that_is_obeyed_has_no_witness() -> None:
    with pytest.raises(CounterexampleError, match=r"partition-batch\.json: No such file"):
        witness_of("partition", "batch")
