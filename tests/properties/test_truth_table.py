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
from mgspec.search.verdicts import BROKEN, HOLDS

# As the analysis states it for location and classification; + is a law that must survive the
# search, - one that must be broken by it.
TABLE = """
                  positives  batch  fixed  hybrid  grid  expected  per_image  sum
finite                +        +      +      +      +       +          +       +
empty                 +        +      +      +      +       +          +       +
nonnegative           +        +      +      +      +       +          +       +
pure                  +        +      +      +      +       +          +       +
permutation           +        +      +      +      +       +          +       +
replication           +        +      -      +      +       +          +       -
partition             -        +      -      -      +       +          +       -
locality              -        +      -      -      +       +          +       -
sharding              -        +      -      -      +       +          +       -
object_monotone       -        +      -      +      +       +          -       +
density_monotone      -        +      -      +      +       +          -       +
density_neutral       +        -      +      -      -       -          +       -
resolution            +        +      +      -      -       +          +       +
"""
HEADER, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
EXPECTED = {
    (law, name): mark == "+"
    for law, *marks in ROWS
    for name, mark in zip(HEADER, marks, strict=True)
}
# The anchor term's count is the same in every image, so `positives` divides it as `grid` does.
ANCHOR_DIFFERS = {(law, "positives"): True for law in ("partition", "locality", "sharding")}


STRUCTURE_LAWS = tuple(law for law in LAWS if law not in BATCH_LAWS)


def test_the_table_has_an_entry_for_every_batch_law_and_normalization() -> None:
    assert set(EXPECTED) == {(law, name) for law in BATCH_LAWS for name in NORMALIZATIONS}
    assert len(BATCH_LAWS) == 13
    assert len(STRUCTURE_LAWS) == 14


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", LAWS)
def test_a_normalization_claims_what_the_table_says(law: str, name: str) -> None:
    rule = NORMALIZATIONS[name]
    holds = EXPECTED.get((law, name), True)
    assert (law in rule.laws_of("location")) is holds
    assert (law in rule.laws_of("anchor")) is ANCHOR_DIFFERS.get((law, name), holds)


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", BATCH_LAWS)
def test_the_search_finds_what_the_table_says_of_the_plain_terms(
    law: str, name: str, budget
) -> None:
    candidate = reference(name, PLAIN_OPTIONS)

    verdicts = search(
        LAWS[law],
        candidate,
        max_examples=budget.max_examples,
        seed=budget.seed,
        shrink=budget.shrink,
    )

    assert [v.component for v in verdicts] == list(LAWS[law].components_of(candidate))
    for verdict in verdicts:
        holds = EXPECTED[law, name]
        if verdict.component == "anchor":
            holds = ANCHOR_DIFFERS.get((law, name), holds)
        assert verdict.status == (HOLDS if holds else BROKEN), verdict.message
        assert_searched(verdict, budget.max_examples)
        if law == "partition" and verdict.component == "location" and not holds:
            assert_small(verdict)


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", LAWS)
def test_the_search_finds_what_the_table_says_of_all_options(law: str, name: str, budget) -> None:
    candidate = reference(name)
    examples = budget.max_examples // 2  # a law of structure is searched under eight normalizations

    verdicts = search(
        LAWS[law], candidate, max_examples=examples, seed=budget.seed, shrink=budget.shrink
    )

    assert [v.component for v in verdicts] == list(LAWS[law].components_of(candidate))
    for verdict in verdicts:
        holds = EXPECTED.get((law, name), True)
        assert verdict.status == (HOLDS if holds else BROKEN), verdict.message
        assert_searched(verdict, examples // LAWS[law].one_in)


def assert_searched(verdict: Verdict, max_examples: int) -> None:
    """A verdict without examples, or a law that asserted nothing, would prove nothing."""
    assert verdict.comparisons > 0
    if verdict.status == HOLDS:
        assert verdict.examples >= max_examples
        assert verdict.comparisons >= verdict.examples // 4


def assert_small(verdict: Verdict) -> None:
    """What people are shown of a broken law: two images and at most two objects."""
    assert verdict.finding is not None
    batches = verdict.finding.case.batches.values()
    assert sum(batch.images for batch in batches) == 2
    assert sum(batch.positives for batch in batches) <= 2
