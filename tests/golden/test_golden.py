"""The float64 specification and the TensorFlow reference, both held to the golden values."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mgloss import MultiGridLoss
from mgspec import NORMALIZATIONS, Batch, Evaluation, Problem, loss
from mgspec.comparison import Rounding

HERE = Path(__file__).parent
COMPONENTS = ("location", "anchor", "classification")
ORDINARY = ("ordinary", "no_objects", "one_object", "every_cell_positive", "two_scales")
EXAMPLES = (*ORDINARY, "extreme_predictions")

Answer = tuple[dict[str, float], dict[str, tuple[np.ndarray, ...]]]


@cache
def fixture(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def arrays(grids: list[Any], dtype: type) -> tuple[np.ndarray, ...]:
    return tuple(np.array(grid, dtype=np.float64).astype(dtype) for grid in grids)


def inputs(example: dict[str, Any], dtype: type) -> tuple[Problem, Batch]:
    anchors = tuple(tuple((float(w), float(h)) for w, h in scale) for scale in example["anchors"])
    problem = Problem(anchors, example["classes"], tuple(example["input_size"]))
    return problem, Batch(arrays(example["targets"], dtype), arrays(example["predictions"], dtype))


def by_specification(problem: Problem, batch: Batch, name: str, expected: float) -> Answer:
    value = loss.evaluate(problem, batch, name, expected)
    return value.components, value.gradients


def by_tensorflow(problem: Problem, batch: Batch, name: str, expected: float) -> Answer:
    needed = expected if NORMALIZATIONS[name].needs_expected else None
    reference = MultiGridLoss(problem.anchors, problem.classes, problem.input_size, name, needed)
    predictions = [tf.constant(array) for array in batch.predictions]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        values = reference.components(list(batch.targets), predictions)
    gradients = {
        c: tuple(
            g.numpy() for g in tape.gradient(values[c], predictions, unconnected_gradients="zero")
        )
        for c in values
    }
    return {c: float(v) for c, v in values.items()}, gradients


IMPLEMENTATIONS = {
    "specification-float64": (by_specification, np.float64),
    "tensorflow-float64": (by_tensorflow, np.float64),
    "tensorflow-float32": (by_tensorflow, np.float32),
}


def disagreements(answer: Answer, golden: dict[str, Any], rounding: Rounding) -> Iterator[str]:
    values, gradients = answer
    for c in COMPONENTS:
        want = float(golden["values"][c])
        if not abs(values[c] - want) <= rounding.tolerance(want):
            yield f"{c} is {values[c]!r}, golden {want!r}"
        expected = arrays(golden["gradients"][c], np.float64)
        for scale, (got, slope) in enumerate(zip(gradients[c], expected, strict=True)):
            assert got.shape == slope.shape
            wrong = ~(np.abs(got - slope) <= rounding.tolerance(slope))
            for place in np.argwhere(wrong):
                i = tuple(place)
                yield f"gradient of {c} at scale {scale} {i} is {got[i]!r}, golden {slope[i]!r}"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_values_and_gradients_are_golden(name: str, example: str, implementation: str) -> None:
    evaluate, dtype = IMPLEMENTATIONS[implementation]
    golden = fixture(name)["examples"][example]
    problem, batch = inputs(golden, dtype)
    rounding = Rounding.of(problem, [batch], Evaluation({}, dtype=np.dtype(dtype).name))

    answer = evaluate(problem, batch, name, float(fixture(name)["expected_cells"]))

    assert list(disagreements(answer, golden, rounding)) == []
    total = sum(float(v) for v in golden["values"].values())
    assert abs(answer[0]["total"] - total) <= rounding.tolerance(total)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_relative_fault_of_one_in_a_thousand_disagrees(name: str) -> None:
    for example in ORDINARY:
        golden = fixture(name)["examples"][example]
        problem, batch = inputs(golden, np.float32)
        rounding = Rounding.of(problem, [batch], Evaluation({}, dtype="float32"))
        values, gradients = by_tensorflow(problem, batch, name, 9.0)
        for c in COMPONENTS:
            if float(golden["values"][c]) == 0:
                continue
            faulty = {**values, c: values[c] * 1.001}, gradients
            assert any(c in line for line in disagreements(faulty, golden, rounding))


def test_there_is_one_fixture_for_each_normalization_with_every_example() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == set(NORMALIZATIONS)
    for name in NORMALIZATIONS:
        assert tuple(fixture(name)["examples"]) == EXAMPLES
        assert fixture(name)["digits"] == 50


def test_the_fixtures_are_what_the_derivation_gives() -> None:
    command = [sys.executable, str(HERE / "derive.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
