"""Keep a witness: the smallest batch on which a normalization breaks a law that it does not obey.

Every ✗ of the truth table has one, committed as a counterexample file. So a reader can look at it
and replay it on any loss without a search.

    python -m mgspec.saved.witnesses         # search for all anew and write spec/witnesses

A search finds the case that is smallest by its draws, not the easiest to read. It keeps numbers of
other components, and finds a different batch for each normalization. Two steps improve that: set to
0 every prediction that can be 0, and give each normalization the smallest witness of the law that
it breaks, whichever normalization it was found for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from mgspec.laws import LAWS, Case, Finding
from mgspec.loss.candidate import specification
from mgspec.problem.layout import Array, Batch
from mgspec.problem.normalizations import NORMALIZATIONS
from mgspec.saved.counterexample import Counterexample, from_verdict, load, save
from mgspec.search.search import judge, search
from mgspec.search.verdicts import BROKEN

COMPONENT = "location"  # the simplest component that every law with a witness can judge
SEEDS = range(3)

# Beside the package where it is installed, beside its folder in the source tree.
_INSTALLED, _SOURCE = (folder / "witnesses" for folder in Path(__file__).parents[1:3])
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _SOURCE


def breakers(law: str) -> list[str]:
    """Return the names of the normalizations that do not obey this law."""
    return [name for name, rule in NORMALIZATIONS.items() if not rule.obeys(law)]


def broken_pairs() -> list[tuple[str, str]]:
    """Return (law, normalization) for every ✗ of the truth table."""
    return [(law, name) for law in LAWS for name in breakers(law)]


def find_violation(law: str, name: str, case: Case) -> Finding | None:
    """Judge the location term of the specification's loss, normalized by `name`, on this case.

    Return how it breaks the law, or None.
    """
    return judge(LAWS[law], specification(name), case, (COMPONENT,))


def is_fair(law: str, case: Case) -> bool:
    """Return whether every normalization that obeys the law passes this case."""
    obeying = [name for name, rule in NORMALIZATIONS.items() if rule.obeys(law)]
    return all(find_violation(law, name, case) is None for name in obeying)


def _batches(case: Case) -> dict[str, Batch]:
    """Return the case's batches that are of the project's own layout: here, all."""
    return {name: batch for name, batch in case.batches.items() if isinstance(batch, Batch)}


def size_of(case: Case) -> tuple[int, ...]:
    """Return the case's numbers of images, objects, cells and so on, to order cases by size."""
    batches = _batches(case).values()
    arrays = [array for batch in batches for array in (*batch.targets, *batch.predictions)]
    return (
        sum(batch.images for batch in batches),
        sum(batch.positives for batch in batches),
        sum(batch.cells for batch in batches),
        sum(array.size for array in arrays),
        sum(int(np.count_nonzero(array)) for array in arrays),
        sum(len(str(choice)) for choice in case.choices.values()),
    )


def _with_one_more_zero(case: Case) -> Iterator[Case]:
    """Yield the case with one prediction set to 0, for each prediction that is not 0."""
    for name, batch in _batches(case).items():
        for scale, array in enumerate(batch.predictions):
            for place in np.argwhere(array):
                predictions: list[Array] = list(batch.predictions)
                predictions[scale] = array.copy()
                predictions[scale][tuple(place)] = 0
                changed = Batch(batch.targets, tuple(predictions))
                yield replace(case, batches={**case.batches, name: changed})


def reduce_case(law: str, name: str, case: Case) -> Case:
    """Set every prediction to 0 that can be 0 while the case stays fair and breaks the law."""
    for simpler in _with_one_more_zero(case):
        if find_violation(law, name, simpler) is not None and is_fair(law, simpler):
            return reduce_case(law, name, simpler)
    return case


def search_witness(law: str, name: str, seed: int) -> Counterexample:
    """Search for a witness and reduce it. Raise LookupError if the search finds none."""
    verdicts = search(LAWS[law], specification(name), seed=seed)
    verdict = next(v for v in verdicts if v.component == COMPONENT)
    # The seed is not recorded: it would not find the reduced case.
    witness = from_verdict(verdict, "", name, None, {})
    if verdict.status != BROKEN or witness is None:
        raise LookupError(f"{law} under {name}: seed {seed} found no witness")
    return replace(witness, case=reduce_case(law, name, witness.case))


def witnesses_for(law: str) -> list[Counterexample]:
    """Return the smallest witness found for each normalization that breaks the law."""
    candidates = [search_witness(law, name, seed) for name in breakers(law) for seed in SEEDS]
    candidates.sort(key=lambda witness: size_of(witness.case))
    chosen = []
    for name in breakers(law):
        for witness in candidates:
            finding = find_violation(law, name, witness.case)
            if finding is not None:
                chosen.append(replace(witness, claims=name, message=finding.message))
                break
    return chosen


def path(law: str, name: str) -> Path:
    """Return the file of the witness of this law and normalization."""
    return FOLDER / f"{law}-{name}.json"


@cache
def witness_of(law: str, name: str) -> Counterexample:
    """Load the committed witness.

    Raise CounterexampleError if the normalization obeys the law, and so has none.
    """
    return load(path(law, name))


def main() -> None:
    """Search for every witness anew and write its file."""
    for law in LAWS:
        for witness in witnesses_for(law):
            save(witness, path(law, witness.claims))
            print(path(law, witness.claims))


if __name__ == "__main__":
    main()
