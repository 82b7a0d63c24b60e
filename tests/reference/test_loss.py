"""The TensorFlow reference as its users call it: what it accepts, refuses, and traces."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import tensorflow as tf

from mgloss import MultiGridLoss
from mgspec import NORMALIZATIONS, Batch, Options
from mgspec.loss.float64 import evaluate
from mgspec.problem.options import TERMS

ANCHORS = [[(48, 32), (32, 64)]]


def make(**changes) -> MultiGridLoss:
    options = {"anchors": ANCHORS, "num_classes": 3, "input_shape": (64, 96)} | changes
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
    assert set(parts) == {*TERMS, "total"}
    assert float(total) == pytest.approx(sum(float(parts[c]) for c in TERMS), rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "computed"),
    [
        ("float16", "float32"),
        ("bfloat16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_it_computes_in_float32_or_better(dtype: str, computed: str) -> None:
    target, prediction = arrays()
    assert make()([target], [tf.cast(prediction, dtype)]).dtype.name == computed


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_costs_only_the_rounding_of_the_predictions(dtype: str) -> None:
    target, prediction = arrays()
    rounded = tf.cast(prediction, dtype)
    loss = make(location="ciou", background="objectness", iou_aware_ratio=0.5)
    with tf.GradientTape() as tape:
        tape.watch(rounded)
        value = loss([target], [rounded])
    same = tf.cast(rounded, tf.float32)
    assert float(value) == float(loss([target], [same]))
    assert tape.gradient(value, rounded).dtype.name == dtype


@pytest.mark.parametrize(
    "name", ["positives", "expected", pytest.param("hybrid", marks=pytest.mark.nightly)]
)
def test_one_trace_serves_every_batch_and_grid_and_agrees_with_eager(name: str) -> None:
    expected = 9.0 if NORMALIZATIONS[name].needs_expected else None
    loss = make(loss_normalization=name, expected=expected)
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


def test_options_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(FrozenInstanceError):
        make().problem = None


BAD_OPTIONS = {
    "loss_normalization: unknown normalization 'postives'; did you mean 'positives'": {
        "loss_normalization": "postives"
    },
    "unknown normalization None": {"loss_normalization": None},
    "expected: normalization 'fixed' needs": {"loss_normalization": "fixed"},
    "expected: normalization 'batch' does not use it": {"expected": 9.0},
    "expected: expected a positive number, got 0": {
        "loss_normalization": "expected",
        "expected": 0,
    },
    "expected: expected a positive number, got nan": {
        "loss_normalization": "expected",
        "expected": float("nan"),
    },
    "loss_normalization: expected one name, or a mapping": {
        "loss_normalization": ["batch", "positives"]
    },
    "loss_normalization: expected a name for each term, got none for classification": {
        "loss_normalization": {"location": "batch", "anchor": "batch"}
    },
    "loss_normalization: unknown choice 'locations'; did you mean 'location'": {
        "loss_normalization": {"locations": "batch"}
    },
    "unknown option 'ignore_tresh'; did you mean 'ignore_thresh'": {"ignore_tresh": 0.5},
    "location: unknown choice 'gious'; did you mean 'giou'": {"location": "gious"},
    "classification: 'softmax_focal' of a single class is always 0": {
        "num_classes": 1,
        "classification": "softmax_focal",
    },
    "class_weights: expected one for each of 3 class.es., got 2": {"class_weights": [1, 2]},
    "class_weights: expected one number, 0 or more, for each class, got .1, -1, 1.": {
        "class_weights": [1, -1, 1]
    },
    "label_smoothing: expected a number from 0 to below 1, got 1": {"label_smoothing": 1},
    "ignore_thresh: expected a number from 0 to 1, got 1.5": {"ignore_thresh": 1.5},
    "ignore_thresh: expected a number from 0 to 1, got nan": {"ignore_thresh": float("nan")},
    "coord_scale: expected 0 or more, got -1": {"coord_scale": -1},
    "coord_scale: expected 0 or more, got True": {"coord_scale": True},
    "focal_gamma: expected 0 or more, got '2'": {"focal_gamma": "2"},
    "iou_aware_ratio: 0.5 is about the objectness target": {"iou_aware_ratio": 0.5},
    "scale 0: expected pixels, got .0.1, 0.2., which looks like fractions of the image": {
        "anchors": [[(10, 20), (0.1, 0.2)]]
    },
    "scale 0: expected positive .width, height. in pixels, got .1e.39, 3.0.": {
        "anchors": [[(1e39, 3)]]
    },
    "anchors: expected one list of .width, height. in pixels for each scale, got": {
        "anchors": [["12", "34"]]
    },
    "coord_scale: expected at most 1e.12, got 1e.39": {"coord_scale": 1e39},
    "class_weights: expected one number, 0 or more, for each class, got .0: 1.0": {
        "class_weights": {0: 1.0, 1: 1.0, 2: 1.0}
    },
    "class_weights: expected one number, 0 or more, for each class, got .1, 2, 3.": {
        "class_weights": {1, 2, 3}
    },
    "expected positive .width, height. in pixels, got .nan, 3.0.": {
        "anchors": [[(float("nan"), 3.0)]]
    },
    "options: expected an Options or keywords, got both: location": {
        "options": Options(),
        "location": "mse",
    },
    "options: expected an Options, got dict": {"options": {"location": "mse"}},
    "num_classes: expected a whole number of 1 or more, got 2.5": {"num_classes": 2.5},
    "num_classes: expected a whole number of 1 or more, got 0": {"num_classes": 0},
    "input_shape: expected .height, width. in whole pixels, got 608": {"input_shape": 608},
    "input_shape: expected .height, width. in whole pixels, got .0, 32.": {"input_shape": (0, 32)},
    "anchors: expected one list": {"anchors": [(48, 32)]},
    "anchors: a problem has at least one scale": {"anchors": []},
    "anchors of scale 0: expected at least one": {"anchors": [[]]},
    "expected positive .width, height. in pixels": {"anchors": [[(0, 32)]]},
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


def test_scales_of_different_batches_are_refused() -> None:
    loss = make(anchors=ANCHORS * 2)
    two, three = arrays(), arrays(images=3)
    message = "y_pred of scale 1: expected as many images as on scale 0, 2, got 3"
    with pytest.raises(ValueError, match=message):
        loss([two[0], three[0]], [two[1], three[1]])


def test_integer_predictions_are_refused() -> None:
    target, prediction = arrays()
    with pytest.raises(ValueError, match="expected a floating dtype, got int32"):
        make()([target], [prediction.astype(np.int32)])


@pytest.mark.parametrize("value", [None, [[1.0], [1.0, 2.0]], np.zeros((2, 2, 3, 10), complex)])
def test_targets_that_are_no_real_numbers_are_refused(value) -> None:
    _, prediction = arrays()
    with pytest.raises(ValueError, match="y_true of scale 0: expected"):
        make()([value], [prediction])


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


def test_batch_sizes_unknown_to_the_trace_are_checked_when_it_runs() -> None:
    loss = make(anchors=ANCHORS * 2)
    spec = [tf.TensorSpec([None] * 4)] * 2
    traced = tf.function(loss.__call__, input_signature=[spec, spec])
    two, three = arrays(), arrays(images=3)
    assert np.isfinite(float(traced([two[0]] * 2, [two[1]] * 2)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="as many images as on scale 0"):
        traced([two[0], three[0]], [two[1], three[1]])


def wider(target, prediction):
    return np.pad(target, [(0, 0)] * 3 + [(0, 1)]), np.pad(prediction, [(0, 0)] * 3 + [(0, 1)])


def other_grid(target, prediction):
    return target.transpose(0, 2, 1, 3), prediction


def infinite_target(target, prediction):
    return np.where(target > 0, np.inf, target).astype(np.float32), prediction


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(wider, marks=pytest.mark.nightly),
        pytest.param(other_grid, marks=pytest.mark.nightly),
        infinite_target,
    ],
)
def test_where_xla_cannot_raise_it_gives_nan(change) -> None:
    spec = [tf.TensorSpec([None] * 4)]
    compiled = tf.function(make().__call__, input_signature=[spec, spec], jit_compile=True)
    target, prediction = arrays()
    assert np.isfinite(float(compiled([target], [prediction])))
    target, prediction = change(target, prediction)
    assert np.isnan(float(compiled([target], [prediction])))


def test_an_object_on_a_border_is_not_lost_between_two_cells() -> None:
    # In float32 the centre is that of the cell to the right when told from the left, and to the
    # left when told from the right.
    target = np.zeros((1, 1, 6, 7), np.float32)
    for column in (2, 3):
        target[0, 0, column] = (3 - 1e-8 - column, 0.5, 0, 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[..., 0], prediction[..., 5] = 20, 1
    loss = make(anchors=[[(100, 32)]], num_classes=1, input_shape=(32, 192))
    right = evaluate(loss.problem, Batch((target,), (prediction,))).components["anchor"]
    for run in (loss.components, tf.function(loss.components, jit_compile=True)):
        found = run([tf.constant(target)], [tf.constant(prediction)])["anchor"]
        assert float(found) == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize("power", [0.01, 0.1, 1.0])
def test_boxes_apart_have_an_iou_of_zero_to_any_power(power: float) -> None:
    target = np.zeros((1, 1, 1, 7), np.float32)
    target[0, 0, 0] = (0.5, 0.5, -4, -4, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[0, 0, 0, :5] = (40, 40, -4, -4, 3)
    loss = make(
        anchors=[[(32, 32)]],
        num_classes=1,
        input_shape=(32, 32),
        background="objectness",
        iou_aware_ratio=1.0,
        iou_aware_power=power,
    )
    found = float(loss.components([target], [prediction])["objectness"])
    assert found == pytest.approx(3 + np.log1p(np.exp(-3)), rel=1e-6)  # BCE of target 0


def test_float64_predictions_meet_anchors_in_float64() -> None:
    target, prediction = arrays()
    loss = make(anchors=[[(10.1, 20.3), (5.7, 8.9)]], location="giou")
    batch = Batch((target,), (prediction,))
    found = loss.components([target], [prediction.astype(np.float64)])
    right = evaluate(loss.problem, batch).components
    for term in TERMS:
        assert float(found[term]) == pytest.approx(right[term], rel=1e-12)


def test_options_survive_as_plain_data() -> None:
    terms = {"location": "batch", "anchor": "grid", "classification": "positives"}
    loss = make(loss_normalization=terms, class_weights=[1, 2, 3], location="giou")
    text = json.dumps(loss.to_dict())
    assert MultiGridLoss.from_dict(json.loads(text)) == loss
    assert Options.from_dict(loss.options.to_dict()) == loss.options


def test_plain_data_without_anchors_is_refused() -> None:
    with pytest.raises(ValueError, match="options: expected anchors, num_classes, input_shape amo"):
        MultiGridLoss.from_dict({})
    with pytest.raises(ValueError, match="expected a mapping of names to values, got list"):
        Options.from_dict(["batch"])


def test_a_list_of_one_normalization_is_that_normalization() -> None:
    assert make(loss_normalization=["grid"]).options == make(loss_normalization="grid").options


@pytest.mark.parametrize("where", ["a box", "a class of the background", "objectness"])
def test_nan_in_a_prediction_gives_nan(where: str) -> None:
    target, prediction = arrays()
    channel = {"a box": 0, "a class of the background": 9, "objectness": 4}[where]
    prediction[1, 1, 1, channel] = np.nan
    assert np.isnan(float(make()([target], [prediction])))
    assert np.isnan(float(tf.function(make().__call__)([target], [prediction])))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_target_that_is_not_finite_is_refused(number: float) -> None:
    target, prediction = arrays()
    target[1, 1, 1, 9] = number
    with pytest.raises(ValueError, match="y_true of scale 0: every number must be finite"):
        make()([target], [prediction])
    with pytest.raises(tf.errors.InvalidArgumentError, match="every number must be finite"):
        tf.function(make().__call__)([target], [prediction])


def test_the_largest_finite_predictions_give_finite_gradients() -> None:
    target, _ = arrays()
    for location in ("giou", "diou", "ciou"):
        loss = make(location=location, background="objectness", iou_aware_ratio=1.0)
        for number in (3e38, -3e38, 0.0):
            prediction = tf.fill(target.shape, number)
            with tf.GradientTape() as tape:
                tape.watch(prediction)
                value = loss.components([target], [prediction])["location"]
            assert np.isfinite(float(value))
            assert np.isfinite(tape.gradient(value, prediction)).all()


def test_float32_sums_of_a_whole_data_batch_lose_next_to_nothing() -> None:
    # 16 images of 76 x 76 cells. No sum is longer than an axis, so each of the four chains of
    # additions (channels, columns, rows, images) loses at most its length in roundoffs.
    random = np.random.default_rng(0)
    target = np.zeros((16, 76, 76, 10), np.float32)
    target[:, ::5, ::5, [0, 1, 4, 5, 7]] = (0.5, 0.5, 1, 1, 1)
    prediction = random.normal(size=target.shape).astype(np.float32)
    loss = make(background="objectness", input_shape=(608, 608))
    narrow = loss.components([target], [prediction])
    wide = loss.components([target], [prediction.astype(np.float64)])
    roundoffs = 3 + 76 + 76 + 16 + 8
    for term in ("anchor", "objectness"):
        assert float(narrow[term]) == pytest.approx(float(wide[term]), rel=roundoffs * 2.0**-24)


def test_the_gradient_that_xla_compiles_is_the_one_that_trains_without_it() -> None:
    target, prediction = arrays(images=3)
    prediction[0, 0, 1, :4] = (-6.0, 0, 0, 0)  # predicts the object beside it, and is ignored
    loss = make(location="giou", background="objectness", classification="focal")

    def slope(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            total = loss([y_true], [y_pred])
        return total, tape.gradient(total, y_pred)

    arguments = tf.constant(target), tf.constant(prediction)
    plain, compiled = slope(*arguments), tf.function(slope, jit_compile=True)(*arguments)
    for mine, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
