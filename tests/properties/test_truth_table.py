"""Every law under every normalization of the reference, strictly in both directions."""

from __future__ import annotations

import pytest

from mgloss.gate.loading import load
from mgspec import LAWS, NORMALIZATIONS, Verdict, search
from mgspec.laws import BATCH_LAWS
from mgspec.search import BROKEN, HOLDS

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
masking               +        +      +      +      +       +          +       +
oracle                +        +      +      +      +       +          +       +
"""
HEADER, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
EXPECTED = {
    (law, name): mark == "+"
    for law, *marks in ROWS
    for name, mark in zip(HEADER, marks, strict=True)
}
# The anchor term's count is the same in every image, so `positives` divides it as `grid` does.
ANCHOR_DIFFERS = {(law, "positives"): True for law in ("partition", "locality", "sharding")}


def test_the_table_has_an_entry_for_every_law_and_normalization() -> None:
    assert set(EXPECTED) == {(law, name) for law in LAWS for name in NORMALIZATIONS}
    assert len(BATCH_LAWS) == 13


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", LAWS)
def test_a_normalization_claims_what_the_table_says(law: str, name: str) -> None:
    rule = NORMALIZATIONS[name]
    assert (law in rule.laws_of("location")) is EXPECTED[law, name]
    expected = ANCHOR_DIFFERS.get((law, name), EXPECTED[law, name])
    assert (law in rule.laws_of("anchor")) is expected


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("law", LAWS)
def test_the_search_finds_what_the_table_says(law: str, name: str, budget) -> None:
    candidate = load(None, name).candidate

    verdicts = search(LAWS[law], candidate, max_examples=budget.max_examples, seed=budget.seed)

    assert [v.component for v in verdicts] == list(LAWS[law].components_of(candidate))
    for verdict in verdicts:
        holds = EXPECTED[law, name]
        if verdict.component == "anchor":
            holds = ANCHOR_DIFFERS.get((law, name), holds)
        assert verdict.status == (HOLDS if holds else BROKEN), verdict.message
        assert_searched(verdict, budget.max_examples)


def assert_searched(verdict: Verdict, max_examples: int) -> None:
    """A verdict without examples, or a law that asserted nothing, would prove nothing."""
    assert verdict.comparisons > 0
    if verdict.status == HOLDS:
        assert verdict.examples >= max_examples
        assert verdict.comparisons >= verdict.examples


@pytest.mark.parametrize("name", ["positives", "fixed", "hybrid", "sum"])
def test_the_witness_of_a_broken_partition_is_small(name: str, budget) -> None:
    verdicts = search(LAWS["partition"], load(None, name).candidate, seed=budget.seed)
    location = next(v for v in verdicts if v.component == "location")
    assert location.finding is not None
    batches = location.finding.case.batches.values()
    assert sum(batch.images for batch in batches) == 2
    assert sum(batch.positives for batch in batches) <= 2
