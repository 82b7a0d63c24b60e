"""The four promises of a well normalized loss. Read this file first.

Each promise is one Hypothesis test of the public `MultiGridLoss` under every `loss_normalization`
that keeps it. Below it stand the options that break it, with an example of two images. Only the
normalization changes; everything else is the default. `test_truth_table.py` searches the same
promises, and all other laws, under all options.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis.extra.numpy import arrays

from mgloss import MultiGridLoss
from mgloss.reference import loss

NORMALIZATIONS = ["positives", "batch", "fixed", "hybrid", "grid", "expected", "per_image", "sum"]

# Images of 1 x 2 cells. Channels: x, y, log width, log height, objectness, the anchor, the class.
OBJECT = np.array([0.5, 0.5, 0, 0, 1, 1, 1], np.float32)
NOTHING = np.zeros(7, np.float32)
WIDER = np.array([0, 0, 1, 0, 0, 0, 0], np.float32)  # than OBJECT: its location loss is 1

few = settings(max_examples=max(1, settings().max_examples // 4))  # of the chosen profile

NUMBERS = st.floats(-4, 4, width=32)
CELL = arrays(np.float32, 7, elements=NUMBERS)


def batches(with_objects: bool = True) -> st.SearchStrategy:
    """Draw targets and predictions `[B, 1, 2, 7]` of one to three images."""
    is_object = st.booleans() if with_objects else st.just(False)
    return st.integers(1, 3).flatmap(
        lambda images: st.tuples(
            arrays(bool, (images, 1, 2, 1), elements=is_object).map(
                lambda chosen: np.where(chosen, OBJECT, NOTHING)
            ),
            arrays(np.float32, (images, 1, 2, 7), elements=NUMBERS),
        )
    )


def make(normalization: str) -> MultiGridLoss:
    expected = 2.0 if normalization in ("fixed", "expected") else None  # objects in an image
    return MultiGridLoss(
        anchors=[[(32, 32)]],
        num_classes=1,
        input_shape=(32, 64),
        loss_normalization=normalization,
        expected=expected,
    )


@cache
def compiled(normalization: str) -> tf.types.experimental.PolymorphicFunction:
    """Compile the loss once for all batch sizes: total, location and the gradient of the total."""
    multi_grid_loss = make(normalization)

    def run(targets: tf.Tensor, predictions: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(predictions)
            values = multi_grid_loss.components([targets], [predictions])
        return values["total"], values["location"], tape.gradient(values["total"], predictions)

    batch = tf.TensorSpec([None, 1, 2, 7])
    return tf.function(run, input_signature=[batch, batch], autograph=False)


def total(normalization: str, targets: np.ndarray, predictions: np.ndarray) -> float:
    return float(compiled(normalization)(targets, predictions)[0])


def location(normalization: str, targets: np.ndarray, predictions: np.ndarray) -> float:
    return float(compiled(normalization)(targets, predictions)[1])


def close_to(value: float) -> object:
    return pytest.approx(value, rel=1e-4, abs=1e-4)  # the loss computes in float32


# 1. Zero objects never divide by zero.


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@few
@given(batch=batches(with_objects=False))
def test_zero_objects_never_divide_by_zero(normalization: str, batch) -> None:
    targets, predictions = batch

    value, _, gradient = compiled(normalization)(targets, predictions)

    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("normalization", ["positives", "fixed", "per_image"])
def test_without_its_guard_an_option_that_counts_objects_divides_by_zero(
    normalization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unguarded = replace(loss.TENSORFLOW, at_least_one=lambda n: n)  # in place of max(1, n)
    targets = np.array([[[NOTHING, NOTHING]], [[NOTHING, NOTHING]]])
    predictions = np.array([[[WIDER, WIDER]], [[WIDER, WIDER]]])

    guarded = make(normalization).components([targets], [predictions])
    monkeypatch.setattr(loss, "TENSORFLOW", unguarded)
    broken = make(normalization).components([targets], [predictions])

    assert float(guarded["location"]) == 0
    assert np.isnan(float(broken["location"]))


# 2. Batch-size scaling invariance: the same images again and again give the same loss.


@pytest.mark.parametrize(
    "normalization", ["positives", "batch", "hybrid", "grid", "expected", "per_image"]
)
@few
@given(batch=batches(), times=st.integers(2, 4))
def test_the_loss_does_not_depend_on_the_batch_size(normalization: str, batch, times: int) -> None:
    targets, predictions = batch

    once = total(normalization, targets, predictions)
    repeated = total(
        normalization, np.concatenate([targets] * times), np.concatenate([predictions] * times)
    )

    assert repeated == close_to(once)


@pytest.mark.parametrize(("normalization", "once", "twice"), [("sum", 1, 2), ("fixed", 2, 1)])
def test_a_batch_of_two_equal_images_counts_twice_or_half(
    normalization: str, once: float, twice: float
) -> None:
    targets = np.array([[[OBJECT, NOTHING]]])
    predictions = np.array([[[WIDER, NOTHING]]])
    two_targets = np.array([[[OBJECT, NOTHING]], [[OBJECT, NOTHING]]])
    two_predictions = np.array([[[WIDER, NOTHING]], [[WIDER, NOTHING]]])

    assert location(normalization, targets, predictions) == once
    assert location(normalization, two_targets, two_predictions) == twice


# 3. Train and validation losses are comparable: however the images are divided into batches, the
#    mean over the batches, each weighted by its images, is the loss of all images together.


@pytest.mark.parametrize("normalization", ["batch", "grid", "expected", "per_image"])
@few
@given(train=batches(), validation=batches())
def test_the_loss_of_all_images_is_the_mean_over_batches(
    normalization: str, train, validation
) -> None:
    first, second = total(normalization, *train), total(normalization, *validation)
    images, more = len(train[0]), len(validation[0])

    together = total(
        normalization,
        np.concatenate([train[0], validation[0]]),
        np.concatenate([train[1], validation[1]]),
    )

    assert together == close_to((images * first + more * second) / (images + more))


@pytest.mark.parametrize(
    ("normalization", "sparse", "dense", "together"),
    [
        ("positives", 1, 0, 1 / 3),
        ("fixed", 2, 0, 1 / 3),
        ("hybrid", 1.5, 0, 0.875),
        ("sum", 1, 0, 1),
    ],
)
def test_the_loss_of_two_images_is_not_their_mean(
    normalization: str, sparse: float, dense: float, together: float
) -> None:
    # One object that is predicted too wide; two that are predicted as they are.
    targets = np.array([[[OBJECT, NOTHING]], [[OBJECT, OBJECT]]])
    predictions = np.array([[[WIDER, NOTHING]], [[NOTHING, NOTHING]]])

    assert location(normalization, targets[:1], predictions[:1]) == sparse
    assert location(normalization, targets[1:], predictions[1:]) == dense
    assert location(normalization, targets, predictions) == close_to(together)
    assert together != (sparse + dense) / 2


# 4. Monotonic density weighting: more objects that are equally wrong weigh more.


@pytest.mark.parametrize("normalization", ["batch", "hybrid", "grid", "expected", "sum"])
@few
@given(predicted=CELL)
def test_two_equally_wrong_objects_weigh_more_than_one(normalization: str, predicted) -> None:
    both_cells = np.array([[[predicted, predicted]]])

    sparse = location(normalization, np.array([[[OBJECT, NOTHING]]]), both_cells)
    dense = location(normalization, np.array([[[OBJECT, OBJECT]]]), both_cells)

    assume(sparse > 1e-3)  # so that there is an error to weigh
    assert dense > 1.5 * sparse


@pytest.mark.parametrize(
    ("normalization", "each"), [("positives", 1), ("fixed", 2), ("per_image", 1)]
)
def test_an_image_of_two_objects_weighs_no_more_than_an_image_of_one(
    normalization: str, each: float
) -> None:
    targets = np.array([[[OBJECT, NOTHING]], [[OBJECT, OBJECT]]])
    predictions = np.array([[[WIDER, NOTHING]], [[WIDER, WIDER]]])

    assert location(normalization, targets[:1], predictions[:1]) == each
    assert location(normalization, targets[1:], predictions[1:]) == each
