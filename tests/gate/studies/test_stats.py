"""`mgloss stats`: what it says and writes, its status, and what it makes of wrong requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgspec import Options
from tests.gate.conftest import Run, said

DETECTOR: dict[str, Any] = {
    "input_size": [96, 128],
    "strides": [32, 16],
    "anchors": [[[32, 24], [48, 64]], [[12, 16], [8, 8]]],
}
# Nine cells, four in a corner, and no object.
LINES = "a.jpg 40,40,72,64,0\nb.jpg 0,0,12,16,1\nc d.jpg\n"
GOOD = ("lines.txt", "--image-size", "128x96", "--detector", "detector.json")


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES)
    (tmp_path / "detector.json").write_text(json.dumps(DETECTOR))


def test_it_counts_and_gives_options_to_paste(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("stats", *GOOD, "--batch-size", "6", "--json", "out.json", "--plot", "out.svg")
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "3 images, 2 boxes, input 128 x 96" in text
    assert "objects 0.667 1 1" in text
    assert "positive cells 4.333 4 9" in text
    assert "of scale 0 (3 x 4) 3.000 0 9" in text
    assert "of scale 1 (6 x 8) 1.333 0 4" in text
    assert "32 x 24, scale 0 1 50.0%" in text
    assert "E: 4.3333 positive cells an image, 26.0000 a batch of 6" in text
    pasted = json.loads(result.stdout.strip().splitlines()[-1])
    assert Options.from_dict(pasted).expected == 4.3333

    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["positive_cells"]["images_with"] == {"0": 1, "4": 1, "9": 1}
    assert document["expected"] == {
        "per_image": pytest.approx(13 / 3),
        "per_batch": pytest.approx(26),
        "batch_size": 6,
    }
    assert document["options"] == pasted
    assert "<svg" in (tmp_path / "out.svg").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_the_options_are_those_of_the_gate(mgloss: Run, tmp_path: Path) -> None:
    pasted = mgloss("stats", *GOOD).stdout.strip().splitlines()[-1]
    (tmp_path / "options.json").write_text(pasted)
    arguments = ("--claims", "expected", "--law", "finite", "--max-examples", "5")
    result = mgloss("check", "--options", "options.json", *arguments)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.txt",), "gone.txt: No such file"),
        (("lines.txt",), "lines.txt, line 1: its image is not at"),
        (("lines.txt", "--image-size", "128"), "--image-size 128: expected width and height"),
        (("lines.txt", "--image-size", "0x4"), "--image-size 0x4: expected width and height"),
        (("lines.txt", "--images", "gone"), "--images gone: is not a folder"),
        ((*GOOD, "--batch-size", "0"), "--batch-size 0: expected 1 or more"),
        ((*GOOD, "--input-size", "100x100"), "--input-size 100x100: strides: 32 does not divide"),
        ((*GOOD, "--json", "gone/out.json"), "--json gone/out.json: there is no folder gone"),
        ((*GOOD, "--plot", "out.gif"), "--plot out.gif: expected a name that ends in .png or .svg"),
        (("lines.txt", "--detector", "gone.json"), "--detector gone.json: No such file"),
        (("lines.txt", "--detector", "lines.txt"), "--detector lines.txt: not JSON"),
        (("empty.txt",), "empty.txt: no image in it"),
        (("bad.txt", "--image-size", "9x9"), "bad.txt, line 2: expected x1,y1,x2,y2,class"),
    ],
)
def test_a_wrong_request_ends_with_status_2(
    mgloss: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "bad.txt").write_text("a.jpg\na.jpg 1,2\n")
    before = {path.name for path in tmp_path.iterdir()}
    result = mgloss("stats", *arguments)
    assert result.returncode == 2
    assert message in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def test_malformed_lines_are_named_and_left_out_where_asked(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES + "bad.jpg 1,2\n" * 25)
    result = mgloss("stats", *GOOD, "--skip-malformed")
    assert result.returncode == 0
    assert "3 images, 2 boxes" in said(result.stdout)
    errors = said(result.stderr)
    assert "left out: lines.txt, line 4: expected x1,y1,x2,y2,class, got '1,2'" in errors
    assert errors.count("left out: lines.txt") == 20
    assert errors.rstrip().endswith("left out: 5 more")


def test_a_data_set_without_objects_has_no_e(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a.jpg\n")
    result = mgloss("stats", *GOOD, "--json", "out.json", "--plot", "out.png")
    assert result.returncode == 0, result.stderr
    assert "there is no E" in said(result.stdout)
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["options"] is None
