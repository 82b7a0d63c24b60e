"""TensorFlow losses through the gate, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, search
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS
from tests.gate.conftest import ROOT

LOSS = """
import tensorflow as tf

def location(y_true, y_pred):
    total = 0.0
    for true, pred in zip(y_true, y_pred):
        mask = tf.cast(true[..., 4] > 0.5, tf.float32)
        squares = tf.reduce_sum((true[..., 2:4] - pred[..., 2:4]) ** 2, -1)
        total += tf.reduce_sum(mask * squares) / tf.cast(tf.shape(true)[0], tf.float32)
    return {"location": total}

def in_bfloat16(y_true, y_pred):
    return {"location": tf.cast(location(y_true, y_pred)["location"], tf.bfloat16)}

traced = tf.function(location)

@tf.custom_gradient
def _refuses(x):
    def gradient(upstream):
        raise RuntimeError("no gradient today")
    return x, gradient

def gradient_raises(y_true, y_pred):
    return {"location": _refuses(location(y_true, y_pred)["location"])}

def zero_without_objects(y_true, y_pred):
    if not any(bool(tf.reduce_any(t[..., 4] > 0.5)) for t in y_true):
        return {"location": 0.0}
    return location(y_true, y_pred)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tf_losses.py"
    file.write_text(LOSS, encoding="utf-8")
    return file


def statuses(path: Path, name: str, law: str) -> set[str]:
    candidate = load(LossRequest(f"{path}:{name}")).candidate
    assert candidate.has_gradients
    return {v.status for v in search(LAWS[law], candidate, max_examples=20, seed=0)}


@pytest.mark.parametrize("name", ["location", "traced", "in_bfloat16", "zero_without_objects"])
@pytest.mark.parametrize(
    "law",
    [
        "locality",  # of values and gradients
        *(
            pytest.param(law, marks=pytest.mark.nightly)
            for law in ("finite", "empty", "partition", "masking")
        ),
    ],
)
def test_a_correct_loss_is_not_accused(path: Path, name: str, law: str) -> None:
    assert statuses(path, name, law) == {HOLDS}


def test_a_gradient_that_raises_is_told_of(path: Path) -> None:
    assert statuses(path, "gradient_raises", "finite") == {BROKEN}
    assert statuses(path, "gradient_raises", "locality") == {ERROR}


@pytest.mark.nightly
def test_the_example_of_todays_loss_is_what_the_readme_says() -> None:
    example = ROOT / "examples" / "positives.py"
    candidate = load(LossRequest(str(example))).candidate
    verdicts = search(LAWS["partition"], candidate, max_examples=40, seed=0)
    assert {v.component: v.status for v in verdicts} == {
        "location": BROKEN,
        "classification": BROKEN,
    }
    assert verdicts[0].message.startswith("location: L(X + Y) = 1, expected 0.5 (B_X = 1, L(X) = ")
