"""`hybrid` is `batch` weighted by density: between once and twice its value, more when denser."""

from __future__ import annotations

from hypothesis import given

from mgloss.gate.losses.reference import reference
from mgspec import Case
from mgspec.drawing.variety import FULL
from mgspec.laws.cases import more_perfect_objects, one_batch
from mgspec.problem.changes import only_object
from mgspec.problem.layout import Cell

OBJECT_TERMS = ("location", "classification")


@given(one_batch(FULL))
def test_hybrid_is_one_to_two_times_batch(case: Case) -> None:
    weighted = reference("hybrid").run(case.problem, case.batches["X"], False)
    plain = reference("batch").run(case.problem, case.batches["X"], False)
    for component in OBJECT_TERMS:
        low, value = plain.components[component], weighted.components[component]
        assert low * (1 - 1e-6) <= value <= 2 * low * (1 + 1e-6)


@given(more_perfect_objects(FULL))
def test_hybrid_rises_strictly_with_density_at_the_same_raw_sum(case: Case) -> None:
    run = reference("hybrid").run
    names = ("image", "scale", "row", "column")
    fewer = only_object(case.batches["X"], Cell(*(int(case.choices[n]) for n in names)))
    dense = run(case.problem, case.batches["X"], False).components
    sparse = run(case.problem, fewer, False).components
    for component in OBJECT_TERMS:
        assert dense[component] > sparse[component]
