"""`mgloss matrix`: the table, what is not as claimed, and the exit status."""

from __future__ import annotations

from typing import Any

import pytest

import mgspec
from mgspec import NORMALIZATIONS, Candidate, Finding, normalization
from mgspec.laws import BATCH_LAWS
from mgspec.laws.law import Law
from mgspec.saved.witnesses import witness_of
from mgspec.search.verdicts import BROKEN, HOLDS, Verdict
from tests.gate.conftest import Run


def claimed(law: Law, candidate: Candidate, **_: Any) -> list[Verdict]:
    """Verdicts as the normalization claims them, without a search."""
    rule = normalization(candidate.claims)
    found = []
    for component in law.components_of(candidate):
        if rule.obeys(law.name, component):
            found.append(Verdict(law.name, component, HOLDS, 1))
        else:
            witness = witness_of(law.name, candidate.claims)
            finding = Finding(witness.case, witness.message)
            found.append(Verdict(law.name, component, BROKEN, 1, 1, 0.0, witness.message, finding))
    return found


def rows(text: str) -> dict[str, list[str]]:
    """By first word: the other words of the lines of the first table."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return {line[0]: line[1:] for line in reversed(lines)}


def assert_is_the_truth_table(text: str) -> None:
    found = rows(text)
    assert found["law"] == list(NORMALIZATIONS)
    for law in BATCH_LAWS:
        marks = ["✓" if rule.obeys(law) else "✗" for rule in NORMALIZATIONS.values()]
        assert found[law] == marks


def test_the_matrix_shows_what_each_normalization_obeys(
    mgloss: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mgspec, "search", claimed)
    result = mgloss("matrix", "--max-examples", 8)
    assert result.returncode == 0, result.stdout
    assert_is_the_truth_table(result.stdout)
    assert "every entry is as the normalizations claim" in result.stdout


def test_what_is_not_as_claimed_is_marked_named_and_fails(
    mgloss: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(law: Law, candidate: Candidate, **asked: Any) -> list[Verdict]:
        if (law.name, candidate.claims) != ("partition", "positives"):
            return claimed(law, candidate, **asked)
        return [Verdict(law.name, c, HOLDS, 1) for c in law.components_of(candidate)]

    monkeypatch.setattr(mgspec, "search", blind)
    result = mgloss("matrix")
    assert result.returncode == 1
    assert "not as claimed (!): partition under positives" in result.stdout
    assert "!" in rows(result.stdout)["partition"]


@pytest.mark.nightly
def test_the_matrix_that_is_searched_is_the_truth_table(mgloss: Run) -> None:
    result = mgloss("matrix", "--max-examples", 8)
    assert result.returncode == 0, result.stdout
    assert_is_the_truth_table(result.stdout)
