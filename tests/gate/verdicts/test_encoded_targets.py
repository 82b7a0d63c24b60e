"""A foreign loss is judged on targets that an encoder makes: background cells hold zeros."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgloss.gate.checks.selection import select_laws
from tests.gate.conftest import Run

LOSSES = Path(__file__).with_name("encoded_targets.py")
ASKED = ("--law", "masking", "--law", "background_targets")


def test_a_loss_that_takes_anchors_as_they_were_encoded_is_right(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:anchors_as_encoded")

    assert result.returncode == 0, result.stdout
    assert "skipped background_targets, " in result.stdout


@pytest.mark.parametrize(("name", "broken"), [("masked_by_rows", "masking")])
def test_what_is_predicted_in_background_cells_is_still_asked(
    name: str, broken: str, mgloss: Run
) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", "--law", broken)

    assert result.returncode == 1
    assert "classification: L(X with Y's background predictions) = " in result.stdout


def test_what_targets_hold_there_is_asked_by_name(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:anchors_as_encoded", *ASKED)

    assert result.returncode == 1
    assert "1 law broken (background_targets)" in result.stdout
    assert "anchor: L(X with Y's background targets) = " in result.stdout


def test_what_targets_hold_there_is_asked_of_the_loss_of_this_layout() -> None:
    assert "background_targets" in select_laws("batch", (), is_multigrid=True)
    assert "background_targets" not in select_laws("batch", (), is_multigrid=False)
