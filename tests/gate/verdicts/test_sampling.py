"""Random numbers break `pure`; every other law judges the loss at equal seeds."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from mgloss.gate.losses.generators import seeded
from mgloss.gate.losses.loading import Loaded, load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Verdict, search
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.gate.conftest import Run, said

HERE = Path(__file__).parent
NOTE = "its value depends on random numbers"
DRAWING = (
    "sampling.py:by_python",
    "sampling.py:by_numpy",
    "sampling.py:by_a_generator_of_its_own",
    "sampling.py:by_a_new_generator",
    "sampling.py:Drawing",
    "sampling.py:make",
    "sampling_torch.py:by_torch",
    "sampling_torch.py:by_a_generator_of_its_own",
)


def loaded(name: str) -> Loaded:
    return load(LossRequest(str(HERE / name)))


def verdict(found: Loaded, law: str) -> Verdict:
    (of_location,) = search(LAWS[law], found.candidate, max_examples=20, seed=0)
    return of_location


@pytest.mark.parametrize("name", DRAWING)
def test_a_loss_that_draws_is_impure_and_nothing_else(name: str) -> None:
    found = loaded(name)
    assert any(note.startswith(NOTE) for note in found.notes)
    impure = verdict(found, "pure")
    assert impure.status == BROKEN
    assert impure.message.startswith("location: L(X) with other random numbers = ")
    for law in ("replication", "partition", "sharding"):
        assert verdict(found, law).status == HOLDS


def test_a_loss_that_seeds_itself_is_pure() -> None:
    found = loaded("sampling.py:from_a_fixed_seed")
    assert not any(note.startswith(NOTE) for note in found.notes)
    assert verdict(found, "pure").status == HOLDS


def test_noise_does_not_hide_another_fault() -> None:
    found = loaded("sampling.py:by_half_the_sum")
    assert verdict(found, "replication").status == BROKEN
    assert verdict(found, "permutation").status == HOLDS


def test_the_report_says_so_where_the_loss_has_a_process_of_its_own(mgloss: Run) -> None:
    name = f"{HERE / 'sampling.py'}:by_numpy"
    laws = ("--law", "pure", "--law", "replication")
    result = mgloss("check", name, *laws, "--max-examples", 10, apart=True)

    assert result.returncode == 1
    assert NOTE in said(result.stdout)
    assert "1 law broken (pure), 1 law holds" in said(result.stdout)


def test_generators_are_given_back_as_they_were() -> None:
    states = random.getstate(), np.random.get_state()[1].tolist()
    with seeded(4):
        drawn = random.random(), np.random.rand()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    with seeded(4):
        assert (random.random(), np.random.rand()) == drawn
