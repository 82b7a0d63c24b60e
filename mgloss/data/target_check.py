"""Check that the targets of an image decode to its boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgloss.data.annotations.annotated import Annotated, letterbox
from mgloss.data.detector import Detector
from mgloss.data.targets import Decoded, decode, encode

Array = NDArray[Any]

# Allowed error of a decoded corner, as a fraction of a box's side plus a cell's side. It is larger
# than the rounding errors of float32 offsets and logarithms.
ROUNDING = 1e-4
NOBODY = -1


@dataclass(frozen=True)
class CheckedImage:
    """An image, its boxes in the input, and the positive cells of its targets.

    boxes: x1, y1, x2, y2 in pixels of the input, and class, `[N, 5]`.
    cells: the positive cells that `decode` returned.
    owner: number of the box that each cell decodes to, or NOBODY, `[cells]`.
    has_cell: whether each box has a cell, `[N]`.
    """

    image: Annotated
    boxes: Array
    cells: Decoded
    owner: Array
    has_cell: Array

    @property
    def is_consistent(self) -> bool:
        """Whether every cell decodes to a box of the image, and every box has a cell."""
        return bool((self.owner != NOBODY).all() and self.has_cell.all())


def check(image: Annotated, detector: Detector) -> CheckedImage:
    """Make the targets of an image, decode them, and compare the result with its boxes."""
    boxes = letterbox(image, detector.input_size)
    classes = int(boxes[:, 4].max(initial=0)) + 1
    targets = encode([boxes], detector.anchors, classes, detector.input_size, detector.grids)
    return compare(image, boxes, targets, detector)


def compare(
    image: Annotated, boxes: Array, targets: Sequence[Array], detector: Detector
) -> CheckedImage:
    """Compare the targets of an image with its boxes.

    boxes: as in CheckedImage, `[N, 5]`. targets: `[1, H, W, 5 + A + C]` for each scale.
    """
    cells = decode(targets, detector.anchors, detector.input_size)
    sides = (boxes[:, 2:4] - boxes[:, :2]).max(-1, initial=0)
    stride = np.array(detector.strides)[cells.scale]
    near = np.abs(cells.boxes[:, None] - boxes[:, :4]).max(-1)
    fits = near <= ROUNDING * (sides + stride[:, None])
    fits &= cells.classes[:, boxes[:, 4].astype(np.int64)] > 0.5
    owner = np.where(fits.any(1), fits.argmax(1) if len(boxes) else NOBODY, NOBODY)
    return CheckedImage(image, boxes, cells, owner, fits.any(0))
