"""The input, grids and anchors of a detector, which its targets depend on, from a JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgspec.problem.layout import Problem
from mgspec.saved.files import read_json

LARGEST = 2**20  # bytes of a file
LARGEST_CLASSES = 100_000
LARGEST_GRID = 2048  # cells a side
KEYS = ("input_size", "strides", "anchors")
OPTIONAL_KEYS = ("classes",)


@dataclass(frozen=True)
class Detector:
    """Input, grids and anchors of a detector of several scales.

    input_size: (height, width) in pixels.
    strides: side of a cell in pixels, one for each scale.
    anchors: (width, height) in pixels of the anchors of each scale.
    num_classes: number of classes; None if it is not given.

    Raise ValueError if no detector can have these.
    """

    input_size: tuple[int, int]
    strides: tuple[int, ...]
    anchors: tuple[tuple[tuple[float, float], ...], ...]
    num_classes: int | None = None

    def __post_init__(self) -> None:
        if len(self.input_size) != 2 or min(self.input_size) < 1:
            raise ValueError(f"input_size: expected [height, width], got {list(self.input_size)}")
        if not self.anchors or len(self.anchors) != len(self.strides):
            raise ValueError(
                f"anchors: expected a list for each of {len(self.strides)} strides, "
                f"got {len(self.anchors)}"
            )
        for stride in self.strides:
            if any(side % stride for side in self.input_size):
                raise ValueError(
                    f"strides: {stride} does not divide the input, "
                    f"{self.input_size[0]} x {self.input_size[1]} pixels"
                )
        if max(max(grid) for grid in self.grids) > LARGEST_GRID:
            raise ValueError(f"strides: a grid has more than {LARGEST_GRID} cells a side")
        classes = 1 if self.num_classes is None else self.num_classes
        Problem(self.anchors, classes, self.input_size)  # raises ValueError for wrong anchors

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each scale, in cells."""
        height, width = self.input_size
        return tuple((height // stride, width // stride) for stride in self.strides)


# The anchors of YOLOv3 on COCO (Redmon and Farhadi, YOLOv3, 2018), coarse scale first.
YOLOV3 = Detector(
    (608, 608),
    (32, 16, 8),
    (
        ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
        ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
        ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ),
)


class DetectorError(ValueError):
    """A file that does not describe a detector."""


def load(path: Path) -> Detector:
    """Return the detector that a JSON file describes. Raise DetectorError if it describes none."""
    return read_json(path, from_document, DetectorError, largest=LARGEST)


def from_document(document: object) -> Detector:
    """Make a detector of {"input_size": [height, width], "strides": [...], "anchors": [...]}.

    "classes", their number, may be among the keys.

    Raise ValueError if the document is not of this form.
    """
    if not isinstance(document, dict) or set(document) - set(OPTIONAL_KEYS) != set(KEYS):
        given = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise ValueError(f"expected an object with {', '.join(KEYS)}, got {given}")
    anchors = document["anchors"]
    if not isinstance(anchors, list) or not all(isinstance(scale, list) for scale in anchors):
        raise ValueError("anchors: expected a list of [width, height] for each scale")
    classes = document.get("classes")
    if classes is not None and (type(classes) is not int or not 1 <= classes <= LARGEST_CLASSES):
        raise ValueError(f"classes: expected a number of classes, got {classes!r}")
    return Detector(
        tuple(_numbers(document["input_size"], "input_size", whole=True)),
        tuple(_numbers(document["strides"], "strides", whole=True)),
        tuple(tuple(_anchor(anchor) for anchor in scale) for scale in anchors),
        classes,
    )


def _anchor(values: object) -> tuple[float, float]:
    sides = _numbers(values, "anchors")
    if len(sides) != 2:
        raise ValueError(f"anchors: expected [width, height], got {values!r}")
    return float(sides[0]), float(sides[1])


def _numbers(values: object, name: str, whole: bool = False) -> list[Any]:
    kinds = int if whole else int | float
    if not isinstance(values, list) or not all(
        isinstance(v, kinds) and not isinstance(v, bool) and 0 < v <= 1e6 for v in values
    ):
        kind = "whole numbers" if whole else "numbers"
        raise ValueError(f"{name}: expected a list of positive {kind}, got {values!r}")
    return values
