"""Every fault planted in a copy of the reference's source is caught by its law."""

from __future__ import annotations

import pytest

from mgspec import LAWS, search
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.meta.faults.source import SOURCE_FAULTS, copy_of_the_reference


@pytest.mark.parametrize("name", SOURCE_FAULTS)
def test_a_fault_of_old_is_caught_by_a_named_law(name: str, budget) -> None:
    fault = SOURCE_FAULTS[name]

    with copy_of_the_reference(fault) as wrong:
        verdicts = search(
            LAWS[fault.law],
            wrong,
            max_examples=2 * budget.to_find,
            seed=budget.fixed_seed,
        )

    caught = [v for v in verdicts if v.status == BROKEN]
    assert caught
    for verdict in caught:
        assert verdict.finding is not None
        assert sum(batch.images for batch in verdict.finding.case.batches.values()) <= 2


def test_the_copy_without_a_fault_holds(budget) -> None:
    with copy_of_the_reference(None) as right:
        for law in dict.fromkeys(fault.law for fault in SOURCE_FAULTS.values()):
            verdicts = search(LAWS[law], right, max_examples=budget.to_hold, seed=budget.seed)
            assert {v.status for v in verdicts} == {HOLDS}
