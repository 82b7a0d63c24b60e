"""What was found for one loss is neither overwritten nor told as mended by a run of another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mgspec.saved.counterexample import load
from tests.gate.conftest import Run, run_mgloss, said

# Centres only. `loss` divides by the objects of the batch; `mended` by its images.
OVER_OBJECTS = """
import numpy as np

def loss(y_true, y_pred):
    masks = [scale[..., 4] > 0.5 for scale in y_true]
    pairs = zip(y_true, y_pred, masks)
    gaps = [np.square(t[m][:, :2] - p[m][:, :2]).sum() for t, p, m in pairs]
    return sum(gaps) / max(1, sum(m.sum() for m in masks))
"""
OVER_IMAGES = OVER_OBJECTS.replace("max(1, sum(m.sum() for m in masks))", "len(y_true[0])")
# Another fault under the same law: the images of a batch are added up.
SUMMED = OVER_OBJECTS.replace(" / max(1, sum(m.sum() for m in masks))", "")

LAW = ("--law", "partition")
ONE = Path("mgloss-report/one.loss-batch/partition-total.json")
TWO = Path("mgloss-report/two.loss-batch/partition-total.json")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked")
    (folder / "one.py").write_text(OVER_OBJECTS, encoding="utf-8")
    result = run_mgloss(folder, "check", "one.py", *LAW)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"saved   {ONE}" in result.stdout
    return folder


@pytest.fixture
def folder(checked: Path, tmp_path: Path) -> Path:
    """A folder in which `one.py` was checked, and its counterexample saved."""
    shutil.copytree(checked, tmp_path, dirs_exist_ok=True)
    return tmp_path


def verdict(folder: Path) -> dict[str, Any]:
    (found,) = json.loads((folder / "out.json").read_text(encoding="utf-8"))["verdicts"]
    return found


def test_a_right_loss_mends_nothing_of_another(folder: Path, mgloss: Run) -> None:
    before = (folder / ONE).read_bytes()
    (folder / "two.py").write_text(OVER_IMAGES, encoding="utf-8")
    result = mgloss("check", "two.py", *LAW, "--json", "out.json")
    assert result.returncode == 0, result.stdout
    assert "no longer broken" not in result.stdout
    assert "stored" not in result.stdout
    assert verdict(folder)["replayed"] == 0
    assert (folder / ONE).read_bytes() == before


def test_a_wrong_loss_overwrites_nothing_of_another(folder: Path, mgloss: Run) -> None:
    before = (folder / ONE).read_bytes()
    (folder / "two.py").write_text(SUMMED, encoding="utf-8")
    assert mgloss("check", "two.py", *LAW).returncode == 1
    assert (folder / ONE).read_bytes() == before
    assert load(folder / TWO).loss == "two.py"
    again = mgloss("check", "one.py", *LAW, "--max-examples", 1, "--json", "out.json")
    assert again.returncode == 1
    assert verdict(folder)["stored"] == str(ONE)


def test_a_claim_of_the_same_loss_has_its_own_folder(folder: Path, mgloss: Run) -> None:
    before = (folder / ONE).read_bytes()
    result = mgloss("check", "one.py", *LAW, "--claims", "positives")
    assert "no longer broken" not in result.stdout
    assert (folder / ONE).read_bytes() == before
    assert (folder / "mgloss-report/one.loss-positives/partition-total.json").exists()


def test_a_mended_loss_is_told_under_every_name_of_it(folder: Path, mgloss: Run) -> None:
    (folder / "one.py").write_text(OVER_IMAGES, encoding="utf-8")
    for name in ("one.py", "./one.py:loss", folder / "one.py", "one:loss"):
        result = mgloss("check", name, *LAW)
        assert result.returncode == 0, result.stdout
        assert f"no longer broken: {ONE}" in result.stdout


def test_what_was_drawn_and_what_was_replayed_are_told_apart(folder: Path, mgloss: Run) -> None:
    result = mgloss("check", "one.py", *LAW, "--seed", 5, "--json", "out.json")
    assert result.returncode == 1
    found = verdict(folder)
    assert (found["examples"], found["replayed"], found["stored"]) == (0, 1, str(ONE))
    assert found["counterexample_seed"] == 0  # not the 5 of this run, which drew nothing
    assert f"(stored in {ONE}, found with seed 0)" in found["message"]
    assert "0 + 1 stored" in result.stdout

    shutil.rmtree(folder / "mgloss-report")
    mgloss("check", "one.py", *LAW, "--seed", 5, "--json", "out.json")
    found = verdict(folder)
    assert found["examples"] > 0
    assert (found["replayed"], found["stored"], found["counterexample_seed"]) == (0, None, 5)


def test_files_side_by_side_as_earlier_versions_wrote_are_matched_by_their_loss(
    folder: Path, mgloss: Run
) -> None:
    flat = folder / "mgloss-report" / "partition-total.json"
    (folder / ONE).rename(flat)
    (folder / "two.py").write_text(OVER_IMAGES, encoding="utf-8")

    other = mgloss("check", "two.py", *LAW)
    assert other.returncode == 0, other.stdout
    assert "no longer broken" not in other.stdout
    (line,) = (line for line in other.stdout.splitlines() if "passed over" in line)
    assert line == (
        "passed over 1 stored file: found for one.py (mgloss-report/partition-total.json)"
    )

    own = mgloss("check", "one.py:loss", *LAW, "--max-examples", 1, "--json", "out.json")
    assert own.returncode == 1
    assert verdict(folder)["stored"] == "mgloss-report/partition-total.json"


def test_cases_of_another_loss_are_judged_where_they_are_named(folder: Path, mgloss: Run) -> None:
    (folder / "two.py").write_text(OVER_IMAGES, encoding="utf-8")
    named = ("--replay", "mgloss-report")
    right = mgloss("check", "two.py", *LAW, *named)
    assert right.returncode == 0, right.stdout
    assert "no longer broken" not in right.stdout
    assert (
        "1 stored counterexample found for one.py does not break a law of this loss" in right.stdout
    )

    (folder / "two.py").write_text(OVER_OBJECTS, encoding="utf-8")
    wrong = mgloss("check", "two.py", *LAW, *named, "--max-examples", 1)
    assert wrong.returncode == 1
    assert f"(stored in {ONE}, found for one.py with seed 0)" in said(wrong.stdout)
    assert load(folder / TWO).loss == "two.py"
    assert load(folder / ONE).loss == "one.py"
