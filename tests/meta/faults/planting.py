"""How a fault is planted into the specification's float64 loss, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgspec import Batch, Candidate, Evaluation, Options, Problem, specification
from mgspec.loss import float64 as loss
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.loss.float64 import Scale, Term
from mgspec.problem.changes import take

TERM_OF = {
    "location": loss.location,
    "anchor": loss.anchor,
    "classification": loss.classification,
    "objectness": loss.objectness,
}
OBJECT_TERMS = "location classification"

Right = Callable[[Problem, Batch], Evaluation]
Wrong = Callable[..., Evaluation]
Weigh = Callable[[Scale, Term], Any]


@dataclass(frozen=True)
class Fault:
    """A candidate with one deliberate fault.

    law: the one that must catch it. components: those that it must be caught in.
    family: the module that holds it.
    images, objects: the most that its counterexample may have; None where the fault cannot show in
        a small batch.
    alone: no law but this one, and `oracle`, catches it. It shows that the law is needed.
    """

    name: str
    family: str
    law: str
    components: tuple[str, ...]
    candidate: Callable[[], Candidate]
    images: int = 4
    objects: int | None = 8
    alone: bool = False


FAULTS: dict[str, Fault] = {}


def planted(
    law: str,
    components: str,
    *,
    claims: str = "batch",
    options: Options | None = PLAIN_OPTIONS,
    remembers: bool = False,
    own_total: bool = False,
    images: int = 4,
    objects: int | None = 8,
    alone: bool = False,
) -> Callable[[Wrong], Wrong]:
    """Put a wrong loss into the catalogue: a function of the right loss, a problem and a batch.

    remembers: pass it a fourth argument, a dict that lives as long as its candidate.
    own_total: keep the total that it returns; else replace it by the sum of the terms.
    Other arguments: as of `Fault`, and as of `specification`.
    """

    def register(wrong: Wrong) -> Wrong:
        name = wrong.__name__

        def build() -> Candidate:
            right = specification(claims, options)
            memory: tuple[dict[str, Any], ...] = ({},) if remembers else ()

            def with_gradients(problem: Problem, batch: Batch) -> Evaluation:
                # By the problem's options, which are those of the candidate unless a fault
                # changes them.
                value = specification(claims, None).run(problem, batch, True)
                return _restricted(value, right.components)

            def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
                value = wrong(with_gradients, problem, batch, *memory)
                value = value if own_total else _added_up(value)
                return value if gradients else replace(value, gradients=None)

            return replace(right, name=name, run=run)

        add(
            Fault(
                name,
                _family(wrong),
                law,
                tuple(components.split()),
                build,
                images,
                objects,
                alone,
            )
        )
        return wrong

    return register


def add(fault: Fault) -> None:
    if fault.name in FAULTS:
        raise ValueError(f"two faults have the name {fault.name}")
    FAULTS[fault.name] = fault


def _family(function: Callable[..., Any]) -> str:
    return function.__module__.rpartition(".")[2]


def _restricted(value: Evaluation, components: tuple[str, ...]) -> Evaluation:
    return replace(
        value,
        components={c: value.components[c] for c in components},
        gradients={c: value.gradients[c] for c in components} if value.gradients else None,
    )


def speaking_of(candidate: Candidate, components: tuple[str, ...]) -> Candidate:
    """The candidate as if it returned these components only."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return _restricted(candidate.run(problem, batch, gradients), components)

    return replace(candidate, run=run, components=components)


def _added_up(value: Evaluation) -> Evaluation:
    terms = [c for c in value.components if c != "total"]
    total = sum(value.components[c] for c in terms)
    slopes = tuple(np.sum(g, 0) for g in zip(*(value.gradients[c] for c in terms), strict=True))
    return replace(
        value,
        components={**value.components, "total": total},
        gradients={**value.gradients, "total": slopes},
    )


def with_values(value: Evaluation, **values: float) -> Evaluation:
    return replace(value, components={**value.components, **values})


def with_slopes(
    value: Evaluation, change: Callable[[int, np.ndarray], np.ndarray], components: str
) -> Evaluation:
    """The gradients of these components, each array replaced by `change(scale, array)`."""
    changed = {
        c: tuple(change(scale, array) for scale, array in enumerate(value.gradients[c]))
        for c in components.split()
    }
    return replace(value, gradients={**value.gradients, **changed})


def scaled(value: Evaluation, factor: float, components: str) -> Evaluation:
    """These components and their gradients times a factor."""
    values = {c: value.components[c] * factor for c in components.split()}
    return with_slopes(with_values(value, **values), lambda _, g: g * factor, components)


def taken(value: Evaluation, other: Evaluation, components: str) -> Evaluation:
    """These components and their gradients from another evaluation."""
    names = components.split()
    return replace(
        value,
        components={**value.components, **{c: other.components[c] for c in names}},
        gradients={**value.gradients, **{c: other.gradients[c] for c in names}},
    )


def under(claims: str, problem: Problem, batch: Batch) -> Evaluation:
    """The right loss under another normalization."""
    return specification(claims, None).run(problem, batch, True)


def renormalized(
    value: Evaluation, problem: Problem, batch: Batch, components: str, weigh: Weigh
) -> Evaluation:
    """These components with the raw sums of each scale times `weigh(scale, term)`, a number or
    one for each image `[B]`."""
    for component in components.split():
        number, slopes = 0.0, []
        for s in range(problem.scales):
            scale = Scale.of(problem, batch, s)
            term = TERM_OF[component](scale)
            weight = np.broadcast_to(weigh(scale, term), (batch.images,))
            number += float(weight @ term.raw)
            slopes.append(weight[:, None, None, None] * term.gradient)
        other = Evaluation({component: number}, {component: tuple(slopes)})
        value = taken(value, other, component)
    return value


def with_targets(batch: Batch, change: Callable[[int, np.ndarray], Any]) -> Batch:
    """The batch with its targets changed in place by `change(scale, array)`."""
    return Batch(_changed(batch.targets, change), batch.predictions)


def with_predictions(batch: Batch, change: Callable[[int, np.ndarray], Any]) -> Batch:
    """The batch with its predictions changed in place by `change(scale, array)`."""
    return Batch(batch.targets, _changed(batch.predictions, change))


def _changed(
    arrays: Sequence[np.ndarray], change: Callable[[int, np.ndarray], Any]
) -> tuple[np.ndarray, ...]:
    copies = tuple(array.copy() for array in arrays)
    for scale, array in enumerate(copies):
        change(scale, array)
    return copies


def cut(batch: Batch, pieces: int) -> list[Batch]:
    """The batch in so many pieces of nearly equal size."""
    return [take(batch, list(p)) for p in np.array_split(np.arange(batch.images), pieces)]


def averaged(values: Iterable[Evaluation]) -> Evaluation:
    """The mean of the evaluations of a batch's pieces."""
    values = list(values)
    components = {
        c: sum(v.components[c] for v in values) / len(values) for c in values[0].components
    }
    gradients = {
        c: tuple(
            np.concatenate(arrays) / len(values)
            for arrays in zip(*(v.gradients[c] for v in values), strict=True)
        )
        for c in components
    }
    return replace(values[0], components=components, gradients=gradients)
