"""What a loss is found to behave as, on losses of which it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mgspec import NORMALIZATIONS, Batch, Candidate, Evaluation, LossError, Problem, specification
from mgspec.laws import BATCH_LAWS
from mgspec.loss.candidate import FatalLossError
from mgspec.scaling.behaviour import Behaviour, TermBehaviour, identify, search_batch_laws
from mgspec.scaling.probes import MISTAKES, PROBES, batch_of, problem_of
from tests.golden.normalizations import GOLDEN
from tests.meta.faults.planting import averaged, renormalized, scaled, speaking_of, taken, under

OBJECT_TERMS = ("location", "classification")
BATCH = GOLDEN["batch"].words

# Each normalization in words when it is multiplied by B^power.
WORDS = {
    (name, power): words
    for name, golden in GOLDEN.items()
    for power, words in ((0, golden.words), (1, golden.times), (-1, golden.divided))
}


def changed(claims: str, change: Callable[[Evaluation, Problem, Batch], Evaluation]) -> Candidate:
    """The specification's loss, its answers changed, said to be computed in float32."""
    right = specification(claims, dtype="float32")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return change(right.run(problem, batch, True), problem, batch)

    return replace(right, run=run)


def times_images(claims: str, power: int) -> Candidate:
    components = "location anchor classification total"
    return changed(
        claims, lambda value, _, batch: scaled(value, float(batch.images) ** power, components)
    )


def terms(behaviour: Behaviour) -> dict[tuple[str, str], TermBehaviour]:
    return {(term.component, term.mistake.name): term for term in behaviour.terms}


def is_quick(claims: str, power: int) -> bool:
    """Whether to try it on every change: each normalization, and one in each of its powers."""
    return power == 0 or claims == "positives"


@pytest.mark.parametrize(
    ("claims", "power"),
    [
        pytest.param(claims, power, marks=[] if is_quick(claims, power) else pytest.mark.nightly)
        for claims, power in WORDS
    ],
)
def test_every_normalization_times_a_power_of_the_batch_size_is_told(
    claims: str, power: int
) -> None:
    found = terms(identify(times_images(claims, power)))
    for term in OBJECT_TERMS:
        assert found[term, term].words == WORDS[claims, power]
        assert found["total", term].words == WORDS[claims, power]


@pytest.mark.parametrize("claims", NORMALIZATIONS)
def test_a_scalar_is_told_term_by_term(claims: str) -> None:
    found = terms(identify(speaking_of(specification(claims, dtype="float32"), ("total",))))
    for term in OBJECT_TERMS:
        assert found["total", term].words == WORDS[claims, 0]
    assert ("total", "background anchor") in found
    assert ("total", "objectness") not in found  # this loss has no such term


@pytest.mark.parametrize("claims", NORMALIZATIONS)
def test_the_exponents_of_batch_size_objects_and_grid_are_measured(claims: str) -> None:
    found = terms(identify(specification(claims, dtype="float32")))["location", "location"]
    assert tuple(found.exponents.values()) == GOLDEN[claims].exponents


def test_the_anchor_term_counts_all_cells_and_so_is_grid_under_positives() -> None:
    found = terms(identify(specification("positives", dtype="float32")))
    for wrong in ("anchor", "background anchor"):
        assert found["anchor", wrong].words == (
            "`grid` (or `positives` over all cells, `per_image` over all cells: "
            "the same up to a constant)"
        )


def test_terms_that_behave_differently_are_told_apart() -> None:
    mixed = changed(
        "batch",
        lambda value, problem, batch: taken(value, under("sum", problem, batch), "classification"),
    )
    words = identify(mixed).by_words
    assert words[BATCH][0] == "location"
    assert words["`sum`"] == ("classification",)
    # The total was not added up anew: in it the classification is still as it was.
    assert "classification in the total" in words[BATCH]


