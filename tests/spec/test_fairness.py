"""What the laws allow for rounding, and what they must not take for a fault.

A law is a test's first parameter even where it is the only one: so the mutation run finds the tests
of a law (`tests.meta.mutation.running.distance`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, seed, settings

from mgspec import (
    LAWS,
    Batch,
    Candidate,
    Evaluation,
    Options,
    Problem,
    Verdict,
    judge,
    search,
    specification,
)
from mgspec.drawing.variety import FULL
from mgspec.laws import Case, Trial
from mgspec.laws.comparison import ABOVE, AT_LEAST, Comparison, Rounding
from mgspec.laws.needs import GRADIENTS
from mgspec.search.verdicts import BROKEN, HOLDS, SKIPPED

UNIT = 2.0**-20
# Of these the tolerance is another: that of 0, of a sum of terms, or of a difference quotient.
OF_THEIR_OWN = (
    *("finite", "empty", "responsive", "nonnegative", "perfect", "composition", "gradient"),
    "translation",
)
THREEFOLD = "scales"


def nonsense(claims: str) -> Candidate:
    """Other numbers of either sign each time: of two that are compared, any may be the larger."""
    right = specification(claims, None)
    random = np.random.default_rng(0)

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        values = {c: float(random.normal()) for c in right.components}
        slopes = {
            c: tuple(random.normal(size=p.shape) for p in batch.predictions)
            for c in right.components
        }
        return Evaluation(values, slopes if gradients else None)

    return replace(right, run=run, modes={"other": run})


@pytest.mark.parametrize("law", [law for law in LAWS if law not in OF_THEIR_OWN])
def test_a_comparison_allows_for_the_rounding_of_the_larger_number(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounding = Rounding(UNIT, terms=0, floor=0.0)
    monkeypatch.setattr(Rounding, "of", staticmethod(lambda *_: rounding))
    claims = "hybrid" if law == "density_monotone" else "batch"
    times = 3 if law == THREEFOLD else 1
    judged: list[Comparison] = []

    @settings(max_examples=max(1, settings().max_examples // 4))
    @given(LAWS[law].cases(replace(FULL, claims=claims, options=None)))
    def probe(case: Case) -> None:
        candidate = nonsense(claims)
        trial = Trial(candidate, case, LAWS[law].components_of(candidate))
        for found in LAWS[law].check(trial):
            if found.tolerance and not found.what.startswith("2 L"):  # of twice a number
                largest = max(abs(found.actual), abs(found.expected))
                assert found.tolerance == times * rounding.tolerance(largest)
                judged.append(found)

    probe()
    assert judged


@pytest.mark.parametrize("law", ["nonnegative", "perfect"])
def test_what_is_compared_with_zero_is_allowed_the_rounding_of_zero(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounding = Rounding(UNIT, terms=100, floor=2.0)
    monkeypatch.setattr(Rounding, "of", staticmethod(lambda *_: rounding))
    candidate = nonsense("batch")

    @given(LAWS[law].cases(replace(FULL, options=None)))
    def probe(case: Case) -> None:
        trial = Trial(candidate, case, LAWS[law].components_of(candidate))
        found = list(LAWS[law].check(trial))
        assert found
        assert {comparison.tolerance for comparison in found} == {2 * UNIT}

    probe()


@pytest.mark.parametrize("law", ["density_monotone"])
def test_hybrid_must_rise_where_the_rise_is_more_than_twice_the_rounding(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = specification("hybrid", None)

    @given(LAWS[law].cases(replace(FULL, claims="hybrid", options=None)))
    def probe(case: Case) -> None:
        # From 1 + 1 / N to 1 + n / N, for n objects in N cells.
        objects = case.batches["X"].positives
        rise = (objects - 1) / (case.batches["X"].masks()[0].size + 1)
        for part, relation in ((1.05, AT_LEAST), (0.95, ABOVE)):
            # So that twice the tolerance of the larger number is this part of the rise.
            rounding = Rounding(part * rise / (1 + rise) / 16, terms=0, floor=0.0)
            monkeypatch.setattr(Rounding, "of", staticmethod(lambda *_, it=rounding: it))
            trial = Trial(right, case, LAWS[law].components_of(right))
            first = next(iter(LAWS[law].check(trial)))
            assert first.expected > 0
            assert first.relation == relation

    probe()


def in_single_precision(claims: str) -> Candidate:
    """The right loss, whose numbers are rounded as if each had been summed in float32."""
    right = specification(claims, None)

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, gradients)
        rounded = {c: float(np.float32(v)) for c, v in value.components.items()}
        slopes = value.gradients and {
            c: tuple(g.astype(np.float32) for g in of_scales)
            for c, of_scales in value.gradients.items()
        }
        return Evaluation(rounded, slopes, dtype="float32")

    return replace(right, run=run, modes={"other": run})


@pytest.mark.parametrize("law", LAWS)
def test_a_right_loss_in_single_precision_is_not_accused(law: str, budget) -> None:
    claims = "per_image" if law == "density_neutral" else "batch"
    candidate = in_single_precision(claims)
    examples = budget.to_hold * LAWS[law].one_in
    verdicts = search(LAWS[law], candidate, max_examples=examples, seed=budget.seed)
    assert [v.message for v in verdicts if v.status not in (HOLDS, SKIPPED)] == []


VALUES_SUFFICE = [law for law in LAWS if GRADIENTS not in LAWS[law].needs]


@pytest.mark.parametrize("law", VALUES_SUFFICE)
def test_a_loss_without_gradients_is_judged_in_every_component(law: str, budget) -> None:
    claims = "per_image" if law == "density_neutral" else "batch"
    right = specification(claims, None)
    only_values = replace(right, has_gradients=False, modes={"other": right.run})
    expected = set(LAWS[law].components_of(only_values))
    judged = set()
    # One channel is moved, rarely the one of objectness: it should count whenever it is.
    is_rare = law == "participation"
    options = Options(background="objectness") if is_rare else None
    share = 1 if is_rare else 4

    @seed(budget.fixed_seed)
    @settings(max_examples=max(1, settings().max_examples // share))
    @given(LAWS[law].cases(replace(FULL, claims=claims, options=options)))
    def probe(case: Case) -> None:
        for found in LAWS[law].check(Trial(only_values, case, tuple(expected))):
            assert found.holds
            judged.add(found.component)

    probe()
    assert judged == expected


def a_total(value, slope) -> Candidate:
    """A loss of one number: a function of each prediction, summed over all; and its slope."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value_of = float(sum(value(p.astype(np.float64)).sum() for p in batch.predictions))
        slopes = tuple(slope(p.astype(np.float64)) for p in batch.predictions)
        return Evaluation({"total": value_of}, {"total": slopes} if gradients else None, "float64")

    return Candidate("mine", run, ("total",), has_gradients=True)


