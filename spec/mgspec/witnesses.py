"""The smallest batch on which each normalization breaks each law that it does not obey.

They are committed as counterexample files, so that an entry of the truth table that says "broken"
can be looked at and replayed, on any loss, without a search.

    python -m mgspec.witnesses         # searches them anew and writes spec/witnesses
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from mgspec.candidate import specification
from mgspec.counterexample import Counterexample, from_verdict, load, save
from mgspec.laws import LAWS
from mgspec.normalizations import NORMALIZATIONS
from mgspec.search import BROKEN, search

COMPONENT = "location"  # the simplest that every law with a witness speaks of
SEEDS = range(5)

# Beside the package where it is installed, beside its folder in the source tree.
_INSTALLED, _SOURCE = (folder / "witnesses" for folder in Path(__file__).parents[:2])
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _SOURCE


def broken_pairs() -> list[tuple[str, str]]:
    """(law, normalization) of every entry of the truth table that says "broken"."""
    return [
        (law, name)
        for law in LAWS
        for name, rule in NORMALIZATIONS.items()
        if law not in rule.obeys
    ]


def size(witness: Counterexample) -> tuple[int, ...]:
    """What makes a witness smaller: fewer images, objects, cells, channels, numbers but 0."""
    batches = witness.case.batches.values()
    arrays = [array for batch in batches for array in (*batch.targets, *batch.predictions)]
    return (
        sum(batch.images for batch in batches),
        sum(batch.positives for batch in batches),
        sum(batch.cells for batch in batches),
        sum(array.size for array in arrays),
        sum(int(np.count_nonzero(array)) for array in arrays),
        sum(len(str(choice)) for choice in witness.case.choices.values()),
    )


def search_witness(law: str, name: str) -> Counterexample:
    """The smallest of what several searches find; LookupError where one finds nothing."""
    found = []
    for seed in SEEDS:
        verdicts = search(LAWS[law], specification(name), seed=seed)
        verdict = next(v for v in verdicts if v.component == COMPONENT)
        witness = from_verdict(verdict, "", name, seed, {})
        if verdict.status != BROKEN or witness is None:
            raise LookupError(f"{law} under {name}: seed {seed} found no witness")
        found.append(witness)
    return min(found, key=size)


def path(law: str, name: str) -> Path:
    """Where the witness of this law and normalization is kept."""
    return FOLDER / f"{law}-{name}.json"


@cache
def witness_of(law: str, name: str) -> Counterexample:
    """The committed witness; FileNotFoundError where the normalization obeys the law."""
    return load(path(law, name))


def main() -> None:
    """Write every witness anew."""
    for law, name in broken_pairs():
        save(search_witness(law, name), path(law, name))
        print(path(law, name))


if __name__ == "__main__":
    main()
