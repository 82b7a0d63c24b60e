"""Problems and batches: what is refused, and what the operations on a batch give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from mgspec import Batch, Case, Problem
from mgspec.drawing.variety import FULL
from mgspec.laws.cases import background_added, one_batch
from mgspec.problem.changes import concatenate, repeat, shards, take, with_background
from mgspec.problem.layout import validate

PROBLEM = Problem((((48.0, 32.0),),), 2, (32, 64))


def batch(images: int = 4) -> Batch:
    shape = (images, 1, 2, 8)
    numbers = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Batch((numbers / 1000,), (numbers,))


def same(a: Batch, b: Batch) -> bool:
    pairs = zip((*a.targets, *a.predictions), (*b.targets, *b.predictions), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@given(one_batch(FULL))
def test_shards_put_together_again_are_the_batch(case: Case) -> None:
    x = case.batches["X"]
    assert same(concatenate(shards(x, x.images)), x)
    assert same(concatenate([take(x, [i]) for i in range(x.images)]), x)


def test_repeating_keeps_the_order_of_the_images() -> None:
    assert same(repeat(batch(2), 2), take(batch(2), [0, 1, 0, 1]))


def test_unequal_shards_are_refused() -> None:
    with pytest.raises(ValueError, match="4 images cannot be cut into 3 equal shards"):
        shards(batch(4), 3)


@given(background_added(FULL))
def test_added_background_keeps_the_stride_and_the_objects(case: Case) -> None:
    x, problem = case.batches["X"], case.problem
    rows, columns = case.choices["rows"], case.choices["columns"]
    larger_problem, larger = with_background(problem, x, int(rows), int(columns), 0.0)
    validate(larger_problem, larger)
    assert larger.positives == x.positives
    assert larger.cells > x.cells
    for (height, width), (grown_height, grown_width) in zip(x.grids, larger.grids, strict=True):
        assert problem.input_shape[0] * grown_height == larger_problem.input_shape[0] * height
        assert problem.input_shape[1] * grown_width == larger_problem.input_shape[1] * width


BAD_PROBLEMS = {
    "at least one scale": ((), 2, (32, 32)),
    "at least one .width, height.": (((),), 2, (32, 32)),
    "positive .width, height. in pixels, got .0": ((((0, 1),),), 2, (32, 32)),
    "in pixels, got .nan": ((((float("nan"), 1),),), 2, (32, 32)),
    "num_classes: expected 1 or more, got -1": ((((2, 2),),), -1, (32, 32)),
    "input_shape: expected": ((((2, 2),),), 1, (0, 32)),
}


@pytest.mark.parametrize("message", BAD_PROBLEMS)
def test_an_impossible_problem_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Problem(*BAD_PROBLEMS[message])


def test_a_problem_answers_to_its_old_names_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"problem\.classes is now problem\.num_classes"):
        assert PROBLEM.classes == 2
    with pytest.warns(DeprecationWarning, match=r"problem\.input_size is now problem\.input_shape"):
        assert PROBLEM.input_size == (32, 64)


def test_a_batch_that_does_not_fit_its_problem_is_refused() -> None:
    x = batch()
    validate(PROBLEM, x)
    with pytest.raises(ValueError, match=r"1 scale\(s\), got 2 array\(s\)"):
        validate(PROBLEM, Batch(x.targets * 2, x.predictions))
    with pytest.raises(ValueError, match=r"predictions of scale 0: expected .* \[4, 1, 2, 8\]"):
        validate(PROBLEM, Batch(x.targets, (x.predictions[0][..., :7],)))
    nan = np.where(x.targets[0] == 0, np.nan, x.targets[0])
    with pytest.raises(ValueError, match="every number must be finite"):
        validate(PROBLEM, Batch((nan,), x.predictions))
