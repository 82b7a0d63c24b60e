"""How small a fault is caught: python -m tests.meta.faults.sensitivity

One component of one image is off by 1 in 1,000, under each normalization; everything else is right.
The loss says that it computes in float32, so that it is judged as exactly as a real one. Caught is
what any law that the claims admit catches in a default run.

The image is the first of its batch, the last, or the one with most positive cells; the fault is in
value and gradient, or in the value alone.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mgspec import LAWS, NORMALIZATIONS, Batch, Candidate, Evaluation, Options, Problem, search
from mgspec.loss.candidate import specification
from mgspec.loss.float64 import Scale
from mgspec.problem.normalizations import NUMPY, Sums, normalization
from mgspec.search.verdicts import BROKEN
from tests.meta.faults.catalogue import ORACLE, judging
from tests.meta.faults.planting import TERM_OF, speaking_of, with_slopes, with_values

PART = 1e-3
COMPONENTS = tuple(TERM_OF)
OPTIONS = Options(background="objectness", ignore_thresh=1)
FIRST, LAST, FULLEST = "first", "last", "fullest"
IMAGES = (FIRST, LAST, FULLEST)
BOTH, VALUE = "value and gradient", "value only"
KINDS = (BOTH, VALUE)

# Those that catch most come first; the order decides only how long it takes.
LIKELIEST = ("partition", "locality", "permutation", "gradient", "sharding", "replication")


def off_in_one_image(claims: str, component: str, image: str, kind: str) -> Candidate:
    """The right loss, but for 1 in 1,000 of a component of an image."""
    right = specification(claims, OPTIONS, dtype="float32")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, True)
        chosen = np.eye(batch.images)[_position(batch, image)]
        more = PART * share_of(value, problem, batch, component, chosen)
        both = f"{component} total"
        wrong = with_values(value, **{c: value.components[c] + more for c in both.split()})
        if kind == BOTH:
            part = PART * chosen[:, None, None, None]
            own = value.gradients[component]
            wrong = with_slopes(wrong, lambda scale, g: g + part * own[scale], both)
        return wrong

    return Candidate(
        f"{component}:{claims}:{image}:{kind}",
        run,
        right.components,
        has_gradients=True,
        claims=claims,
        options=OPTIONS,
    )


def _position(batch: Batch, image: str) -> int:
    if image == FULLEST:
        return int(np.argmax(sum(mask.sum((1, 2)) for mask in batch.masks())))
    return 0 if image == FIRST else -1


def share_of(
    value: Evaluation, problem: Problem, batch: Batch, component: str, chosen: np.ndarray
) -> float:
    """What the chosen image `[B]` contributes to a component; formulas are linear in raw sums."""
    rule, total = normalization(problem.options.normalization_of(component)), 0.0
    for number in range(problem.scales):
        scale = Scale.of(problem, batch, number)
        term = TERM_OF[component](scale)
        images, height, width = scale.mask.shape
        sums = Sums(
            term.raw * chosen,
            term.count,
            scale.mask.sum((1, 2)),
            images,
            height * width,
            problem.options.expected,
        )
        total += float(rule.formula(sums, NUMPY))
    return total


def order(candidate: Candidate) -> list[str]:
    """The laws that judge it, the likeliest first and `oracle` last."""
    rank = {law: place for place, law in enumerate(LIKELIEST)}
    laws = [law for law in judging(candidate) if law != ORACLE]
    return [*sorted(laws, key=lambda law: rank.get(law, len(rank))), ORACLE]


def caught_by(candidate: Candidate, component: str, max_examples: int, seed: int) -> str | None:
    """The first law that catches it in this component."""
    alone = speaking_of(candidate, (component,))
    for law in order(candidate):
        if component not in LAWS[law].speaks_of:
            continue
        found = search(LAWS[law], alone, max_examples=max_examples, seed=seed, shrink=False)
        if any(v.status == BROKEN for v in found):
            return law
    return None


def runs(seeds: int, max_examples: int) -> Iterator[dict[str, Any]]:
    """Every fault with every seed; the seeds go slowest, so that a part of a run says something."""
    for seed in range(seeds):
        for kind, image, claims, component in product(KINDS, IMAGES, NORMALIZATIONS, COMPONENTS):
            wrong = off_in_one_image(claims, component, image, kind)
            law = caught_by(wrong, component, max_examples, seed)
            yield {
                "kind": kind,
                "image": image,
                "claims": claims,
                "component": component,
                "seed": seed,
                "law": law,
            }


def show(console: Console, documents: list[dict[str, Any]]) -> None:
    """Catches of each fault over all seeds, and by which laws."""
    laws: dict[tuple[str, ...], Counter[str | None]] = defaultdict(Counter)
    for d in documents:
        laws[d["kind"], d["image"], d["claims"], d["component"]][d["law"]] += 1
    table = Table(box=None)
    for column in ("fault", "image", "normalization", *COMPONENTS):
        table.add_column(column, overflow="fold")
    for kind, image, claims in product(KINDS, IMAGES, NORMALIZATIONS):
        cells = []
        for component in COMPONENTS:
            found = laws[kind, image, claims, component]
            caught = found.total() - found[None]
            by = ", ".join(f"{law} {n}" for law, n in found.most_common() if law)
            cells.append(f"{caught}/{found.total()} {by}")
        table.add_row(kind, image, claims, *cells)
    console.print(table)
    caught = [d for d in documents if d["law"]]
    plain = [d for d in caught if d["law"] != ORACLE]
    console.print(
        f"{len(documents)} runs, {len(caught)} caught, {len(plain)} of them without {ORACLE}",
        highlight=False,
    )


def main(
    seeds: Annotated[int, typer.Option(min=1, help="how many, from 0 on")] = 20,
    max_examples: Annotated[int, typer.Option(min=1, help="of every search")] = 100,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write what caught each fault to this file")
    ] = None,
) -> None:
    """Search for faults of 1 in 1,000 in one image, and print how many are caught."""
    documents = []
    for document in runs(seeds, max_examples):
        documents.append(document)
        if document["component"] == COMPONENTS[-1]:
            print(*document.values(), file=sys.stderr)
            if json_file is not None:
                json_file.write_text(json.dumps(documents), encoding="utf-8")
    show(Console(width=140), documents)
    raise typer.Exit(0 if all(d["law"] for d in documents) else 1)


if __name__ == "__main__":
    typer.run(main)
