"""Every planted fault is caught by its law, with a counterexample small enough to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mgspec import LAWS, NORMALIZATIONS, search, specification
from mgspec.search import BROKEN, HOLDS
from tests.faults.losses import FAULTS


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_its_law(name: str, budget) -> None:
    fault = FAULTS[name]

    verdicts = search(
        LAWS[fault.law], fault.candidate(), max_examples=budget.max_examples, seed=budget.seed
    )

    broken = {v.component: v for v in verdicts if v.status == BROKEN}
    assert set(fault.components) <= set(broken)
    for component in fault.components:
        finding = broken[component].finding
        assert finding is not None
        assert component in finding.message
        assert sum(batch.images for batch in finding.case.batches.values()) <= 4
        assert sum(batch.positives for batch in finding.case.batches.values()) <= 8


@pytest.mark.parametrize("name", FAULTS)
def test_without_the_fault_the_law_holds(name: str, budget) -> None:
    law, fault = LAWS[FAULTS[name].law], FAULTS[name].candidate()
    right = specification(fault.claims, fault.options)
    right = replace(right, modes=dict.fromkeys(fault.modes, right.run))
    verdicts = search(law, right, max_examples=budget.max_examples, seed=budget.seed)
    assert {v.status for v in verdicts} == {HOLDS}


def test_every_law_fails_somewhere() -> None:
    by_normalization = {
        law for law in LAWS for rule in NORMALIZATIONS.values() if law not in rule.obeys
    }
    by_fault = {fault.law for fault in FAULTS.values()}
    assert by_normalization | by_fault == set(LAWS)
