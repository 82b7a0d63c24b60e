"""What all tests share: how hard to search, as the Hypothesis profile says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, settings

from mgloss.gate.losses.environment import prepare

prepare()  # as `mgloss` does


FOUND_WITHIN = 100  # examples; in so many, every planted fault is found
HELD_FOR = 20  # examples; with fewer, fewer mutants of the loss are noticed


@dataclass(frozen=True)
class Budget:
    """How hard to search for counterexamples, and from which seed.

    to_find: examples of a search that must find something, at least `FOUND_WITHIN`. It ends with
        the first finding.
    to_hold: examples of a search that must find nothing, and therefore tries them all.
    seed: of a search whose result must not depend on it; None draws a new one each time.
    fixed_seed: of a search for a planted fault. Some seed misses some fault, and with so many
        faults a run would now and then fail; `python -m tests.meta.faults.matrix --seed` tries
        others.
    shrink: make counterexamples small.
    """

    to_find: int
    to_hold: int
    seed: int | None
    shrink: bool
    fixed_seed: int = 0


@pytest.fixture(scope="session")
def budget() -> Budget:
    """Return the budget of the Hypothesis profile that was chosen on the command line."""
    profile = settings()
    return Budget(
        to_find=max(FOUND_WITHIN, profile.max_examples),
        to_hold=max(HELD_FOR, profile.max_examples // 5),
        seed=0 if profile.derandomize else None,
        shrink=Phase.shrink in profile.phases,
    )
