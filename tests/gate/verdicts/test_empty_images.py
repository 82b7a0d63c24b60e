"""An image without objects must not teach, among others neither: asked without a layout too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.conftest import Run, said

LOSSES = Path(__file__).with_name("empty_images.py")
ASKED = ("--law", "empty_image", "--claims", "positives")
STEPS = ("--problem", f"{LOSSES}:problem")


@pytest.mark.parametrize(
    ("name", "problem", "component"),
    [
        ("keeps_all_if_any", STEPS, "total"),
        ("without_gradients", STEPS, "total"),
        ("boxes_of_any_image", ("--problem", "anchors"), "loss_bbox"),
    ],
)
def test_a_mask_that_leaks_between_images_is_told_of(
    name: str, problem: tuple[str, ...], component: str, mgloss: Run
) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *problem, *ASKED)

    assert result.returncode == 1, result.stdout
    assert f"{component}: " in result.stdout
    assert "1 law broken (empty_image)" in result.stdout


def test_a_right_loss_is_not_accused(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:right", *STEPS, *ASKED)

    assert result.returncode == 0, result.stdout


def test_a_component_that_holds_background_is_not_asked(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:classes_of_every_anchor", "--problem", "anchors", *ASKED)

    assert "skipped empty_image" in result.stdout
    assert "is taken to teach the background too" in said(result.stdout)
