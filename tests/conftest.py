"""What all tests share: how hard to search, as the Hypothesis profile says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, settings

from mgloss.gate.losses.environment import prepare

prepare()  # as `mgloss` does


@dataclass(frozen=True)
class Budget:
    """How hard to search, and from which seed; None: from another each time.

    fixed_seed: for what must be caught. Some seed misses some fault, and of so many one would now
        and then fail a run; `python -m tests.meta.faults.matrix --seed` searches from others.
    """

    max_examples: int
    seed: int | None
    shrink: bool
    fixed_seed: int = 0


@pytest.fixture(scope="session")
def budget() -> Budget:
    profile = settings()
    seed = 0 if profile.derandomize else None
    return Budget(profile.max_examples, seed, Phase.shrink in profile.phases)
