"""A law that one case is enough for: decided by the whole search, and by no single case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mgspec import LAWS, Candidate, Evaluation, Options, judge, search, specification
from mgspec.loss.candidate import FatalLossError, LossError
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

LAW = LAWS["responsive"]
Change = Callable[[Evaluation, int], Evaluation]


def changed(change: Change, right: Candidate | None = None) -> Candidate:
    """The right loss, each evaluation changed by a function of it and of its number from 0."""
    right, calls = right or specification(), []

    def run(problem, batch, gradients):
        calls.append(batch)
        return change(right.run(problem, batch, gradients), len(calls) - 1)

    return replace(right, run=run)


def without_location(value: Evaluation) -> Evaluation:
    gradients = dict(value.gradients or {})
    gradients["location"] = tuple(0 * g for g in gradients["location"])
    return replace(value, components={**value.components, "location": 3.0}, gradients=gradients)


def statuses(candidate: Candidate, examples: int = 40) -> dict[str | None, str]:
    return {v.component: v.status for v in search(LAW, candidate, max_examples=examples, seed=0)}


def test_one_case_that_responds_is_enough() -> None:
    # The first 12 cases ask twice each.
    late = changed(lambda value, number: without_location(value) if number < 24 else value)

    assert set(statuses(late).values()) == {HOLDS}


def test_no_case_that_responds_is_too_few() -> None:
    dead = changed(lambda value, number: without_location(value))

    assert statuses(dead) == {
        "location": BROKEN,
        "anchor": HOLDS,
        "classification": HOLDS,
        "total": HOLDS,
    }


def test_a_value_without_a_gradient_does_not_respond() -> None:
    def detached(value: Evaluation, number: int) -> Evaluation:
        gradients = dict(value.gradients or {})
        gradients["location"] = tuple(0 * g for g in gradients["location"])
        return replace(value, gradients=gradients)

    (verdict,) = (v for v in search(LAW, changed(detached), seed=0) if v.status == BROKEN)

    assert "location: max |dL(X)/dp|" in verdict.message


def test_what_is_shown_is_small_holds_objects_and_breaks_the_law_again() -> None:
    dead = changed(lambda value, number: without_location(value))

    (verdict,) = (v for v in search(LAW, dead, seed=0) if v.status == BROKEN)

    assert verdict.finding is not None
    shown = verdict.finding.case
    assert [batch.images for batch in shown.batches.values()] == [1, 1]
    assert shown.batches["X"].positives >= 1
    assert judge(LAW, dead, shown, ("location",)) is not None
    assert judge(LAW, specification(), shown, ("location",)) is None


def test_a_stored_case_decides_nothing_where_another_responds() -> None:
    dead = changed(lambda value, number: without_location(value))
    (broken,) = (v for v in search(LAW, dead, seed=0) if v.status == BROKEN)
    assert broken.finding is not None

    again = search(LAW, dead, seed=1, known=[broken.finding])
    mended = search(LAW, specification(), seed=1, known=[broken.finding])

    assert next(v.finding for v in again if v.status == BROKEN) is broken.finding
    assert {v.status for v in mended} == {HOLDS}


def test_cases_without_an_answer_count_for_nothing() -> None:
    def refuses(value: Evaluation, number: int) -> Evaluation:
        if number % 3:
            raise LossError("not today")
        return without_location(value)

    def always(value: Evaluation, number: int) -> Evaluation:
        raise LossError("never")

    assert statuses(changed(always)) == {None: ERROR}
    assert statuses(changed(lambda v, n: refuses(v, n) if n < 20 else v)) == dict.fromkeys(
        specification().components, HOLDS
    )


def test_a_loss_that_ends_its_process_is_not_asked_again() -> None:
    calls = []

    def ends(value: Evaluation, number: int) -> Evaluation:
        calls.append(number)
        raise FatalLossError("it is gone")

    assert statuses(changed(ends)) == {None: ERROR}
    assert calls == [0]


@pytest.mark.parametrize(
    "options", [Options(coord_scale=0, ignore_thresh=1), Options(class_scale=0, ignore_thresh=1)]
)
def test_what_a_factor_switches_off_is_not_asked(options: Options) -> None:
    found = statuses(specification(options=options))
    assert list(found.values()).count(SKIPPED) == 1
    assert set(found.values()) == {HOLDS, SKIPPED}


def test_what_some_cases_leave_out_is_asked_on_others() -> None:
    """The simplest case has no objectness term; a dead one must not hold by that."""

    def without_objectness(value: Evaluation, number: int) -> Evaluation:
        assert value.gradients is not None
        return replace(
            value,
            components={**value.components, "objectness": 1.0},
            gradients={
                **value.gradients,
                "objectness": tuple(0 * g for g in value.gradients["objectness"]),
            },
        )

    of_any_options = specification("batch", None)
    assert statuses(changed(without_objectness, of_any_options))["objectness"] == BROKEN