def half(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    return averaged_with(value, under("positives", problem, batch))


def averaged_with(value: Evaluation, other: Evaluation) -> Evaluation:
    return averaged([value, value, other])  # the gradients are of no interest here


def by_position(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
    weight = 1 + 0.1 * np.arange(batch.images)
    return renormalized(
        value, problem, batch, "location", lambda scale, term: weight / batch.images
    )


def noisy(seed: int) -> Callable[[Evaluation, Problem, Batch], Evaluation]:
    generator = np.random.default_rng(seed)

    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return scaled(value, 1 + 0.01 * generator.standard_normal(), "location")

    return change


@pytest.mark.parametrize(
    ("change", "spread"),
    [(half, 1.3), (by_position, 1.2), (noisy(0), 1.01)],
    ids=("half", "by_position", "noise"),
)
def test_what_fits_no_formula_is_said_to_fit_none(
    change: Callable[[Evaluation, Problem, Batch], Evaluation], spread: float
) -> None:
    found = terms(identify(changed("batch", change)))["location", "location"]
    assert found.words == "none of the normalizations"
    assert found.nearest is not None
    assert found.spread > spread


def test_a_fault_of_one_in_a_thousand_in_one_batch_size_is_not_overlooked() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return scaled(value, 1.001 if batch.images == 4 else 1, "location")

    found = terms(identify(changed("batch", change)))
    assert found["location", "location"].formulas == ()
    assert found["location", "location"].exponents["batch size"] is None
    assert found["classification", "classification"].words == BATCH


@pytest.mark.parametrize("offset", [1, 0.5, 10])
def test_a_count_that_is_offset_is_told_from_one_that_is_guarded(offset: float) -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return renormalized(
            value, problem, batch, "location", lambda _, term: 1 / (term.count.sum() + offset)
        )

    found = terms(identify(changed("positives", change)))
    words = f"`positives` with n + {offset:g} in place of max(1, n)"
    assert found["location", "location"].words == words
    assert found["classification", "classification"].words == "`positives`"


def test_a_count_that_is_offset_by_a_speck_is_as_good_as_guarded() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return renormalized(
            value, problem, batch, "location", lambda _, term: 1 / (term.count.sum() + 1e-7)
        )

    found = terms(identify(changed("positives", change)))
    assert found["location", "location"].words == "`positives`"


def test_what_is_skipped_without_objects_is_said() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return value if batch.positives else scaled(value, 0, "anchor")

    found = terms(identify(changed("batch", change)))
    assert found["anchor", "background anchor"].words == (
        f"{BATCH} except in batches without objects"
    )


def test_a_mean_over_the_images_with_objects_only_is_said() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return renormalized(
            value,
            problem,
            batch,
            "location",
            lambda _, term: 1 / np.maximum(1, term.count) / max(1, np.sum(term.count > 0)),
        )

    words = terms(identify(changed("batch", change)))["location", "location"].words
    assert words == "`per_image` only where every image has objects"


def test_a_batch_without_a_finite_number_is_named_and_the_others_are_judged() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return value if batch.positives else scaled(value, np.nan, "location")

    found = identify(changed("positives", change))
    assert {sum(probe.objects) for probe in found.unanswered} == {0}
    assert set(found.unanswered.values()) == {"location is nan"}
    assert terms(found)["location", "location"].words == "`positives`"


def test_a_loss_that_raises_on_every_batch_has_no_terms() -> None:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        raise LossError("no such head")

    found = identify(replace(specification("batch"), run=run))
    assert found.terms == ()
    assert set(found.unanswered) == set(PROBES)
    assert set(found.unanswered.values()) == {"no such head"}


@pytest.mark.parametrize("claims", ["batch", "positives", "per_image", "grid", "sum", "hybrid"])
def test_a_loss_that_refuses_grids_that_are_not_square_is_measured_on_square_ones(
    claims: str,
) -> None:
    right = specification(claims, dtype="float32")

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        if any(height != width for height, width in batch.grids):
            raise LossError("not square")
        return right.run(problem, batch, gradients)

    found = identify(replace(right, run=run))
    assert set(found.unanswered) == set(PROBES)
    everywhere, squares = terms(identify(right)), terms(found)
    assert {name: term.words for name, term in squares.items()} == {
        name: term.words for name, term in everywhere.items()
    }
    assert squares["location", "location"].exponents == everywhere["location", "location"].exponents


def test_another_guard_is_told_on_square_grids_too() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        if any(height != width for height, width in batch.grids):
            raise LossError("not square")
        return renormalized(
            value,
            problem,
            batch,
            "location classification",
            lambda _, term: 1 / (np.sum(term.count) + 1),
        )

    words = terms(identify(changed("sum", change)))["location", "location"].words
    assert "with n + 1 in place of max(1, n)" in words


def test_a_loss_that_hangs_is_given_up_after_a_few_batches() -> None:
    asked = []

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        asked.append(batch)
        raise FatalLossError("the loss hung")

    found = identify(replace(specification("batch"), run=run))
    assert len(asked) == 3
    assert set(found.unanswered) == set(PROBES)


def test_half_precision_is_not_claimed_to_tell_what_it_cannot() -> None:
    def change(value: Evaluation, problem: Problem, batch: Batch) -> Evaluation:
        return replace(value, dtype="bfloat16")

    for term in identify(changed("batch", change)).terms:
        assert not term.distinct
        assert "not told apart" in term.words


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_wrong_prediction_costs_in_its_own_term_only(mistake) -> None:
    from mgspec.loss.candidate import PLAIN_OPTIONS

    options = replace(PLAIN_OPTIONS, background="objectness")
    probe = PROBES[0]
    problem = problem_of(probe, options)
    loss = specification("batch", options)
    right, spoilt = (loss.run(problem, batch_of(problem, probe, w), False) for w in (None, mistake))
    more = {c for c in right.components if spoilt.components[c] > right.components[c]}
    silent = mistake.in_background and mistake.component != "objectness"
    assert more == (set() if silent else {mistake.component, "total"})


def test_the_batch_laws_are_searched_in_brief() -> None:
    verdicts = search_batch_laws(specification("positives"), max_examples=10, seed=0)
    broken = {v.law for v in verdicts if v.status == "broken"}
    assert broken <= {
        law
        for law in BATCH_LAWS
        if NORMALIZATIONS["batch"].obeys(law) and not NORMALIZATIONS["positives"].obeys(law)
    }
    assert "partition" in broken
