"""Read the detector to whose batches a loss is restricted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgloss.data.detector import Detector, load
from mgspec.problem.detector import FixedDetector


def read_detector(path: Path | str | None) -> FixedDetector | None:
    """Return the detector of a JSON file, as `mgloss stats` reads it; None for None.

    Raise ValueError, naming the file, if it describes none.
    """
    return None if path is None else _fixed(load(Path(path)))


def _fixed(detector: Detector) -> FixedDetector:
    return FixedDetector(
        detector.anchors, detector.grids, detector.input_size, detector.num_classes
    )


def from_document(document: Mapping[str, Any] | None) -> FixedDetector | None:
    """Return the detector of what `dataclasses.asdict` and JSON made of it; None for None."""
    if document is None:
        return None
    anchors = tuple(tuple((w, h) for w, h in scale) for scale in document["anchors"])
    grids = tuple((rows, columns) for rows, columns in document["grids"])
    height, width = document["input_shape"]
    return FixedDetector(anchors, grids, (height, width), document["num_classes"])
