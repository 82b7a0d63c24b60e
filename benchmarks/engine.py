"""Count the planted faults that a search misses, and its seconds, for other settings of the search.

    python benchmarks/engine.py SEEDS

The settings are the length of a run of Hypothesis and the share of plain examples, as
mgspec.search.search has them, and each without. Every fault is searched under its own law, with 100
examples and without shrinking, in the components in which it must be caught. `right` is a search of
the right loss under every law, in which all examples are drawn.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

from mgspec import LAWS, search, specification
from mgspec.laws.needs import EACH_TERM, OPTIONS
from mgspec.search.verdicts import BROKEN
from tests.meta.faults.catalogue import FAULTS, Fault, judging
from tests.meta.faults.planting import speaking_of

SEARCH = import_module("mgspec.search.search")  # the package's name for it is that of the function
EXAMPLES = 100
ENDLESS = 10**9
WAYS = {
    "short runs, some plain": (SEARCH.RUN_LENGTH, SEARCH.PLAIN_SHARE),
    "one run, some plain": (ENDLESS, SEARCH.PLAIN_SHARE),
    "short runs, none plain": (SEARCH.RUN_LENGTH, ENDLESS),
    "one run, none plain": (ENDLESS, ENDLESS),
}


def is_missed(fault: Fault, seed: int) -> bool:
    """Return whether the fault's law leaves one of its components unaccused."""
    law, wrong = LAWS[fault.law], fault.candidate()
    if not {OPTIONS, EACH_TERM} & set(law.needs):  # these look at other components too
        wrong = speaking_of(wrong, fault.components)
    verdicts = search(law, wrong, max_examples=EXAMPLES, seed=seed, shrink=False)
    return not set(fault.components) <= {v.component for v in verdicts if v.status == BROKEN}


def main(seeds: int) -> None:
    """Print a line for each way: what is missed of how many, and seconds of processor time."""
    right = specification("batch", None)
    for name, (SEARCH.RUN_LENGTH, SEARCH.PLAIN_SHARE) in WAYS.items():
        start = time.process_time()
        missed = [f.name for f in FAULTS.values() for seed in range(seeds) if is_missed(f, seed)]
        middle = time.process_time()
        for law in judging(right):
            search(LAWS[law], right, max_examples=EXAMPLES, seed=0)
        end = time.process_time()
        print(
            f"{name}: missed {len(missed)} of {len(FAULTS) * seeds} {sorted(missed)}, "
            f"faults {(middle - start) / seeds:.1f} s a seed, right {end - middle:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
