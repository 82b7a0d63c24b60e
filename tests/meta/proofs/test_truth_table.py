"""Every entry of the truth table that is arithmetic, proved or refuted as the table says.

For 1 to 4 images in each batch, and all real numbers. The general case is in the specification.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mgspec import LAWS, NORMALIZATIONS
from mgspec.laws import BATCH_LAWS
from tests.meta.proofs.prover import Question, counterexample, disagreement
from tests.meta.proofs.statements import STATEMENTS
from tests.meta.proofs.symbols import (
    ANCHOR,
    COUNTINGS,
    HYPOTHESES,
    LOCATION,
    NO_CELLS_NO_SUM,
    NO_FRACTION,
    WITHIN_GRID,
)

QUICK = 2  # images of a batch; more are proved at night

DENSITY_WEIGHTED = "density_weighted"  # no law of its own: a promise of `hybrid` alone

# What a proof uses besides signs; all others use nothing. Proved to be needed below.
USED = {
    (law, name, LOCATION): {NO_CELLS_NO_SUM}
    for law in ("empty", "empty_image")
    for name in NORMALIZATIONS
} | {
    ("replication", "positives", counting): {NO_CELLS_NO_SUM, NO_FRACTION}
    for counting in COUNTINGS
} | {
    ("partition", "positives", ANCHOR): {NO_CELLS_NO_SUM, NO_FRACTION},
    ("sharding", "positives", ANCHOR): {NO_CELLS_NO_SUM, NO_FRACTION},
    ("locality", "positives", ANCHOR): {NO_FRACTION},
    (DENSITY_WEIGHTED, "hybrid", LOCATION): {WITHIN_GRID},
}  # fmt: skip


def speaks_of(law: str) -> tuple[str, ...]:
    everywhere = law != DENSITY_WEIGHTED and "anchor" in LAWS[law].speaks_of
    return COUNTINGS if everywhere else (LOCATION,)


def obeys(law: str, name: str, counting: str) -> bool:
    if law == DENSITY_WEIGHTED:
        return name == "hybrid"
    return NORMALIZATIONS[name].obeys(law, "anchor" if counting == ANCHOR else "location")


def entries() -> Iterator[tuple[str, str, str]]:
    for law in STATEMENTS:
        for name in NORMALIZATIONS:
            for counting in speaks_of(law):
                yield law, name, counting


def questions() -> Iterator[object]:
    for law, name, counting in entries():
        for sizes in STATEMENTS[law][1]:
            size = "x".join(map(str, sizes))
            marks = [pytest.mark.nightly] if max(sizes) > QUICK else []
            identity = f"{law}-{name}-{counting}-{size}"
            yield pytest.param(law, name, counting, sizes, id=identity, marks=marks)


def test_every_law_of_batches_is_stated() -> None:
    assert set(STATEMENTS) - {DENSITY_WEIGHTED} == set(BATCH_LAWS) - {"pure"}


@pytest.mark.parametrize(("law", "name", "counting", "sizes"), list(questions()))
def test_a_law_is_proved_or_refuted_as_the_table_says(
    law: str, name: str, counting: str, sizes: tuple[int, ...]
) -> None:
    question = Question(law, NORMALIZATIONS[name].formula, counting, sizes)
    wrong = disagreement(
        question, obeys(law, name, counting), USED.get((law, name, counting), set())
    )
    assert wrong is None, wrong


@pytest.mark.parametrize(("law", "name", "counting"), USED)
def test_a_proof_uses_no_hypothesis_in_vain(law: str, name: str, counting: str) -> None:
    used = USED[law, name, counting]
    formula = NORMALIZATIONS[name].formula
    for without in used:
        assert any(
            counterexample(Question(law, formula, counting, sizes), used - {without})
            for sizes in STATEMENTS[law][1]
        ), f"{law} of {name} ({counting}) is proved without: {without}"


@pytest.mark.parametrize(("law", "name", "counting"), USED)
def test_only_entries_that_are_obeyed_name_hypotheses(law: str, name: str, counting: str) -> None:
    assert (law, name, counting) in set(entries())
    assert obeys(law, name, counting)
    assert USED[law, name, counting] <= set(HYPOTHESES)