def one_cell(prediction: float = 0.0) -> dict[str, Batch]:
    target = np.zeros((1, 1, 1, 7), np.float32)
    return {"X": Batch((target,), (np.full_like(target, prediction),))}


PROBLEM = Problem((((32.0, 32.0),),), 1, (32, 32))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("law", ["gradient"])
def test_where_a_loss_turns_from_bending_one_way_to_the_other_its_slope_is_right(
    law: str, sign: int
) -> None:
    # A third power at 0: both difference quotients are the square of the step, the slope is 0.
    cubic = a_total(lambda p: sign * p**3, lambda p: sign * 3 * p**2)
    wrong = a_total(lambda p: sign * p**3, lambda p: sign * (3 * p**2 + 0.01))
    case = Case(PROBLEM, one_cell(), {"signs": (1,)})
    assert judge(LAWS[law], cubic, case) is None
    assert judge(LAWS[law], wrong, case) is not None


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("law", ["empty"])
def test_a_background_taught_in_either_direction_is_taught(law: str, sign: float) -> None:
    taught = a_total(lambda p: 1 + 0 * p, lambda p: sign + 0 * p)
    assert judge(LAWS[law], taught, Case(PROBLEM, one_cell(1.0))) is None
    nothing = a_total(lambda p: 1 + 0 * p, lambda p: 0 * p)
    assert judge(LAWS[law], nothing, Case(PROBLEM, one_cell(1.0))) is not None


