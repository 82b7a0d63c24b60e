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
from mgspec import NORMALIZATIONS, Batch, Evaluation, Options, Problem
from mgspec.laws.comparison import Rounding
from mgspec.loss import float64 as loss
from mgspec.loss.candidate import with_normalization
from mgspec.problem.options import TERMS

HERE = Path(__file__).parent
PLAIN = ("ordinary", "no_objects", "one_object", "every_cell_positive", "two_scales")
OF_NORMALIZATIONS = (*PLAIN, "extreme_predictions")
OF_OPTIONS = (
    "overlapping",
    "no_objects",
    "every_cell_positive",
    "background",
    "extreme_predictions",
)
OPTIONS = (
    "location_giou",
    "location_diou",
    "location_ciou",
    "classification_focal",
    "classification_softmax_focal",
    "classification_weights_and_smoothing",
    "classification_softmax_smoothing",
    "background_ignored",
    "background_objectness",
    "background_iou_aware",
    "scales",
    "scales_objectness",
)

Answer = tuple[dict[str, float], dict[str, tuple[np.ndarray, ...]]]


@cache
def fixture(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def arrays(grids: list[Any], dtype: type) -> tuple[np.ndarray, ...]:
    return tuple(np.array(grid, dtype=np.float64).astype(dtype) for grid in grids)


def inputs(file: dict[str, Any], example: str, name: str, dtype: type) -> tuple[Problem, Batch]:
    golden = file["examples"][example]
    anchors = tuple(tuple((float(w), float(h)) for w, h in scale) for scale in golden["anchors"])
    options = with_normalization(Options.from_dict(file["options"]), name)
    problem = Problem(anchors, golden["classes"], tuple(golden["input_size"]), options)
    assert float(file["expected_cells"]) == (options.expected or 9)
    return problem, Batch(arrays(golden["targets"], dtype), arrays(golden["predictions"], dtype))


def by_specification(problem: Problem, batch: Batch, gradients: bool) -> Answer:
    value = loss.evaluate(problem, batch)
    return value.components, value.gradients


def by_tensorflow(problem: Problem, batch: Batch, gradients: bool) -> Answer:
    reference = MultiGridLoss(
        problem.anchors, problem.num_classes, problem.input_shape, problem.options
    )
    predictions = [tf.constant(array) for array in batch.predictions]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        values = reference.components(list(batch.targets), predictions)
    numbers = {c: float(v) for c, v in values.items()}
    if not gradients:
        return numbers, {}
    slopes = {
        c: tuple(
            g.numpy() for g in tape.gradient(values[c], predictions, unconnected_gradients="zero")
        )
        for c in values
    }
    return numbers, slopes


IMPLEMENTATIONS = {
    "specification-float64": (by_specification, np.float64),
    "tensorflow-float64": (by_tensorflow, np.float64),
    "tensorflow-float32": (by_tensorflow, np.float32),
}


def disagreements(
    answer: Answer, values: dict[str, str], gradients: dict[str, Any] | None, rounding: Rounding
) -> Iterator[str]:
    got_values, got_gradients = answer
    for c in TERMS:
        want = float(values[c])
        if not abs(got_values[c] - want) <= rounding.tolerance(want):
            yield f"{c} is {got_values[c]!r}, golden {want!r}"
        if gradients is None:
            continue
        expected = arrays(gradients[c], np.float64)
        for scale, (got, slope) in enumerate(zip(got_gradients[c], expected, strict=True)):
            assert got.shape == slope.shape
            wrong = ~(np.abs(got - slope) <= rounding.tolerance(slope))
            for place in np.argwhere(wrong):
                i = tuple(place)
                yield f"gradient of {c} at scale {scale} {i} is {got[i]!r}, golden {slope[i]!r}"


def of_dtype(problem: Problem, batch: Batch, dtype: type) -> Rounding:
    return Rounding.of(problem, [batch], Evaluation({}, dtype=np.dtype(dtype).name))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("example", OF_NORMALIZATIONS)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_values_and_gradients_are_golden(name: str, example: str, implementation: str) -> None:
    evaluate, dtype = IMPLEMENTATIONS[implementation]
    golden = fixture(name)["examples"][example]
    problem, batch = inputs(fixture(name), example, name, dtype)
    rounding = of_dtype(problem, batch, dtype)

    answer = evaluate(problem, batch, True)

    assert list(disagreements(answer, golden["values"], golden["gradients"], rounding)) == []
    total = sum(float(v) for v in golden["values"].values())
    assert abs(answer[0]["total"] - total) <= rounding.tolerance(total)


@pytest.mark.parametrize(
    "implementation",
    [
        "specification-float64",
        "tensorflow-float64",
        pytest.param("tensorflow-float32", marks=pytest.mark.nightly),  # only rounds more
    ],
)
@pytest.mark.parametrize("example", OF_OPTIONS)
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_golden(option: str, example: str, implementation: str) -> None:
    evaluate, dtype = IMPLEMENTATIONS[implementation]
    golden = fixture(option)["examples"][example]
    # The law `oracle` compares the two losses under all of them.
    names = golden["gradients"] if implementation == "tensorflow-float64" else NORMALIZATIONS
    for name in names:
        problem, batch = inputs(fixture(option), example, name, dtype)
        gradients = golden["gradients"].get(name)  # stored for two of them
        answer = evaluate(problem, batch, gradients is not None)
        wrong = disagreements(
            answer, golden["values"][name], gradients, of_dtype(problem, batch, dtype)
        )
        assert list(wrong) == [], name


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_relative_fault_of_one_in_a_thousand_disagrees(name: str) -> None:
    for example in PLAIN:
        golden = fixture(name)["examples"][example]
        problem, batch = inputs(fixture(name), example, name, np.float32)
        values, _ = by_tensorflow(problem, batch, False)
        assert_faults_disagree(problem, batch, values, golden["values"])


@pytest.mark.parametrize("option", OPTIONS)
def test_a_relative_fault_of_one_in_a_thousand_in_an_option_disagrees(option: str) -> None:
    for example in ("overlapping", "background"):
        golden = fixture(option)["examples"][example]
        problem, batch = inputs(fixture(option), example, "batch", np.float32)
        values, _ = by_tensorflow(problem, batch, False)
        assert_faults_disagree(problem, batch, values, golden["values"]["batch"])


def assert_faults_disagree(
    problem: Problem,
    batch: Batch,
    values: dict[str, float],
    golden: dict[str, str],
) -> None:
    rounding = of_dtype(problem, batch, np.float32)
    for c in TERMS:
        if float(golden[c]) == 0:
            continue
        faulty = {**values, c: values[c] * 1.001}, {}
        assert any(c in line for line in disagreements(faulty, golden, None, rounding))


def test_there_is_a_fixture_for_each_normalization_and_option_with_every_example() -> None:
    assert {path.stem for path in HERE.glob("*.json")} == {*NORMALIZATIONS, *OPTIONS}
    for name in NORMALIZATIONS:
        assert tuple(fixture(name)["examples"]) == OF_NORMALIZATIONS
        assert fixture(name)["digits"] == 50
    for option in OPTIONS:
        assert tuple(fixture(option)["examples"]) == OF_OPTIONS
        for golden in fixture(option)["examples"].values():
            assert set(golden["values"]) == set(NORMALIZATIONS)


def test_every_option_with_a_number_or_a_choice_has_a_fixture_that_changes_it() -> None:
    changed = {name for option in OPTIONS for name in fixture(option)["options"]}
    assert changed | {"loss_normalization", "expected"} == set(Options().to_dict())


@pytest.mark.nightly
def test_the_fixtures_are_what_the_derivation_gives() -> None:
    command = [sys.executable, str(HERE / "derive.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
