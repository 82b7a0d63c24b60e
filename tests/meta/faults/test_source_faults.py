"""Every fault planted in a copy of the reference's source is caught by its law."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mgspec import LAWS, Candidate, Verdict, search
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.meta.faults.source import SOURCE_FAULTS, SourceFault, copy_of_the_reference


@pytest.mark.parametrize("name", SOURCE_FAULTS)
def test_a_fault_of_old_is_caught_by_a_named_law(name: str, budget) -> None:
    fault = SOURCE_FAULTS[name]

    with copy_of_the_reference(fault, fault.in_gradient) as wrong:
        if fault.in_gradient is None:  # tracing gradients takes longer than the search
            wrong = replace(wrong, has_gradients=False)
        caught = broken_by(fault, wrong, budget, shrink=False)

    assert caught
    assert fault.in_gradient in (None, *(verdict.component for verdict in caught))


@pytest.mark.nightly
@pytest.mark.parametrize("name", SOURCE_FAULTS)
def test_a_fault_of_old_is_shown_on_two_images(name: str, budget) -> None:
    fault = SOURCE_FAULTS[name]

    with copy_of_the_reference(fault) as wrong:
        caught = broken_by(fault, wrong, budget, shrink=True)

    assert caught
    for verdict in caught:
        assert verdict.finding is not None
        assert sum(batch.images for batch in verdict.finding.case.batches.values()) <= 2


def broken_by(fault: SourceFault, wrong: Candidate, budget, shrink: bool) -> list[Verdict]:
    """The verdicts of the components that the fault's law is broken in."""
    verdicts = search(
        LAWS[fault.law],
        wrong,
        max_examples=budget.to_find,
        seed=budget.fixed_seed,
        shrink=shrink,
    )
    return [v for v in verdicts if v.status == BROKEN]


@pytest.mark.nightly
def test_the_copy_without_a_fault_holds(budget) -> None:
    with copy_of_the_reference(None) as right:
        for law in dict.fromkeys(fault.law for fault in SOURCE_FAULTS.values()):
            verdicts = search(LAWS[law], right, max_examples=budget.to_hold, seed=budget.seed)
            assert {v.status for v in verdicts} == {HOLDS}
