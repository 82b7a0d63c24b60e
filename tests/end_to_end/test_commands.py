"""Each command once in a process of its own; what it says and refuses is tried in `tests/gate`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mgspec.saved.counterexample import load
from mgspec.saved.witnesses import path
from tests.gate.conftest import LOSSES, SAMPLES, Run, environment, saved

LINES = "a.jpg 40,40,72,64,0\nb.jpg 0,0,12,16,1\n"
DETECTOR = {"input_size": [96, 128], "strides": [32], "anchors": [[[32, 24], [48, 64]]]}
ANNOTATED = ("lines.txt", "--image-size", "128x96", "--detector", "detector.json")
LAWS = ("--law", "density_monotone", "--law", "pure", "--law", "finite")  # quick to shrink


@pytest.fixture
def annotations(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES, encoding="utf-8")
    (tmp_path / "detector.json").write_text(json.dumps(DETECTOR), encoding="utf-8")


@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.nightly), 2])
def test_check_judges_saves_and_writes_every_report(
    workers: int, mgloss: Run, tmp_path: Path
) -> None:
    shutil.copy(SAMPLES / "simple_losses.py", tmp_path / "mine.py")
    reports = ("--json", "out.json", "--junit", "out.xml", "--markdown", "out.md")
    result = mgloss("check", "mine.py:neutral", *LAWS, "-n", workers, *reports)
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stderr == ""
    assert "1 law broken (density_monotone), 2 laws hold" in result.stdout
    assert load(saved(tmp_path, "density_monotone-location.json")).law == "density_monotone"
    assert {path.name for path in tmp_path.iterdir() if path.name != "__pycache__"} == {
        *("mine.py", "mgloss-report", "out.json", "out.xml", "out.md")
    }


@pytest.mark.nightly
def test_check_with_many_examples_chooses_several_processes(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "def loss(y_true, y_pred):\n"
        "    Path(f'{os.getppid()}.seen').touch()\n"
        "    return {'location': 0.0}\n"
    )
    laws = ("--law", "empty", "--law", "nonnegative")
    result = mgloss("check", "mine.py", *laws, "--max-examples", 250)
    assert result.returncode == 0, result.stdout
    assert "2 laws hold" in result.stdout
    # The first process, which loads the loss to see what it returns, and those that judge it.
    assert len(list(tmp_path.glob("*.seen"))) > 1


def test_explain_tells_a_law(mgloss: Run) -> None:
    result = mgloss("explain", "partition")
    assert (result.returncode, result.stderr) == (0, "")
    assert "mgloss replay" in result.stdout


def test_replay_runs_a_witness_on_a_loss(mgloss: Run) -> None:
    witness = path("partition", "positives")
    broken = mgloss("replay", witness, "--loss", f"{LOSSES}:by_positives")
    assert broken.returncode == 1
    assert "L(X + Y) = 1, expected 0.5" in broken.stdout


def test_diff_tells_two_losses_apart(mgloss: Run) -> None:
    losses = (f"{SAMPLES}/simple_losses.py:{name}" for name in ("right", "replication"))
    result = mgloss("diff", *losses, "--max-examples", 20)
    assert result.returncode == 1, result.stderr
    assert "they differ in location" in result.stdout


def test_identify_tells_what_a_loss_divides_by(mgloss: Run) -> None:
    result = mgloss("identify", f"{SAMPLES}/simple_losses.py:right")
    assert result.returncode == 0, result.stderr
    assert "location behaves as batch" in " ".join(result.stdout.split())


def test_what_baseline_records_check_compares_with(mgloss: Run) -> None:
    loss = f"{SAMPLES}/simple_losses.py:right"
    laws = ("--law", "pure", "--max-examples", 10)
    assert mgloss("baseline", loss, *laws).returncode == 0
    result = mgloss("check", loss, *laws, "--baseline", "mgloss-baseline.json")
    assert result.returncode == 0, result.stdout
    assert "nothing is worse" in result.stdout


@pytest.mark.usefixtures("annotations")
def test_stats_counts(mgloss: Run) -> None:
    result = mgloss("stats", *ANNOTATED)
    assert result.returncode == 0, result.stderr
    assert "2 images, 2 boxes" in result.stdout


@pytest.mark.usefixtures("annotations")
def test_targets_draws(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("targets", *ANNOTATED)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "targets.png").is_file()


@pytest.mark.nightly
def test_curves_trains(mgloss: Run) -> None:
    result = mgloss("curves", "--normalization", "grid", "--steps", 2, "--seeds", 1)
    assert result.returncode == 0, result.stderr


@pytest.mark.nightly
def test_matrix_is_searched_by_two_processes(mgloss: Run) -> None:
    result = mgloss("matrix", "--max-examples", 8, "-n", 2)
    assert result.returncode == 0, result.stdout
    assert "every entry is as the normalizations claim" in result.stdout


@pytest.mark.nightly
def test_check_of_the_reference_holds(mgloss: Run) -> None:
    result = mgloss("check", "--max-examples", 20)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_version_is_told(mgloss: Run) -> None:
    result = mgloss("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("mgloss ")


def test_a_reader_who_leaves_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "mgloss", "explain", "partition"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
        timeout=60,
    )
    os.close(writing)
    assert "Traceback" not in result.stderr
