"""What the names of arguments tell, and how many of them are passed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mgloss.gate.losses.signatures import passed_arguments, takes_predictions_first


def function(names: str) -> Callable[..., float]:
    made: Callable[..., float] = eval(f"lambda {names}: 0.0")
    return made


@pytest.mark.parametrize(
    "names",
    [
        "p, targets",
        "inputs, targets",
        "logits, labels",
        "output, target",
        "y_hat, y",
        "y_pred, y_true",
        "yPred, yTrue",
        "pred_boxes, gt_boxes",
        "pred_labels, labels",
        "p, t",
        "y, t",
        "feats, gts",
        "predictions, batch",
        "x, y",
    ],
)
def test_predictions_come_first_in_either_style(names: str) -> None:
    assert takes_predictions_first(function(names)) is True
    second, first = names.split(", ")
    assert takes_predictions_first(function(f"{first}, {second}")) is False


@pytest.mark.parametrize("names", ["a, b", "inputs, outputs", "y, y_", "*arguments", "problem"])
def test_names_that_say_the_same_or_nothing_do_not_tell(names: str) -> None:
    assert takes_predictions_first(function(names)) is None


def test_without_a_signature_nothing_is_told_and_two_arguments_are_passed() -> None:
    assert takes_predictions_first(np.subtract) is None
    assert passed_arguments(np.subtract) == 2
    assert passed_arguments(max) == 2


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ("problem", 1),
        ("problem, target_scale=1.0", 1),
        ("y_pred, y_true=None", 2),
        ("y_true, y_pred, weight=None", 2),
        ("y_true, y_pred, weight", None),
        ("*, y_true, y_pred", None),
    ],
)
def test_the_required_arguments_and_the_names_tell_a_loss_from_a_factory(
    names: str, count: int | None
) -> None:
    assert passed_arguments(function(names)) == count
