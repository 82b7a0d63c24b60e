"""A crash is not an expected failure, and a broken law is not an expected crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mgloss.testing import NoVerdict, parametrize_with_laws

XFAIL, FAIL = pytest.xfail.Exception, pytest.fail.Exception
KNOWN = "divides by the objects of the batch, issue 12"
LAWS = ("partition", "sharding")


def missed(y_true: Any, y_pred: Any) -> tuple[float, int]:
    """How far the predicted centres are from the objects, and how many objects there are."""
    masks = [scale[..., 4] > 0.5 for scale in y_true]
    pairs = zip(y_true, y_pred, masks, strict=True)
    gaps = [np.square(true[m][:, :2] - pred[m][:, :2]).sum() for true, pred, m in pairs]
    return float(sum(gaps)), int(sum(m.sum() for m in masks))


def over_objects(y_true: Any, y_pred: Any) -> float:
    error, objects = missed(y_true, y_pred)
    return error / max(1, objects)


def over_images(y_true: Any, y_pred: Any) -> float:
    return missed(y_true, y_pred)[0] / len(y_true[0])


def with_a_typing_error(y_true: Any, y_pred: Any) -> float:
    if [scale.shape[1:3] for scale in y_true] == [(1, 2), (2, 4)]:  # the one that was tried
        return over_images(y_true, y_pred)
    return missed(y_true, y_pred)[0] / y_true.images  # lists have no such thing


def judged(
    loss: Callable[..., Any], expected: Any, laws: tuple[str, ...] = ("partition",)
) -> dict[str, tuple[type[BaseException] | None, str]]:
    """By law: how the test of a user ends, and what it says."""
    mark = parametrize_with_laws(loss, laws=laws, max_examples=12, expected_failures=expected)
    ends: dict[str, tuple[type[BaseException] | None, str]] = {}
    for parameter in mark.args[1]:
        check = parameter.values[0]
        try:
            check()
        except (XFAIL, FAIL) as end:
            ends[check.law] = type(end), str(end)
        else:
            ends[check.law] = None, ""
    return ends


def test_a_loss_that_raises_fails_the_laws_that_are_known_to_be_broken() -> None:
    ends = judged(with_a_typing_error, dict.fromkeys(LAWS, KNOWN), LAWS)
    for law in LAWS:
        kind, text = ends[law]
        assert kind is FAIL
        assert f"{law} is expected to be broken ({KNOWN}), but came to no verdict" in text
        assert "NoVerdict(reason)" in text
        assert "the loss raised AttributeError" in text


def test_the_laws_that_the_same_loss_broke_before_are_expected_failures() -> None:
    ends = judged(over_objects, dict.fromkeys(LAWS, KNOWN), LAWS)
    assert {kind for kind, _ in ends.values()} == {XFAIL}


def test_no_verdict_can_be_expected() -> None:
    expected = {"partition": NoVerdict("reads a field that lists lack, issue 14")}
    assert judged(with_a_typing_error, expected)["partition"] == (
        XFAIL,
        "reads a field that lists lack, issue 14",
    )


def test_a_broken_law_is_not_an_expected_crash() -> None:
    kind, text = judged(over_objects, {"partition": NoVerdict("issue 14")})["partition"]
    assert kind is FAIL
    assert "is expected to come to no verdict (issue 14), but is broken" in text
    assert "L(X + Y)" in text


@pytest.mark.parametrize("expected", [KNOWN, NoVerdict("issue 14"), (KNOWN, NoVerdict("14"))])
def test_what_is_mended_is_to_be_removed(expected: Any) -> None:
    kind, text = judged(over_images, {"partition": expected})["partition"]
    assert kind is FAIL
    assert text.endswith("but holds: remove it from expected_failures")


def test_a_right_loss_passes_where_nothing_is_expected() -> None:
    assert judged(over_images, None)["partition"] == (None, "")
