"""The loss in Keras: compiled, saved, fitted, and evaluated in batches of every size."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from mgloss import MultiGridLoss, MultiGridScaleLoss

ANCHORS = [[(48, 32), (32, 64)], [(16, 24)]]
SIZE = (64, 96)  # pixels; grids of 2 x 3 and 4 x 6
CHANNELS = (10, 9)
TERMS = {"location": "grid", "anchor": "batch", "classification": "batch"}


def scale_losses(**settings) -> list[MultiGridScaleLoss]:
    return [MultiGridScaleLoss(anchors, 3, SIZE, **settings) for anchors in ANCHORS]


def detector() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZE, 3))
    features = keras.layers.Conv2D(4, 16, strides=16, activation="tanh")(image)
    fine = keras.layers.Conv2D(CHANNELS[1], 1, name="fine")(features)
    coarse = keras.layers.Conv2D(CHANNELS[0], 2, strides=2, name="coarse")(features)
    return keras.Model(image, [coarse, fine])


def data(images: int = 7) -> tuple[np.ndarray, list[np.ndarray]]:
    """Images 0 and 4 hold nothing; the others from 1 to 6 objects."""
    random = np.random.default_rng(0)
    pixels = random.normal(size=(images, *SIZE, 3)).astype(np.float32)
    targets = []
    for height, width, channels in ((2, 3, 10), (4, 6, 9)):
        target = np.zeros((images, height, width, channels), np.float32)
        for image in range(images):
            for k in range(0 if image % 4 == 0 else image):
                cell = target[image, k % height, k // height]
                cell[[0, 1, 4, 5, channels - 3 + k % 3]] = (0.5, 0.25, 1, 1, 1)
        targets.append(target)
    return pixels, targets


def evaluated(model: keras.Model, batch_size: int) -> float:
    pixels, targets = data()
    found = model.evaluate(pixels, targets, batch_size=batch_size, verbose=0, return_dict=True)
    return float(found["loss"])


def test_the_scales_sum_to_the_whole_loss() -> None:
    pixels, targets = data()
    predictions = detector()(pixels)
    whole = MultiGridLoss(ANCHORS, 3, SIZE)(targets, predictions)
    parts = [loss(t, p) for loss, t, p in zip(scale_losses(), targets, predictions, strict=True)]
    assert float(whole) == pytest.approx(sum(float(part) for part in parts), rel=1e-6)


@pytest.mark.parametrize(
    "settings", [{}, {"loss_normalization": TERMS, "class_weights": [1, 2, 3]}]
)
def test_a_configuration_survives_as_text(settings: dict) -> None:
    loss = MultiGridScaleLoss(ANCHORS[0], 3, SIZE, name="mine", location="ciou", **settings)
    again = MultiGridScaleLoss.from_config(json.loads(json.dumps(loss.get_config())))
    assert again.get_config() == loss.get_config()
    assert (again.name, again.loss) == ("mine", loss.loss)


def test_a_saved_model_keeps_its_loss(tmp_path: Path) -> None:
    model = detector()
    losses = scale_losses(location="giou", loss_normalization="grid")
    model.compile("sgd", losses, run_eagerly=True)  # tracing takes longer
    before = evaluated(model, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [loss.get_config() for loss in loaded.loss] == [x.get_config() for x in model.loss]
    assert evaluated(loaded, 3) == pytest.approx(before, rel=1e-6)


@pytest.mark.nightly
def test_under_batch_a_data_set_costs_the_same_in_batches_of_every_size() -> None:
    model = detector()
    model.compile(keras.optimizers.SGD(0.01), scale_losses(location="ciou"))
    pixels, targets = data()
    history = model.fit(pixels, targets, batch_size=3, epochs=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    whole = evaluated(model, 7)
    for batch_size in (1, 4):  # 7 images: the last batch of 4 is a partial one
        # Float32 sums of some 1,000 numbers, in another order.
        assert evaluated(model, batch_size) == pytest.approx(whole, rel=1e-5)


@pytest.mark.nightly
def test_under_positives_it_does_not() -> None:
    model = detector()
    model.compile("sgd", scale_losses(loss_normalization="positives"))
    assert abs(evaluated(model, 2) / evaluated(model, 7) - 1) > 0.01


@pytest.mark.nightly
def test_a_training_step_of_ones_own_takes_the_whole_loss() -> None:
    model, loss = detector(), MultiGridLoss(ANCHORS, 3, SIZE, location="diou")
    optimizer = keras.optimizers.SGD(0.01)
    pixels, targets = data()

    @tf.function
    def step(pixels, targets):
        with tf.GradientTape() as tape:
            parts = loss.components(targets, model(pixels, training=True))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(parts["total"], weights), weights, strict=True))
        return parts

    first = step(pixels, targets)
    for _ in range(3):
        last = step(pixels, targets)
    assert float(last["total"]) < float(first["total"])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_in_mixed_precision_is_taught_in_float32(policy: str) -> None:
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = detector()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    pixels, targets = data()
    predictions = model(pixels)
    assert predictions[0].dtype.name == policy.removeprefix("mixed_")
    for loss, target, prediction in zip(scale_losses(), targets, predictions, strict=True):
        value = loss(target, prediction)
        assert value.dtype == tf.float32
        assert float(value) == float(loss(target, tf.cast(prediction, tf.float32)))


@pytest.mark.nightly
def test_a_model_that_xla_compiles_is_taught_the_same() -> None:
    pixels, targets = data(3)
    values = []
    for compiled in (False, True):
        model = detector()
        model.compile("sgd", scale_losses(), jit_compile=compiled)
        model.train_on_batch(pixels, targets)
        values.append([model.train_on_batch(pixels, targets), *model.get_weights()])
    for plain, fused in zip(*values, strict=True):
        np.testing.assert_allclose(plain, fused, rtol=1e-4, atol=1e-5)


def test_float64_is_kept_where_it_is_asked_for() -> None:
    _, (target, _) = data()
    loss = MultiGridScaleLoss(ANCHORS[0], 3, SIZE, dtype="float64")
    assert loss(target, np.zeros(target.shape)).dtype == tf.float64


BAD_OPTIONS = {
    "anchors: expected one list of .width, height. in pixels": {"anchors": [48, 32]},
    "expected positive .width, height. in pixels, got .0.0, 32.0.": {"anchors": [(0, 32)]},
    "which looks like fractions of the image": {"anchors": [(0.2, 0.5)]},
    "num_classes: expected a whole number of 1 or more, got 0": {"num_classes": 0},
    "class_weights: expected one for each of 3 class.es., got 2": {"class_weights": [1, 2]},
    "ignore_thresh: expected a number from 0 to 1, got 1.5": {"ignore_thresh": 1.5},
    "unknown option 'locations'; did you mean 'location'": {"locations": "giou"},
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_an_impossible_option_is_refused_at_construction(message: str) -> None:
    options = {"anchors": ANCHORS[0], "num_classes": 3, "input_shape": SIZE} | BAD_OPTIONS[message]
    with pytest.raises(ValueError, match=message):
        MultiGridScaleLoss(**options)


def test_arrays_that_do_not_fit_are_refused() -> None:
    _, (target, fine) = data()
    loss = scale_losses()[0]
    with pytest.raises(ValueError, match="= 10 channels, got 9"):
        loss(fine, fine)
    with pytest.raises(ValueError, match="y_true of scale 0: expected the shape of y_pred"):
        loss(target[:1], target)
    with pytest.raises(ValueError, match="sample_weight: a normalized loss has no value for each"):
        loss(target, target, sample_weight=np.ones(7))
    broken = target.copy()
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="y_true of scale 0: every number must be finite"):
        loss(broken, target)
    assert np.isnan(float(loss(target, broken)))
