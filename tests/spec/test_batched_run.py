"""A loss that evaluates several batches in one go is asked to, by laws that may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import find, settings

from mgspec import LAWS, Batch, Candidate, Evaluation, LossError, Problem, search, specification
from mgspec.drawing.variety import PLAIN
from mgspec.laws import Case, Trial
from mgspec.laws.cases import other_predictions
from mgspec.loss.candidate import BatchedRun
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS

RIGHT = specification("hybrid")
MAY = {"masking", "participation", "separation", "gradient"} | {
    "object_monotone",
    "density_monotone",
    "density_neutral",
}


def some_case() -> Case:
    return find(other_predictions(PLAIN), lambda _: True, settings=settings(database=None))


def one_by_one(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
    return [RIGHT.run(problem, batch, False) for batch in batches]


def with_values(values) -> Candidate:
    return replace(RIGHT, run=BatchedRun(RIGHT.run, values))


@pytest.mark.parametrize("law", LAWS)
def test_it_is_given_batches_of_one_shape_by_the_laws_that_ask_nothing_across_batches(
    law: str,
) -> None:
    shapes = []

    def values(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        shapes.append({tuple(array.shape for array in batch.predictions) for batch in batches})
        return one_by_one(problem, batches)

    found, same = (
        [replace(verdict, seconds=0.0, finding=None) for verdict in verdicts]
        for verdicts in (
            search(LAWS[law], loss, max_examples=10, seed=0, shrink=False)
            for loss in (with_values(values), RIGHT)
        )
    )

    assert bool(shapes) == (law in MAY)
    assert all(len(of_batches) == 1 for of_batches in shapes)
    assert found == same


@pytest.mark.parametrize(
    ("law", "places"),
    [
        # A difference quotient that is off on one side looks like a kink.
        ("gradient", (0, 1)),
        *((law, (place,)) for law in sorted(MAY - {"gradient"}) for place in (0, 1)),
    ],
)
def test_each_of_the_values_that_it_gives_is_judged(law: str, places: tuple[int, ...]) -> None:
    right = specification("per_image" if law == "density_neutral" else "hybrid")
    holding = search(LAWS[law], right, max_examples=20, seed=0)
    assert {verdict.status for verdict in holding} == {HOLDS}

    def off(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        answers = [right.run(problem, batch, False) for batch in batches]
        for place in places:
            if place < len(answers):
                less = {c: v - 1 - abs(v) for c, v in answers[place].components.items()}
                more = {c: v + 1 + abs(v) for c, v in answers[place].components.items()}
                answers[place] = Evaluation(more if place else less)
        return answers

    wrong = replace(right, run=BatchedRun(right.run, off))
    verdicts = search(LAWS[law], wrong, seed=0, shrink=False)
    assert BROKEN in {verdict.status for verdict in verdicts}


def test_an_error_of_several_is_one_of_the_loss() -> None:
    def fails(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        raise LossError("the loss raised ValueError: no")

    (verdict,) = search(LAWS["separation"], with_values(fails), seed=0)
    assert verdict.status == ERROR
    assert verdict.message == "the loss raised ValueError: no"


@pytest.mark.parametrize("law", ["masking", "participation", "separation"])
@pytest.mark.parametrize("change", [1, -1])
def test_it_must_give_as_many_answers_as_there_are_batches(law: str, change: int) -> None:
    def other(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        answers = one_by_one(problem, batches)
        return [*answers, answers[0]] if change > 0 else answers[:-1]

    (verdict,) = search(LAWS[law], with_values(other), seed=0, shrink=False)
    assert verdict.status == ERROR
    assert "batches were given" in verdict.message


def test_it_must_return_the_components_that_it_has_for_one() -> None:
    def without_total(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        return [Evaluation({"location": 0.0}) for _ in batches]

    (verdict,) = search(LAWS["masking"], with_values(without_total), seed=0)
    assert verdict.status == ERROR
    assert verdict.message.startswith("the loss returned the components location where")


def test_another_run_in_its_place_is_asked_for_one_batch_at_a_time_when_it_is_needed() -> None:
    asked = []

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        asked.append((batch, gradients))
        return RIGHT.run(problem, batch, gradients)

    def never(problem: Problem, batches: list[Batch]) -> list[Evaluation]:
        raise AssertionError("asked what the other loss says")

    case = some_case()
    batches = list(case.batches.values())
    candidate = replace(with_values(never), run=run)
    values = Trial(candidate, case, candidate.components).evaluate_each(batches)

    assert asked == []
    first = next(values)
    assert first.components == RIGHT.run(case.problem, batches[0], False).components
    assert [(batch is batches[0], gradients) for batch, gradients in asked] == [(True, False)]
    assert len(list(values)) == len(asked) - 1 == len(batches) - 1


def test_alone_it_is_the_run_that_it_holds() -> None:
    case = some_case()
    batch = case.batches["X"]
    value = with_values(one_by_one).run(case.problem, batch, True)
    right = RIGHT.run(case.problem, batch, True)
    assert value.components == right.components
    assert value.gradients is not None
    assert search(LAWS["oracle"], with_values(one_by_one), seed=0)[0].status == HOLDS
