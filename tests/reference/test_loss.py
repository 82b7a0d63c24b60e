"""The TensorFlow reference as its users call it: what it accepts, refuses, and traces."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from mgloss import MultiGridLoss
from mgspec import NORMALIZATIONS, Case
from mgspec.laws.cases import one_batch
from mgspec.strategies import FULL

ANCHORS = [[(48, 32), (32, 64)]]


def make(**changes) -> MultiGridLoss:
    options = {"anchors": ANCHORS, "classes": 3, "input_size": (64, 96)} | changes
    return MultiGridLoss(**options)


def arrays(images: int = 2, grid: tuple[int, int] = (2, 3), channels: int = 10):
    random = np.random.default_rng(0)
    target = np.zeros((images, *grid, channels), np.float32)
    target[0, 0, 0, [0, 1, 4, 5, 7]] = (0.5, 0.5, 1, 1, 1)
    return target, random.normal(size=target.shape).astype(np.float32)


def test_it_returns_a_scalar_that_is_the_sum_of_its_components() -> None:
    target, prediction = arrays()
    total = make()([target], [prediction])
    parts = make().components([target], [prediction])
    assert total.shape == ()
    assert set(parts) == {"location", "anchor", "classification", "total"}
    assert float(total) == pytest.approx(
        sum(float(parts[c]) for c in ("location", "anchor", "classification")), rel=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_computes_in_the_dtype_of_the_predictions(dtype: str) -> None:
    target, prediction = arrays()
    assert make()([target], [prediction.astype(dtype)]).dtype.name == dtype


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_one_trace_serves_every_batch_and_grid_and_agrees_with_eager(name: str) -> None:
    expected = 9.0 if NORMALIZATIONS[name].needs_expected else None
    loss = make(normalization=name, expected=expected)
    traces = []

    @tf.function(input_signature=[[tf.TensorSpec([None, None, None, 10])]] * 2)
    def traced(y_true, y_pred):
        traces.append(1)
        return loss(y_true, y_pred)

    for images, grid in ((1, (1, 1)), (2, (2, 3)), (3, (5, 4)), (4, (3, 3))):
        target, prediction = arrays(images, grid)
        eager = float(loss([target], [prediction]))
        assert float(traced([target], [prediction])) == pytest.approx(eager, rel=1e-5)
    assert len(traces) == 1


@given(one_batch(FULL))
def test_the_class_is_the_function_that_the_gate_judges(case: Case) -> None:
    from mgloss.gate.loading import load

    batch, problem = case.batches["X"], case.problem
    loss = MultiGridLoss(problem.anchors, problem.classes, problem.input_size)
    mine = loss.components(batch.targets, batch.predictions)
    judged = load(None, "batch").candidate.run(problem, batch, False).components
    assert {c: float(v) for c, v in mine.items()} == pytest.approx(judged, rel=1e-5, abs=1e-6)


def test_options_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(FrozenInstanceError):
        make().normalization = "sum"


BAD_OPTIONS = {
    "unknown normalization 'postives'; did you mean 'positives'": {"normalization": "postives"},
    "unknown normalization None": {"normalization": None},
    "expected: normalization 'fixed' needs": {"normalization": "fixed"},
    "expected: normalization 'batch' does not use it": {"expected": 9.0},
    "expected: needs a positive number, got 0": {"normalization": "expected", "expected": 0},
    "expected: needs a positive number, got nan": {
        "normalization": "expected",
        "expected": float("nan"),
    },
    "anchors: expected one list": {"anchors": [(48, 32)]},
    "anchors: a problem has at least one scale": {"anchors": []},
    "anchors of scale 0: expected at least one": {"anchors": [[]]},
    "expected positive .width, height. in pixels": {"anchors": [[(0, 32)]]},
    "classes: expected 1 or more, got 0": {"classes": 0},
    "input_size: expected .height, width. in pixels": {"input_size": (0, 32)},
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_an_impossible_option_is_refused_at_construction(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**BAD_OPTIONS[message])


def test_a_tensor_instead_of_a_list_is_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match=r"y_pred: expected a list of \[B, H, W, 5 \+ A \+ C\]"):
        make()([target], prediction)


def test_a_list_of_another_length_than_the_anchors_is_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match=r"y_true: expected 1 tensor\(s\), one a scale, got 2"):
        make()([target, target], [prediction])


def test_another_rank_is_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match=r"y_pred of scale 0: expected \[B, H, W, 5"):
        make()([target], [prediction[0]])


def test_another_number_of_channels_is_refused() -> None:
    target, prediction = arrays(channels=11)
    with pytest.raises(
        ValueError, match=r"5 \+ 2 anchor\(s\) \+ 3 class\(es\) = 10 channels, got 11"
    ):
        make()([target], [prediction])


def test_a_target_that_would_broadcast_is_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match="y_true of scale 0: expected the shape of y_pred"):
        make()([target[:1]], [prediction])


def test_integer_predictions_are_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match="expected a floating dtype, got int32"):
        make()([target], [prediction.astype(np.int32)])


def test_a_batch_without_images_is_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match="at least one image and cell"):
        make()([target[:0]], [prediction[:0]])


def test_sizes_unknown_to_the_trace_are_checked_when_it_runs() -> None:
    loss = make()
    spec = [tf.TensorSpec([None] * 4)]
    traced = tf.function(loss.__call__, input_signature=[spec, spec])
    target, prediction = arrays()
    assert np.isfinite(float(traced([target], [prediction])))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected the shape of y_pred"):
        traced([target[:1]], [prediction])
    wide_target, wide_prediction = arrays(channels=11)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected 10 channels"):
        traced([wide_target], [wide_prediction])
