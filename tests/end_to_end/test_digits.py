"""The scenes that examples/digits.py writes are what `mgloss stats` and `targets` read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image

from mgloss.experiment.scenes import draw
from tests.gate.conftest import ROOT, Run


def digits(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "digits.py", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_scenes_are_read_by_the_commands(mgloss: Run, tmp_path: Path) -> None:
    written = digits(tmp_path / "digits", "--number", "12", "--seed", "3")
    assert written.returncode == 0, written.stderr
    objects = draw(3, 12).objects.sum()
    assert written.stdout.startswith(f"12 scenes with {objects} objects")
    shown = ("digits/boxes.txt", "--detector", "digits/detector.json")
    stats = mgloss("stats", *shown, "--image-size", "64x64")
    assert f"12 images, {objects} boxes, input 64 x 64" in stats.stdout
    targets = mgloss("targets", *shown, "--images", "digits")
    assert targets.returncode == 0, targets.stdout + targets.stderr
    assert "every positive cell decodes to its box" in targets.stdout


def test_the_boxes_lie_on_the_ink(tmp_path: Path) -> None:
    assert digits(tmp_path / "digits", "--number", "5").returncode == 0
    for line in (tmp_path / "digits" / "boxes.txt").read_text(encoding="utf-8").splitlines():
        name, *boxes = line.split(" ")
        with PIL.Image.open(tmp_path / "digits" / name) as picture:
            paper = np.asarray(picture.convert("L")) / 255
        ink = np.zeros(paper.shape, bool)
        for box in boxes:
            x1, y1, x2, y2, _ = (int(n) for n in box.split(","))
            ink[y1:y2, x1:x2] = True
            assert paper[y1:y2, x1:x2].min() < 0.2  # a digit's darkest pixels
        assert paper[~ink].min() > 0.3  # and noise around them


def test_a_wrong_request_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for folder, arguments, message in (
        ("kept", (), "cannot make the folder"),
        ("new", ("--number", "0"), "--number must be 1 or more"),
        ("new", ("--seed", "-1"), "--seed 0 or more"),
    ):
        result = digits(tmp_path / folder, *arguments)
        assert result.returncode == 2
        assert message in result.stderr
        assert "Traceback" not in result.stderr
    assert not list((tmp_path / "kept").iterdir())
    assert not (tmp_path / "new").exists()
