"""A step in parts: under `batch` it is the whole's, under `positives` only by the whole's count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from mgloss import MultiGridLoss
from mgloss.data.targets import encode
from mgloss.reference.data_parallel import counts_of, of_step, over_replicas

EXAMPLE = Path(__file__).parents[2] / "examples" / "data_parallel.py"
ROUNDING = 1e-5  # of what the step changes

ANCHORS = [[(32.0, 24.0), (48.0, 64.0)], [(12.0, 16.0)]]
SIZE, GRIDS, CLASSES = (96, 128), [(3, 4), (6, 8)], 2
BOXES: list[list[tuple[int, ...]]] = [
    [(40, 40, 72, 64, 0)],
    [],
    [(0, 0, 40, 60, 1), (60, 10, 72, 26, 0)],
    [(90, 60, 120, 90, 1)],
]


@pytest.mark.nightly
@pytest.mark.parametrize("how", [(), ("--workers",), ("--accumulate",)], ids=" ".join)
def test_a_real_step_in_parts(how: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [sys.executable, EXAMPLE, *how, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env={k: v for k, v in os.environ.items() if k != "TF_CONFIG"},
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["batch"] < ROUNDING
    assert found["positives, global count"] < ROUNDING
    assert found["positives"] > 0.1


@pytest.mark.nightly
def test_the_example_says_which_step_is_another() -> None:
    ran = subprocess.run(
        [sys.executable, EXAMPLE, "--accumulate"], capture_output=True, text=True, check=True
    )
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert lines[0].startswith("two images, of 1 and 0 objects")
    assert [line.endswith("ANOTHER STEP") for line in lines[1:]] == [False, True, False]
    assert all(line.endswith("of it the same") for line in (lines[1], lines[3]))


def arrays(seed: int) -> tuple[list[Any], list[Any]]:
    random = np.random.default_rng(seed)
    targets = encode(BOXES, ANCHORS, CLASSES, SIZE, GRIDS)
    predictions = [random.normal(size=t.shape).astype(np.float32) for t in targets]
    return targets, predictions


def under(name: str) -> MultiGridLoss:
    return MultiGridLoss(ANCHORS, CLASSES, SIZE, loss_normalization=name)


@given(seed=st.integers(0, 9), halves=st.permutations(range(4)))
@settings(max_examples=max(1, settings().max_examples // 20))
def test_parts_by_the_count_of_all_are_the_whole_in_every_component(
    seed: int, halves: list[int]
) -> None:
    loss = under("positives")
    targets, predictions = arrays(seed)
    whole = loss.components(targets, predictions)
    parts = [
        ([t[chosen] for t in targets], [p[chosen] for p in predictions])
        for chosen in (halves[:2], halves[2:])
    ]
    counts = tf.add_n([counts_of(loss, *part) for part in parts])
    assert counts.shape == (4, len(targets))  # terms, scales
    values = [of_step(loss, *part, counts, 2) for part in parts]
    for name, value in whole.items():
        mean = sum(float(part[name]) for part in values) / 2
        assert mean == pytest.approx(float(value), rel=1e-5)


class OneOfTwo:
    """The context of one of two replicas; the other has these counts."""

    num_replicas_in_sync = 2

    def __init__(self, others: tf.Tensor) -> None:
        self.others = others

    def all_reduce(self, operation: tf.distribute.ReduceOp, counts: tf.Tensor) -> tf.Tensor:
        assert operation == tf.distribute.ReduceOp.SUM
        return counts + self.others


def test_the_mean_over_two_replicas_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = under("positives")
    targets, predictions = arrays(0)
    whole = loss.components(targets, predictions)
    halves = [
        ([t[half] for t in targets], [p[half] for p in predictions])
        for half in (slice(0, 2), slice(2, 4))
    ]
    values = []
    for mine, other in (halves, halves[::-1]):
        context = OneOfTwo(counts_of(loss, *other))
        monkeypatch.setattr(tf.distribute, "get_replica_context", lambda c=context: c)
        values.append(over_replicas(loss, *mine))
    for name, value in whole.items():
        mean = sum(float(replica[name]) for replica in values) / 2
        assert mean == pytest.approx(float(value), rel=1e-5)


def test_without_any_object_the_guard_is_that_of_the_whole() -> None:
    loss = under("positives")
    targets, predictions = arrays(0)
    empty, one = [np.zeros_like(t[:2]) for t in targets], [p[:2] for p in predictions]
    whole = loss.components(empty, one)
    parts = [([t[n : n + 1] for t in empty], [p[n : n + 1] for p in one]) for n in range(2)]
    counts = tf.add_n([counts_of(loss, *part) for part in parts])
    for name, value in whole.items():
        mean = sum(float(of_step(loss, *part, counts, 2)[name]) for part in parts) / 2
        assert mean == pytest.approx(float(value), rel=1e-5)


@pytest.mark.parametrize("name", ["batch", "per_image", "sum"])
def test_another_normalization_is_refused(name: str) -> None:
    targets, predictions = arrays(0)
    with pytest.raises(ValueError, match=f"expected 'positives' for every term, got '{name}'"):
        counts_of(under(name), targets, predictions)


def test_no_parts_are_refused() -> None:
    targets, predictions = arrays(0)
    with pytest.raises(ValueError, match="parts: expected 1 or more, got 0"):
        of_step(under("positives"), targets, predictions, tf.zeros([4, 2]), 0)


def test_outside_of_a_replica_it_is_refused() -> None:
    targets, predictions = arrays(0)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope(), pytest.raises(RuntimeError, match=r"strategy\.run"):
        over_replicas(under("positives"), targets, predictions)
