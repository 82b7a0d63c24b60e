"""Every planted fault is caught by its law, with a counterexample small enough to read.

Which faults a law alone catches is told by `python -m tests.meta.faults.matrix`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from mgspec import LAWS, Verdict, search, specification
from mgspec.laws.needs import EACH_TERM, OPTIONS
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.meta.faults.catalogue import FAULTS, Fault
from tests.meta.faults.planting import speaking_of


def named(fault: Fault) -> str:
    """The name of a test: the law comes first, as in the tests of other faults and witnesses."""
    return f"{fault.law}-{fault.name}"


def broken_by(fault: Fault, budget, shrink: bool) -> dict[str | None, Verdict]:
    """The verdict of each component that the fault's law is broken in."""
    wrong, law = fault.candidate(), LAWS[fault.law]
    if not {OPTIONS, EACH_TERM} & set(law.needs):  # these look at other components too
        # What is said of other components is for the matrix: each costs a search of its own.
        wrong = speaking_of(wrong, fault.components)
    verdicts = search(
        law, wrong, max_examples=budget.to_find, seed=budget.fixed_seed, shrink=shrink
    )
    return {v.component: v for v in verdicts if v.status == BROKEN}


@pytest.mark.parametrize("name", FAULTS, ids=map(named, FAULTS.values()))
def test_a_fault_is_caught_by_its_law(name: str, budget) -> None:
    fault = FAULTS[name]

    broken = broken_by(fault, budget, shrink=False)

    assert set(fault.components) <= set(broken)
    for component in fault.components:
        finding = broken[component].finding
        assert finding is not None
        assert component in finding.message


def is_quick(fault: Fault) -> bool:
    """Whether to make its counterexample small on every change: one for each kind of case.

    That of two batches is in tests/properties/test_truth_table.py.
    """
    return fault.alone and fault.law in ("finite", "density_monotone", "masking")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, id=named(fault), marks=[] if is_quick(fault) else pytest.mark.nightly)
        for name, fault in FAULTS.items()
    ],
)
def test_the_counterexample_of_a_fault_is_small(name: str, budget) -> None:
    fault = FAULTS[name]

    broken = broken_by(fault, budget, shrink=True)

    for component in fault.components:
        finding = broken[component].finding
        assert finding is not None
        batches = finding.case.batches.values()
        assert sum(batch.images for batch in batches) <= fault.images
        if fault.objects is not None:
            assert sum(batch.positives for batch in batches) <= fault.objects


def right_losses() -> dict[tuple, Fault]:
    """A fault for each law, normalization and options that any fault is judged by."""
    found = {}
    for fault in FAULTS.values():
        wrong = fault.candidate()
        found[fault.law, wrong.claims, wrong.options] = fault
    return found


@pytest.mark.parametrize("fault", right_losses().values(), ids=named)
def test_without_the_fault_the_law_holds(fault: Fault, budget) -> None:
    wrong = fault.candidate()
    right = specification(wrong.claims, wrong.options)
    right = replace(right, modes=dict.fromkeys(wrong.modes, right.run))

    verdicts = search(LAWS[fault.law], right, max_examples=budget.to_hold, seed=budget.seed)

    assert {v.status for v in verdicts} == {HOLDS}


def test_every_law_has_a_fault_that_it_alone_catches() -> None:
    assert {fault.law for fault in FAULTS.values() if fault.alone} == set(LAWS)
