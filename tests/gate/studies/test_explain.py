"""`mgloss explain`: laws, normalizations and topics, as the specification tells them."""

from __future__ import annotations

import shlex

import pytest

from mgspec import LAWS, NORMALIZATIONS
from mgspec.saved.witnesses import breakers, witness_of
from tests.gate.conftest import Run


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_explained(law: str, mgloss: Run) -> None:
    result = mgloss("explain", law)
    assert result.returncode == 0
    said = " ".join(result.stdout.replace("▌", "").split())
    assert LAWS[law].statement in said
    for text in LAWS[law].sections.values():
        assert " ".join(text.replace("`", "").split()) in said
    for name in breakers(law):
        assert f"{name}: {witness_of(law, name).message}" in said
    assert ("Witness" in said) is bool(breakers(law))
    assert ("mgloss replay" in said) is bool(breakers(law))


def test_the_witness_of_an_explanation_can_be_replayed(mgloss: Run) -> None:
    *_, command = mgloss("explain", "partition").stdout.splitlines()
    label, name, *arguments = shlex.split(command)
    assert [label, name] == ["replay", "mgloss"]
    replayed = mgloss(*arguments)
    assert replayed.returncode == 1
    assert witness_of("partition", "positives").message in replayed.stdout


@pytest.mark.parametrize(
    ("topic", "says"),
    [("choosing", "what you give up"), ("theorem", "object_monotone"), ("notation", "raw sum")],
)
def test_a_topic_is_explained(topic: str, says: str, mgloss: Run) -> None:
    result = mgloss("explain", topic)
    assert result.returncode == 0
    assert says in result.stdout


@pytest.mark.parametrize("columns", [80, 200])
def test_an_explanation_fits_the_terminal(columns: int, mgloss: Run) -> None:
    for name in ((), ("partition",), ("scales",), ("choosing",)):
        lines = mgloss("explain", *name, columns=columns).stdout.splitlines()
        said = [line for line in lines if not line.startswith("replay")]
        assert max(map(len, said)) <= min(columns, 100)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalization_is_explained(name: str, mgloss: Run) -> None:
    result = mgloss("explain", name)
    assert result.returncode == 0
    assert NORMALIZATIONS[name].text in result.stdout


def test_all_laws_and_normalizations_are_listed(mgloss: Run) -> None:
    result = mgloss("explain")
    assert result.returncode == 0
    words = set(result.stdout.split())
    assert words >= set(LAWS)
    assert words >= set(NORMALIZATIONS)
    assert "mgloss explain choosing" in " ".join(result.stdout.split())


def test_an_unknown_law_is_refused_with_the_nearest_name(mgloss: Run) -> None:
    result = mgloss("explain", "replicaton")
    assert result.returncode == 2
    assert "'replicaton'; did you mean 'replication'?" in result.stderr
