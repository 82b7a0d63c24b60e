"""`mgloss targets`: the picture, what is said, and what it makes of wrong requests."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mgloss.data.annotations import Annotated
from mgloss.data.detector import Detector
from mgloss.data.target_check import check, compare
from mgloss.data.targets import encode
from mgloss.gate.studies import targets_picture
from mgloss.gate.studies.targets_picture import COLORS, WRONG
from tests.gate.conftest import Run, said

SMALL = Detector((96, 128), (32, 16), (((32.0, 24.0), (48.0, 64.0)), ((12.0, 16.0), (8.0, 8.0))))
LINES = "a.jpg 40,40,72,64,0\nb.jpg 0,0,12,16,1 -90,-90,-58,-66,0\nc d.jpg\ne.jpg 9,9,50,60,2\n"
GOOD = ("lines.txt", "--image-size", "128x96", "--detector", "detector.json")


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(LINES)
    document = {"input_size": [96, 128], "strides": [32, 16], "anchors": SMALL.anchors}
    (tmp_path / "detector.json").write_text(json.dumps(document))


def test_it_tells_what_it_found_and_draws(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("targets", *GOOD)
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "4 images, 4 boxes, 19 positive cells" in text
    assert "every positive cell decodes to its box" in text
    assert "1 box has no cell" in text
    assert "see --only b.jpg" in text
    with PIL.Image.open(tmp_path / "targets.png") as picture:
        assert picture.size[0] > 500


def test_the_images_that_are_named_are_drawn(mgloss: Run, tmp_path: Path) -> None:
    only = ("--only", "b.jpg", "--only", "c d.jpg", "--picture", "some.svg")
    assert mgloss("targets", *GOOD, *only).returncode == 0
    text = (tmp_path / "some.svg").read_text(encoding="utf-8")
    ET.fromstring(text)
    assert "b.jpg" in text
    assert "c d.jpg" in text
    assert "a.jpg" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.txt",), "gone.txt: No such file"),
        ((*GOOD, "--only", "z.jpg"), "--only z.jpg: lines.txt has no image of this name"),
        ((*GOOD, "--rows", "0"), "--rows 0: expected 1 or more"),
        ((*GOOD, "--picture", "out.gif"), "--picture out.gif: expected a name that ends in"),
        ((*GOOD, "--picture", "gone/out.png"), "--picture gone/out.png: there is no folder gone"),
        (("empty.txt",), "empty.txt: no image in it"),
    ],
)
def test_a_wrong_request_ends_with_status_2(
    mgloss: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    before = {path.name for path in tmp_path.iterdir()}
    result = mgloss("targets", *arguments)
    assert result.returncode == 2
    assert message in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def pixels(path: Path) -> Counter[tuple[int, ...]]:
    with PIL.Image.open(path) as picture:
        return Counter(map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()))


def rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


BOXES = np.array([[40.0, 40, 72, 64, 0], [4, 4, 16, 20, 1]])


def test_what_is_wrong_is_red(tmp_path: Path) -> None:
    image = Annotated("a.jpg", None, (128, 96), BOXES)
    targets_picture.write(tmp_path / "right.png", [check(image, SMALL)], SMALL)
    targets = encode([BOXES], SMALL.anchors, 2, SMALL.input_size, SMALL.grids)
    targets[0][..., 0] += 0.5
    wrong = compare(image, BOXES, targets, SMALL)
    targets_picture.write(tmp_path / "wrong.png", [wrong], SMALL)
    right, red = pixels(tmp_path / "right.png"), pixels(tmp_path / "wrong.png")
    assert red[rgb(WRONG)] > 2 * right[rgb(WRONG)] > 0  # the legend has some
    for color in COLORS[:2]:
        assert right[rgb(color)] > 0


@pytest.mark.parametrize("content", [None, b"no image"])
def test_an_image_that_cannot_be_read_is_a_blank_canvas(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "a.jpg"
    if content is not None:
        file.write_bytes(content)
    image = Annotated("a.jpg", file, (128, 96), BOXES)
    targets_picture.write(tmp_path / "out.png", [check(image, SMALL)], SMALL)
    assert pixels(tmp_path / "out.png")[rgb(targets_picture.CANVAS)] > 10_000


def test_the_image_lies_under_its_boxes(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    PIL.Image.new("RGB", (128, 48), "#00ff00").save(file)  # with padding above and below
    image = Annotated("a.png", file, (128, 48), np.zeros((0, 5)))
    targets_picture.write(tmp_path / "out.png", [check(image, SMALL)], SMALL)
    seen = pixels(tmp_path / "out.png")
    green = sum(n for (r, g, b), n in seen.items() if g > 150 and r < 90 and b < 90)
    black = sum(n for (r, g, b), n in seen.items() if max(r, g, b) < 40)
    assert green > 10_000
    assert 0.7 < green / black < 1.5


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("scales", [1, 2, 3])
def test_neither_legend_nor_titles_are_cut_off(scales: int, rows: int) -> None:
    strides = (32, 16, 8)[:scales]
    detector = Detector((320, 320), strides, (((30.0, 30.0),),) * scales)
    image = Annotated("Á.jpg", None, (320, 320), np.array([[100.0, 100, 200, 200, 0]]))
    figure = targets_picture.draw([check(image, detector)] * rows, detector)
    figure.savefig(io.BytesIO(), format="png")  # which lays it out
    whole = figure.bbox
    for part in (*figure.legends, *(axes.title for axes in figure.axes)):
        shown = part.get_window_extent()
        assert whole.x0 <= shown.x0 < shown.x1 <= whole.x1
        assert whole.y0 <= shown.y0 < shown.y1 <= whole.y1
