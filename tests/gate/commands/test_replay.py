"""`mgloss replay`: stored counterexamples once more, doctored ones too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.gate.conftest import LOSSES, Run, run_mgloss, saved


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a check that found `partition` broken in location and classification."""
    folder = tmp_path_factory.mktemp("checked")
    run_mgloss(folder, "check", f"{LOSSES}:by_positives", "--law", "partition", small=True)
    return folder / "mgloss-report"


@pytest.fixture
def path(report: Path, tmp_path: Path) -> Path:
    """Its counterexample in location, in a copy of the report."""
    shutil.copytree(report, tmp_path / "mgloss-report")
    return saved(tmp_path, "partition-location.json")


def test_a_counterexample_is_replayed_on_the_loss_that_it_breaks_and_on_a_mended_one(
    mgloss: Run, path: Path
) -> None:
    broken = mgloss("replay", path, "--loss", f"{LOSSES}:by_positives")
    assert broken.returncode == 1
    assert "location: L(X + Y) = 1, expected 0.5" in broken.stdout
    mended = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
    assert mended.returncode == 0
    assert "partition holds on this batch" in mended.stdout


def test_a_file_names_no_code_to_run(mgloss: Run, path: Path, tmp_path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n", encoding="utf-8")
    path.write_text(json.dumps(document | {"loss": f"{trap}:loss"}), encoding="utf-8")
    result = mgloss("replay", path)
    assert result.returncode == 2
    assert "say which to run" in result.stderr
    assert not (tmp_path / "sprung").exists()


def test_several_files_are_replayed_and_one_wrong_one_stops_all(mgloss: Run, path: Path) -> None:
    other = path.with_name("partition-classification.json")
    result = mgloss("replay", path, other, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 0
    assert result.stdout.count("holds on this batch") == 2
    other.write_text(other.read_text(encoding="utf-8")[:100], encoding="utf-8")
    result = mgloss("replay", path, other, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 2
    assert "not JSON, or cut off" in result.stderr


def test_a_newer_file_and_a_missing_one_are_refused(mgloss: Run, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"version": 99}), encoding="utf-8")
    result = mgloss("replay", path)
    assert result.returncode == 2
    assert "upgrade to read it" in result.stderr
    assert mgloss("replay", "none.json").returncode == 2


def test_a_case_of_another_law_is_refused(mgloss: Run, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"law": "sharding"}), encoding="utf-8")
    result = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 2
    assert "is no case of the law sharding" in result.stderr
    assert "Traceback" not in result.stderr


HOSTILE = {
    "replication": [{"times": t} for t in (0, -1, 10**9, 10**30, [2], 1.5)],
    "sharding": [{"shards": k} for k in (0, -1, 3, 10**9)] + [{}],
    "resolution": [
        {"rows": 10**9, "columns": 0, "prediction": 0},
        {"rows": -1, "columns": 0, "prediction": 0},
        {"rows": 1, "columns": 0, "prediction": [1]},
        {"rows": 1, "columns": 0, "prediction": 1e300},
    ],
    "object_monotone": [
        {"image": -1, "scale": 0, "row": 0, "column": 0},
        {"image": 0, "scale": 1, "row": 0, "column": 0},
        {"image": 0, "scale": 0, "row": 0, "column": 99},
        {"image": 0, "scale": 0, "row": 0, "column": 0},
    ],
    "permutation": [{"order": o} for o in ([0, 0], [1], [0, 2], 3)],
}


@pytest.mark.parametrize("law", HOSTILE)
def test_a_doctored_case_is_refused(law: str, mgloss: Run, path: Path, tmp_path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for number, choices in enumerate(HOSTILE[law]):
        doctored = tmp_path / f"{number}.json"
        doctored.write_text(
            json.dumps(document | {"law": law, "choices": choices}), encoding="utf-8"
        )
        result = mgloss("replay", doctored, "--loss", f"{LOSSES}:by_batch")
        assert result.returncode == 2, (choices, result.stdout)
        assert f"is no case of the law {law}" in result.stderr
        assert "Traceback" not in result.stderr


def test_batches_that_do_not_belong_together_are_refused(mgloss: Run, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for role in ("targets", "predictions"):
        array = document["batches"]["Y"][role][0]
        array["shape"] = [2, 1, 1, 7]
        array["values"] *= 2
    for law in ("masking", "density_neutral"):
        path.write_text(json.dumps(document | {"law": law}), encoding="utf-8")
        result = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
        assert result.returncode == 2
        assert "X and Y: expected one shape" in result.stderr


def test_a_component_that_the_loss_does_not_return_is_not_taken_to_hold(
    mgloss: Run, path: Path
) -> None:
    result = mgloss("replay", path, "--loss", f"{LOSSES}:plain")
    assert result.returncode == 2
    assert "is about location, which this loss does not return" in result.stderr
    assert mgloss("replay", "/dev/null").returncode == 2
