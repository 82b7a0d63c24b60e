"""Detectors from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgloss.data.detector import YOLOV3, Detector, DetectorError, load

GOOD: dict[str, Any] = {
    "input_size": [96, 128],
    "strides": [32, 16],
    "anchors": [[[32, 24], [48, 64.5]], [[12, 16], [8, 8]]],
}


def test_a_file_gives_its_detector(tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    path.write_text(json.dumps(GOOD))
    anchors = (((32.0, 24.0), (48.0, 64.5)), ((12.0, 16.0), (8.0, 8.0)))
    assert load(path) == Detector((96, 128), (32, 16), anchors)
    assert load(path).grids == ((3, 4), (6, 8))


def test_the_default_has_the_grids_of_yolov3() -> None:
    assert YOLOV3.grids == ((19, 19), (38, 38), (76, 76))


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"input_size": NaN}', "[" * 100_000])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "detector.json"
    path.write_text(text)
    with pytest.raises(DetectorError, match=r"detector\.json: "):
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_size": [96]}, "input_size: expected [height, width]"),
        ({"input_size": [96.5, 128]}, "input_size: expected a list of positive whole numbers"),
        ({"strides": [32]}, "anchors: expected a list for each of 1 strides, got 2"),
        ({"strides": [32, 0]}, "strides: expected a list of positive whole numbers"),
        ({"strides": [32, 7]}, "strides: 7 does not divide the input"),
        ({"anchors": [[], [[1, 2]]]}, "anchors of scale 0: expected at least one"),
        ({"anchors": [[[0.1, 0.2]], [[0.1, 0.2]]]}, "looks like fractions of the image"),
        ({"anchors": [[[1, "2"]], [[3, 4]]]}, "anchors: expected a list of positive numbers"),
        ({"anchors": [[[1, 2, 3]], [[3, 4]]]}, "anchors: expected [width, height], got [1, 2, 3]"),
        ({"anchors": 3}, "anchors: expected a list of [width, height] for each scale"),
        ({"stride": 3}, "expected an object with input_size, strides, anchors, got"),
        ({"input_size": [320000, 320000]}, "a grid has more than 2048 cells a side"),
    ],
)
def test_a_file_that_is_no_detector_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "detector.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(DetectorError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)
