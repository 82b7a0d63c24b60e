"""The scenes that examples/digits.py writes are what `mgloss stats` and `targets` read."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mgloss.experiment.scenes import draw
from tests.gate.conftest import ROOT, run_mgloss


def digits(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "digits.py", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `digits` holds twelve scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    written = digits(folder / "digits", "--number", "12", "--seed", "3")
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith(f"12 scenes with {draw(3, 12).objects.sum()} objects")
    return folder


@pytest.mark.nightly
def test_the_scenes_are_read_by_the_commands(folder: Path) -> None:
    shown = ("digits/boxes.txt", "--detector", "digits/detector.json")
    stats = run_mgloss(folder, "stats", *shown, "--image-size", "64x64")
    assert f"12 images, {draw(3, 12).objects.sum()} boxes, input 64 x 64" in stats.stdout
    targets = run_mgloss(folder, "targets", *shown, "--images", "digits")
    assert targets.returncode == 0, targets.stdout + targets.stderr
    assert "every positive cell decodes to its box" in targets.stdout


def test_the_boxes_lie_on_the_ink(folder: Path) -> None:
    for line in (folder / "digits" / "boxes.txt").read_text(encoding="utf-8").splitlines():
        name, *boxes = line.split(" ")
        with PIL.Image.open(folder / "digits" / name) as picture:
            paper = np.asarray(picture.convert("L")) / 255
        ink = np.zeros(paper.shape, bool)
        for box in boxes:
            x1, y1, x2, y2, _ = (int(n) for n in box.split(","))
            ink[y1:y2, x1:x2] = True
            assert paper[y1:y2, x1:x2].min() < 0.2  # a digit's darkest pixels
        assert paper[~ink].min() > 0.3  # and noise around them


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("kept", (), "cannot make the folder"),
        ("new", ("--number", "0"), "--number must be 1 or more"),
        ("new", ("--seed", "-1"), "--seed 0 or more"),
    ],
)
def test_a_wrong_request_writes_nothing(
    name: str,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(sys, "argv", ["digits.py", str(tmp_path / name), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "digits.py"), run_name="__main__")
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "kept").iterdir())
    assert not (tmp_path / "new").exists()
