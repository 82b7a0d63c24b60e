"""A loss of a described problem that writes into its arguments is told on, and no other is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.conftest import Run

LOSSES = Path(__file__).with_name("overwritten_arguments.py")
ASKED = ("--problem", "anchors", "--law", "pure")


@pytest.mark.parametrize(
    "name",
    [
        "halves_its_targets",
        "puts_others_in_their_place",
        "clamps_its_predictions",
        "takes_its_labels_away",
    ],
)
def test_a_loss_that_writes_into_its_arguments_is_not_pure(name: str, mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED)

    assert result.returncode == 1
    assert "boxes: evaluations that wrote into their inputs = " in result.stdout


@pytest.mark.parametrize("name", ["reads_only", "remembers_what_it_made"])
def test_a_loss_that_takes_nothing_away_is_pure(name: str, mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED)

    assert result.returncode == 0, result.stdout
