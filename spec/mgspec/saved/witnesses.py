"""The smallest batch on which each normalization breaks each law that it does not obey.

They are committed as counterexample files, so that an entry of the truth table that says "broken"
can be looked at and replayed, on any loss, without a search.

    python -m mgspec.saved.witnesses         # searches them anew and writes spec/witnesses

What the search finds is the smallest for the choices that it draws, not for a reader: it keeps
numbers that belong to other components, and takes another batch for each normalization where one
would do. So two steps follow: every prediction that can be 0 becomes 0, and of all that was found
for a law, each normalization gets the smallest that it breaks.
"""

from __future__ import annotations

from collections.abc import Iterable
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

COMPONENT = "location"  # the simplest that every law with a witness speaks of
SEEDS = range(3)

# Beside the package where it is installed, beside its folder in the source tree.
_INSTALLED, _SOURCE = (folder / "witnesses" for folder in Path(__file__).parents[1:3])
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _SOURCE


def breakers(law: str) -> list[str]:
    """The normalizations that do not obey this law."""
    return [name for name, rule in NORMALIZATIONS.items() if not rule.obeys(law)]


def broken_pairs() -> list[tuple[str, str]]:
    """(law, normalization) of every entry of the truth table that says "broken"."""
    return [(law, name) for law in LAWS for name in breakers(law)]


def finding(law: str, name: str, case: Case) -> Finding | None:
    """How the specification's own location term breaks the law on this case, if it does."""
    return judge(LAWS[law], specification(name), case, (COMPONENT,))


def is_fair(law: str, case: Case) -> bool:
    """Whether the normalizations that obey the law hold on this case, so that it is one of its."""
    obeying = [name for name, rule in NORMALIZATIONS.items() if rule.obeys(law)]
    return all(finding(law, name, case) is None for name in obeying)


def _batches(case: Case) -> dict[str, Batch]:
    """The case's batches, which are all of this project's layout."""
    return {name: batch for name, batch in case.batches.items() if isinstance(batch, Batch)}


def size(case: Case) -> tuple[int, ...]:
    """What makes a case smaller: fewer images, objects, cells, channels, numbers but 0."""
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


def _with_a_zero(case: Case) -> Iterable[Case]:
    """The case with one of its predictions replaced by 0, for each that is not."""
    for name, batch in _batches(case).items():
        for scale, array in enumerate(batch.predictions):
            for place in np.argwhere(array):
                predictions: list[Array] = list(batch.predictions)
                predictions[scale] = array.copy()
                predictions[scale][tuple(place)] = 0
                changed = Batch(batch.targets, tuple(predictions))
                yield replace(case, batches={**case.batches, name: changed})


def reduced(law: str, name: str, case: Case) -> Case:
    """The case with every prediction 0 that does not matter: it still breaks the law, fairly."""
    for simpler in _with_a_zero(case):
        if finding(law, name, simpler) is not None and is_fair(law, simpler):
            return reduced(law, name, simpler)
    return case


def search_witness(law: str, name: str, seed: int) -> Counterexample:
    """What a search finds, reduced; LookupError where it finds nothing."""
    verdicts = search(LAWS[law], specification(name), seed=seed)
    verdict = next(v for v in verdicts if v.component == COMPONENT)
    found = from_verdict(verdict, "", name, None, {})  # no seed finds what is reduced
    if verdict.status != BROKEN or found is None:
        raise LookupError(f"{law} under {name}: seed {seed} found no witness")
    return replace(found, case=reduced(law, name, found.case))


def witnesses_for(law: str) -> list[Counterexample]:
    """The smallest witness that was found of each normalization that breaks the law."""
    found = [search_witness(law, name, seed) for name in breakers(law) for seed in SEEDS]
    found.sort(key=lambda witness: size(witness.case))
    chosen = []
    for name in breakers(law):
        for witness in found:
            broken = finding(law, name, witness.case)
            if broken is not None:
                chosen.append(replace(witness, claims=name, message=broken.message))
                break
    return chosen


def path(law: str, name: str) -> Path:
    """Where the witness of this law and normalization is kept."""
    return FOLDER / f"{law}-{name}.json"


@cache
def witness_of(law: str, name: str) -> Counterexample:
    """The committed witness; CounterexampleError where the normalization obeys the law."""
    return load(path(law, name))


def main() -> None:
    """Write every witness anew."""
    for law in LAWS:
        for witness in witnesses_for(law):
            save(witness, path(law, witness.claims))
            print(path(law, witness.claims))


if __name__ == "__main__":
    main()