@pytest.mark.parametrize("part", [1.05, 0.95])
@pytest.mark.parametrize("law", ["gradient"])
def test_a_slope_that_is_off_by_more_than_the_loss_bends_is_caught(law: str, part: float) -> None:
    case = Case(PROBLEM, one_cell(1.0), {"signs": (1,)})
    assert judge(LAWS[law], a_total(lambda p: p**2, lambda p: 2 * p), case) is None
    assert judge(LAWS[law], a_total(lambda p: p**2, lambda p: part * 2 * p), case) is not None


@pytest.mark.parametrize("law", ["separation"])
def test_a_box_may_decide_about_the_objectness_target_where_nothing_is_ignored(
    law: str, budget
) -> None:
    options = Options(background="objectness", ignore_thresh=1, iou_aware_ratio=0.5)
    right = specification("batch", options)
    verdicts = search(LAWS[law], right, max_examples=budget.to_hold, seed=budget.seed)
    assert {v.status for v in verdicts} == {HOLDS}


def first_found(law: str, candidate: Candidate, max_examples: int, seed: int) -> list[Verdict]:
    """Search without making counterexamples small."""
    return search(LAWS[law], candidate, max_examples=max_examples, seed=seed, shrink=False)


@pytest.mark.parametrize("known", [(), ("total",), ("total", "location")])
@pytest.mark.parametrize("law", ["modes"])
def test_a_mode_may_know_the_gradients_of_some_components_only(
    law: str, known: tuple[str, ...], budget
) -> None:
    right = specification()

    def run(factor: float, problem: Problem, batch: Batch) -> Evaluation:
        value = right.run(problem, batch, True)
        assert value.gradients is not None
        some = {c: tuple(factor * g for g in value.gradients[c]) for c in known}
        return replace(value, gradients=some or None)

    for factor, held in ((1.0, True), (1.5, not known)):
        modes = {"other": lambda problem, batch, _, by=factor: run(by, problem, batch)}
        candidate = replace(right, modes=modes)
        verdicts = first_found(law, candidate, budget.to_hold, budget.fixed_seed)
        holding = {v.component for v in verdicts if v.status == HOLDS}
        assert holding == set(right.components) - (set() if held else set(known))


@pytest.mark.parametrize("claims", ["positives", "per_image"])
@pytest.mark.parametrize("law", ["scales"])
def test_weights_of_cells_cancel_where_the_normalization_divides_by_them(
    law: str, claims: str, budget
) -> None:
    right = specification(claims, None)
    wrong = replace(specification("batch", None), claims=claims)
    for candidate, status in ((right, HOLDS), (wrong, BROKEN)):
        examples = budget.to_hold if status == HOLDS else budget.to_find
        verdicts = first_found(law, candidate, examples, budget.fixed_seed)
        found = {v.component: v.status for v in verdicts}
        assert (found["anchor"], found["objectness"]) == (status, status)
        assert found["location"] == HOLDS


@pytest.mark.parametrize(
    ("law", "channel"), [("relabelling", -1), ("transposition", 0), ("composition", 0)]
)
def test_a_slope_that_is_wrong_where_the_value_is_right_is_caught(
    law: str, channel: int, budget
) -> None:
    right = specification()

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, True)
        assert value.gradients is not None
        slopes = tuple(g.copy() for g in value.gradients["total"])
        for slope in slopes:
            slope[..., channel] *= 2  # x, or the last class
        return replace(value, gradients={**value.gradients, "total": slopes})

    verdicts = first_found(law, replace(right, run=run), budget.to_find, budget.fixed_seed)
    assert [v.component for v in verdicts if v.status == BROKEN] == ["total"]
