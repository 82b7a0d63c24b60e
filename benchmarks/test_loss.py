"""How long the loss and its gradient take, how much memory, and how both grow.

    python -m pytest benchmarks --benchmark-json out.json && python benchmarks/table.py out.json

The unit is one numpy.add(a, b, out=c) with a, b and c each as large as all predictions of the same
work, timed between the calls of the loss. Nothing here asserts a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.scenes import ANCHORS, CLASSES, INPUT, Arrays, batch
from mgloss import MultiGridLoss

OPTIONS = {
    "default": {},
    "nothing ignored": {"ignore_thresh": 1},
    "giou, focal": {"location": "giou", "classification": "focal"},
    "ciou, softmax_focal, objectness": {
        "location": "ciou",
        "classification": "softmax_focal",
        "background": "objectness",
        "iou_aware_ratio": 0.5,
    },
}
ROUNDS = 15


def traced(loss: Callable[..., tf.Tensor]) -> tf.types.experimental.ConcreteFunction:
    """The loss and its gradient, for unknown batch and grid sizes."""
    arrays = [tf.TensorSpec([None, None, None, 8 + CLASSES])] * len(ANCHORS)

    @tf.function(input_signature=[arrays, arrays], autograph=False)
    def step(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred)
        return value, tape.gradient(value, y_pred)

    return step.get_concrete_function()


def straightforward(y_true, y_pred) -> tf.Tensor:
    """mse + anchor + bce as one would first write it, over all cells, with nothing ignored."""
    total = 0.0
    for t, p in zip(y_true, y_pred, strict=True):
        mask = t[..., 4:5]
        xy = tf.tanh(0.15 * p[..., 0:2]) + tf.sigmoid(0.15 * p[..., 0:2])
        box = tf.square(xy - t[..., 0:2]) + tf.square(p[..., 2:4] - t[..., 2:4])
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(mask * t[..., 5:], p[..., 5:])
        total += tf.reduce_sum(mask * box) + tf.reduce_sum(entropy[..., :3])
        total += tf.reduce_sum(mask * entropy[..., 3:])
    return total / tf.cast(tf.shape(y_true[0])[0], tf.float32)


def measure(benchmark, loss: Callable[..., tf.Tensor], work: tuple[Arrays, Arrays], **info) -> None:
    """Time the loss and the unit in turns; the ratio of their medians goes into the report."""
    step = traced(loss)
    y_true, y_pred = ([tf.constant(a) for a in arrays] for arrays in work)
    numbers = sum(a.size for a in work[1])
    a, b, c = (np.ones(numbers, np.float32) for _ in range(3))
    units, times = [], []

    def unit() -> None:
        start = time.perf_counter()
        np.add(a, b, out=c)
        units.append(time.perf_counter() - start)

    def run() -> tf.Tensor:
        start = time.perf_counter()
        value, _ = step(y_true, y_pred)
        times.append(time.perf_counter() - start)
        return value

    value = benchmark.pedantic(run, setup=unit, rounds=ROUNDS, warmup_rounds=2)
    assert np.isfinite(float(value))
    cells = numbers // (8 + CLASSES)
    benchmark.extra_info.update(info, cells=cells, units=np.median(times) / np.median(units))


@pytest.mark.parametrize("options", OPTIONS)
def test_options(benchmark, options: str) -> None:
    loss = MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT), **OPTIONS[options])
    measure(benchmark, loss, batch(), table="options", row=options)


def test_straightforward(benchmark) -> None:
    measure(benchmark, straightforward, batch(), table="options", row="straightforward loss")


@pytest.mark.parametrize("images", [4, 8, 16, 32])
def test_growth_with_images(benchmark, images: int) -> None:
    loss = MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT))
    measure(benchmark, loss, batch(images), table="growth with cells", row=f"{images} images")


@pytest.mark.parametrize("size", [320, 608, 896])
def test_growth_with_the_input(benchmark, size: int) -> None:
    loss = MultiGridLoss(ANCHORS, CLASSES, (size, size))
    measure(benchmark, loss, batch(8, size), table="growth with cells", row=f"8 of {size} px")


@pytest.mark.parametrize("objects", [0, 1, 4, 7, 15, 30, 62])
def test_growth_with_objects(benchmark, objects: int) -> None:
    loss = MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT))
    work = batch(objects=objects)
    measure(benchmark, loss, work, table="growth with objects", row=f"{objects} an image")


def test_trace(benchmark) -> None:
    """Seconds to trace the loss and its gradient on three scales."""
    loss = MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT))
    traced(loss)  # TensorFlow's own first time
    benchmark.pedantic(lambda: traced(loss), rounds=2)
    benchmark.extra_info.update(table="trace", row="default, three scales")


@pytest.mark.parametrize("objects", [None, 62])
def test_memory(benchmark, objects: int | None) -> None:
    """Rise of a process's peak memory by a step, over the bytes of all arrays."""
    script = Path(__file__).with_name("memory.py")
    command = [sys.executable, str(script), *([] if objects is None else [str(objects)])]

    def run() -> float:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(json.loads(result.stdout.splitlines()[-1])["step"])

    ratio = benchmark.pedantic(run, rounds=1)
    assert ratio > 0
    row = "objects as in COCO" if objects is None else f"{objects} objects an image"
    benchmark.extra_info.update(table="memory", row=row, ratio=ratio)
