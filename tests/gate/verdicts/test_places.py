"""Whatever a loss does with places, moving everything changes nothing: asked of foreign losses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgspec import LAWS
from tests.gate.conftest import Run

LOSSES = Path(__file__).with_name("places.py")
ASKED = ("--law", "translation")


def test_it_is_asked_of_every_loss() -> None:
    assert not LAWS["translation"].on_request


@pytest.mark.parametrize("name", ["in_pixels", "in_fractions_ignoring", "cut_at_the_border"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_loss_is_not_accused(name: str, seed: int, mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED, "--max-examples", 60, "--seed", seed)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["rows_for_columns", "without_the_first_row"])
def test_a_fault_in_coordinates_is_told_of(name: str, mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED)

    assert result.returncode == 1
    assert "location: L(X moved) = " in result.stdout
