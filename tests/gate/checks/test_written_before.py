"""What mgloss 0.1 wrote still loads: counterexamples, baselines and regression tests."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gate.conftest import Run, said

WRITTEN = Path(__file__).parent / "written_by_0_1"
DESCRIBED = ("--loss", "described_losses.py:by_objects", "--problem", "described_losses.py:problem")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(WRITTEN, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_counterexample_is_replayed_on_the_loss_it_breaks_and_on_the_mended_one(
    folder: Path, mgloss: Run
) -> None:
    file = "partition-location.json"

    broken = mgloss("replay", file, "--loss", "my_loss.py:by_positives")
    assert broken.returncode == 1
    assert "L(X + Y) = 0.5, expected 0.25" in said(broken.stdout)
    assert mgloss("replay", file, "--loss", "my_loss.py:by_batch").returncode == 0


def test_a_counterexample_of_a_described_problem_is_replayed(folder: Path, mgloss: Run) -> None:
    (file,) = folder.glob("partition-___*.json")
    assert mgloss("replay", file.name, *DESCRIBED).returncode == 1


def test_a_baseline_guards_what_held(folder: Path, mgloss: Run) -> None:
    arguments = ("--max-examples", 10, "--baseline", "mgloss-baseline.json")

    same = mgloss("check", "my_loss.py:by_positives", "--law", "partition", *arguments)
    assert same.returncode == 0, same.stdout
    assert "partition: as before" in same.stdout
    better = mgloss("check", "my_loss.py:by_batch", *arguments)
    assert "partition of location was broken, and now holds" in better.stdout


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("regression_partition_location.py", "test_partition_location"),
        ("regression_described.py", "test_partition____box_loss"),
    ],
)
def test_a_regression_test_fails_while_the_loss_is_broken_and_warns_of_the_old_path(
    name: str, test: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run = regression_test(folder / name, test)

    with (
        pytest.warns(DeprecationWarning, match=r"mgloss\.testing\.still_broken"),
        pytest.raises(AssertionError, match="partition: A data set's mean loss"),
    ):
        run()


def test_a_regression_test_passes_once_the_loss_is_mended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    file = folder / "regression_partition_location.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("my_loss.py:by_positives", "my_loss.py:by_batch"))

    with pytest.warns(DeprecationWarning, match=r"mgloss\.testing\.still_broken"):
        regression_test(file, "test_partition_location")()


def regression_test(file: Path, name: str) -> Callable[[], None]:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test: Callable[[], None] = getattr(module, name)
    return test
