"""Two losses that are the same are never told apart; two that differ are, on a small batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mgspec import Batch, Candidate, Evaluation, LossError, Problem, specification
from mgspec.scaling.difference import Difference, Effort, Pair, find_differences
from mgspec.scaling.measuring import measure
from mgspec.scaling.probes import MISTAKES
from mgspec.scaling.relation import Relation, relate
from mgspec.scaling.survey import constant_offset, describe_differing_batches, survey
from tests.meta.faults.planting import scaled, speaking_of, with_slopes, with_values

ALL = "location anchor classification total"
Change = Callable[[Evaluation, Problem, Batch], Evaluation]


def right(claims: str = "batch") -> Candidate:
    return specification(claims, dtype="float32")


def changed(change: Change, claims: str = "batch") -> Candidate:
    loss = right(claims)

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return change(loss.run(problem, batch, True), problem, batch)

    return replace(loss, run=run)


def found(
    old: Candidate, new: Candidate, max_examples: int = 40
) -> tuple[dict[str | None, Difference], Effort]:
    found, effort = find_differences(Pair.of(old, new), max_examples=max_examples, seed=0)
    return {difference.component: difference for difference in found}, effort


def in_float32(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    """As a loss that computes in float32 may round it."""
    off = 1 + 2.0**-23
    return scaled(value, off, ALL)


def test_what_rounding_may_do_is_no_difference() -> None:
    seen, effort = found(right(), changed(in_float32))
    assert seen == {}
    assert effort.comparisons > effort.examples > 40
    assert 0 < effort.tolerance < 1e-3


@pytest.mark.parametrize("component", ALL.split())
@pytest.mark.parametrize(
    "claims",
    ["batch", *(pytest.param(n, marks=pytest.mark.nightly) for n in ("positives", "per_image"))],
)
def test_one_in_a_thousand_in_one_component_is_found(claims: str, component: str) -> None:
    new = changed(lambda value, *_: scaled(value, 1.001, component), claims)
    seen, _ = found(right(claims), new)
    assert set(seen) == {component}
    assert seen[component].factor == pytest.approx(1.001, rel=1e-4)
    assert not seen[component].in_gradient
    assert seen[component].case.batches["X"].images == 1


@pytest.mark.parametrize(
    "component",
    [
        pytest.param(name, marks=[] if name in ("location", "total") else pytest.mark.nightly)
        for name in ALL.split()
    ],
)
def test_a_gradient_alone_that_is_off_is_found(component: str) -> None:
    new = changed(lambda value, *_: with_slopes(value, lambda _, g: g / 2, component))
    seen, _ = found(right(), new)
    assert set(seen) == {component}
    assert seen[component].in_gradient
    assert seen[component].factor == pytest.approx(0.5)
    assert "d(L(X))/d(" in seen[component].message


def test_the_smallest_batch_is_found_for_each_component() -> None:
    seen, _ = found(right("batch"), right("positives"))
    assert set(seen) == set(ALL.split())
    batch = seen["location"].case.batches["X"]
    assert batch.images + batch.positives <= 3
    assert batch.cells <= 2
    assert seen["location"].message == "location: OLD gives 0.5, NEW gives 1"


def test_what_shows_in_large_batches_only_is_found() -> None:
    new = changed(
        lambda value, problem, batch: scaled(value, 1.5 if batch.images > 4 else 1, "location")
    )
    seen, _ = found(right(), new)
    assert seen["location"].case.batches["X"].images > 4


def test_what_is_no_number_in_both_losses_is_the_same_and_in_one_is_not() -> None:
    def unguarded(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        if batch.positives:
            return value
        broken = with_values(value, location=np.nan, total=np.inf)
        return with_slopes(broken, lambda _, g: g * np.nan, "location total")

    assert found(changed(unguarded), changed(unguarded))[0] == {}
    seen, _ = found(changed(unguarded), right())
    assert set(seen) == {"location", "total"}
    assert seen["location"].message == "location: OLD gives nan, NEW gives 0"
    assert seen["location"].factor is None


def raising(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    if batch.images > 1:
        raise LossError("the loss raised KeyError: 'no such head'")
    return value


def test_a_loss_that_raises_where_the_other_answers_differs() -> None:
    for old, new, who in (
        (right(), changed(raising), "NEW"),
        (changed(raising), right(), "OLD"),
    ):
        seen, _ = found(old, new)
        assert list(seen) == [None]
        assert seen[None].message.startswith(f"{who}: the loss raised KeyError")
        assert seen[None].case.batches["X"].images == 2


def test_losses_that_raise_on_the_same_batches_are_the_same() -> None:
    seen, effort = found(changed(raising), changed(raising))
    assert seen == {}
    assert effort.unanswered > 10


def test_only_what_both_return_is_compared() -> None:
    pair = Pair.of(
        speaking_of(right(), ("location", "total")),
        speaking_of(right("sum"), ("location", "classification")),
    )
    assert pair.new.components == ("location",)
    assert pair.only_old == ("total",)
    assert pair.only_new == ("classification",)
    seen, _ = find_differences(pair, max_examples=50, seed=0)
    assert [d.component for d in seen] == ["location"]


def test_gradients_are_compared_where_both_have_them() -> None:
    without = replace(right(), has_gradients=False)
    wrong = changed(lambda value, *_: with_slopes(value, lambda _, g: g / 2, ALL))
    assert found(without, wrong)[0] == {}
    assert Pair.of(right(), wrong).gradients


def of_location(old: Candidate, new: Candidate) -> Relation:
    before, after = measure(old), measure(new)
    key = "location", MISTAKES[0]
    return relate(before.values[key], after.values[key])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("batch", "batch", "NEW is OLD"),
        ("sum", "batch", "NEW is OLD divided by the batch size"),
        ("batch", "sum", "NEW is OLD multiplied by the batch size"),
        ("batch", "grid", "NEW is OLD divided by the cells of the grid"),
        ("sum", "positives", "NEW is OLD divided by the number of objects"),
        ("positives", "fixed", "NEW is OLD times 9 and divided by the batch size"),
        ("expected", "batch", "NEW is OLD times 9, whatever the batch size, the objects and the"),
        ("per_image", "batch", "NEW is OLD times 1 to 6, a factor that depends on the objects"),
        ("hybrid", "batch", "a factor that depends on the objects and grid"),
    ],
)
def test_the_factor_is_told_in_words(old: str, new: str, words: str) -> None:
    assert words in of_location(right(old), right(new)).words


def test_half_everywhere_is_told_so() -> None:
    new = changed(lambda value, *_: scaled(value, 0.5, ALL))
    assert of_location(right(), new) == Relation(0.5)


def test_a_term_that_was_not_there_before_is_told() -> None:
    without = changed(lambda value, *_: with_values(value, location=0.0))
    assert of_location(without, right()).words == "NEW is OLD and more, where OLD is 0"


def without_objects(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    return value if batch.positives else scaled(value, 2, "anchor")


def with_an_empty_image(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    objects = sum(mask.sum((1, 2)) for mask in batch.masks())
    return scaled(value, 2, "anchor") if objects.min() == 0 else value


def in_pairs(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    return scaled(value, 2, "anchor") if batch.images > 1 else value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_objects, "only in batches without objects"),
        (with_an_empty_image, "only in batches with an image without objects"),
        (in_pairs, "only in batches of several images"),
        (lambda value, *_: scaled(value, 2, "anchor"), None),
    ],
)
def test_the_batches_that_differ_are_described(change: Change, words: str | None) -> None:
    seen = survey(Pair.of(right(), changed(change)), seed=0)
    assert describe_differing_batches(seen, "anchor") == words
    assert describe_differing_batches(seen, "location") is None


def test_a_constant_that_is_added_is_told() -> None:
    def more(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return with_values(value, location=value.components["location"] + 0.25)

    seen = survey(Pair.of(right(), changed(more)), seed=0)
    assert constant_offset(seen, "location") == pytest.approx(0.25)
    assert constant_offset(seen, "anchor") is None
    twice = survey(Pair.of(right(), changed(lambda v, *_: scaled(v, 2, ALL))), seed=0)
    assert constant_offset(twice, "location") is None


@pytest.mark.nightly
def test_the_same_seed_finds_the_same_batch() -> None:
    first, second = (found(right("batch"), right("grid"))[0] for _ in range(2))
    for component in first:
        assert first[component].message == second[component].message
