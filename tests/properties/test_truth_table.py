"""Every law under every normalization of the reference, strictly in both directions.

Once for the three plain terms, where the anchor term counts the same cells in every image, and once
over all options, drawn as part of each problem.
"""

from __future__ import annotations

import pytest

from mgloss.gate.losses.reference import reference
from mgspec import LAWS, NORMALIZATIONS, Verdict, search
from mgspec.laws import BATCH_LAWS
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.normalizations import MARKS, OBEYED_BY_CONSTANT_COUNT
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.meta.faults.planting import speaking_of


def test_each_row_of_the_table_is_a_law_of_batches_that_some_normalization_breaks() -> None:
    laws = {law for law, _ in MARKS}
    assert set(MARKS) == {(law, name) for law in laws for name in NORMALIZATIONS}
    assert laws <= set(BATCH_LAWS)
    assert {law for (law, _), obeyed in MARKS.items() if not obeyed} == laws


def test_only_crosses_of_the_table_have_exceptions() -> None:
    assert not any(MARKS[entry] for entry in OBEYED_BY_CONSTANT_COUNT)


def expected(law: str, name: str, component: str = "location") -> str:
    return HOLDS if NORMALIZATIONS[name].obeys(law, component) else BROKEN


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", BATCH_LAWS)
def test_the_search_finds_what_the_table_says_of_the_plain_terms(
    law: str, name: str, budget
) -> None:
    candidate = reference(name, PLAIN_OPTIONS)
    examples = budget.to_hold if expected(law, name) == HOLDS else budget.to_find

    verdicts = search(LAWS[law], candidate, max_examples=examples, seed=budget.seed, shrink=False)

    assert [v.component for v in verdicts] == list(LAWS[law].components_of(candidate))
    for verdict in verdicts:
        assert verdict.component is not None
        assert verdict.status == expected(law, name, verdict.component), verdict.message
        assert_searched(verdict, examples)


def test_the_fault_that_the_project_was_made_for_is_shown_on_two_images(budget) -> None:
    candidate = speaking_of(reference("positives", PLAIN_OPTIONS), ("location",))

    (verdict,) = search(
        LAWS["partition"],
        candidate,
        max_examples=budget.to_find,
        seed=budget.seed,
        shrink=budget.shrink,
    )

    assert verdict.status == BROKEN
    if budget.shrink:
        assert_small(verdict)


def is_quick(law: str, name: str) -> bool:
    """Whether to search it on every change: each law twice, and what knows the answer always.

    `modes` compiles for 20 seconds; tests/reference/test_loss.py compiles values and a gradient.
    """
    if law == "modes":
        return False
    return name in ("batch", "positives") or law == "oracle"


@pytest.mark.parametrize(
    ("law", "name"),
    [
        pytest.param(
            law, name, id=f"{law}-{name}", marks=[] if is_quick(law, name) else pytest.mark.nightly
        )
        for law in LAWS
        for name in NORMALIZATIONS
    ],
)
def test_the_search_finds_what_the_table_says_of_all_options(law: str, name: str, budget) -> None:
    candidate = reference(name)
    examples = budget.to_hold if expected(law, name) == HOLDS else budget.to_find

    verdicts = search(LAWS[law], candidate, max_examples=examples, seed=budget.seed, shrink=False)

    assert [v.component for v in verdicts] == list(LAWS[law].components_of(candidate))
    for verdict in verdicts:
        assert verdict.status == expected(law, name), verdict.message
        assert_searched(verdict, examples // LAWS[law].one_in)


def assert_searched(verdict: Verdict, max_examples: int) -> None:
    """A verdict without examples, or a law that asserted nothing, would prove nothing."""
    assert verdict.comparisons > 0
    if verdict.status == HOLDS and not LAWS[verdict.law].somewhere:  # which one example may show
        assert verdict.examples >= max_examples
        assert verdict.comparisons >= verdict.examples // 4


def assert_small(verdict: Verdict) -> None:
    """What people are shown of a broken law: two images and at most two objects."""
    assert verdict.finding is not None
    batches = verdict.finding.case.batches.values()
    assert sum(batch.images for batch in batches) == 2
    assert sum(batch.positives for batch in batches) <= 2
