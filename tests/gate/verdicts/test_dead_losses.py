"""A loss that responds to nothing is told on, and a right one is not, whatever its form."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgspec.saved.counterexample import load
from tests.gate.conftest import Run, said

LOSSES = Path(__file__).with_name("dead_losses.py")
ASKED = ("--law", "responsive")


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ("masked_by_what_is_never_there", ("location", "classification")),
        ("one_whatever_happens", ("total",)),
        ("counts_its_objects", ("location",)),
        ("classes_are_lost", ("classification",)),
    ],
)
def test_a_component_that_responds_to_nothing_is_told_of(
    name: str, components: tuple[str, ...], mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED)

    assert result.returncode == 1
    saved = sorted((tmp_path / "mgloss-report").rglob("*.json"))
    assert [path.stem for path in saved] == sorted(f"responsive-{c}" for c in components)
    for path, component in zip(saved, sorted(components), strict=True):
        assert f"{component}: |L(X) - L(Y)| = 0, expected more than 0" in result.stdout
        shown = load(path).case
        assert shown.batches["X"].images == 1
        assert shown.batches["X"].positives >= 1


def test_its_counterexample_can_be_replayed(mgloss: Run, tmp_path: Path) -> None:
    mgloss("check", f"{LOSSES}:classes_are_lost", *ASKED)
    (file,) = (tmp_path / "mgloss-report").rglob("responsive-classification.json")

    assert mgloss("replay", file, "--loss", f"{LOSSES}:classes_are_lost").returncode == 1
    assert mgloss("replay", file, "--loss", f"{LOSSES}:is_alive").returncode == 0
    assert mgloss("check", f"{LOSSES}:is_alive", *ASKED).returncode == 0


@pytest.mark.parametrize("name", ["is_alive", "only_boxes_that_overlap", "with_a_margin"])
def test_a_loss_that_responds_somewhere_is_right(name: str, mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", *ASKED, "--max-examples", 9)

    assert result.returncode == 0, result.stdout


def test_a_described_loss_is_asked_too(mgloss: Run) -> None:
    dead = mgloss("check", f"{LOSSES}:only_the_worst_image", *ASKED, "--problem", "anchors")
    right = mgloss("check", f"{LOSSES}:of_labelled_anchors", *ASKED, "--problem", "anchors")

    assert dead.returncode == 1
    assert "loss_bbox: |L(X) - L(Y)| = 0, expected more than 0" in dead.stdout
    assert right.returncode == 0, right.stdout


def test_identify_says_what_responds_to_nothing(mgloss: Run) -> None:
    half = mgloss("identify", f"{LOSSES}:classes_are_lost")

    assert half.returncode == 1
    assert "location behaves as batch" in said(half.stdout)
    assert "classification responds to nothing that is predicted" in said(half.stdout)
