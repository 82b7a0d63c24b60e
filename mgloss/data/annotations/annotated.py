"""One annotated image, and how it is scaled into the input of a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


class AnnotationError(ValueError):
    """Annotations that cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class Annotated:
    """An image and the boxes in it.

    name: path of the image, as the annotations give it.
    file: path of the image on this machine; None if unknown.
    size: (width, height) in pixels.
    boxes: x1, y1, x2, y2 in pixels of the image, and class, `[N, 5]`.
    """

    name: str
    file: Path | None
    size: Size
    boxes: NDArray[np.float64]


def letterbox(image: Annotated, input_shape: Size) -> NDArray[np.float64]:
    """Return the boxes `[N, 5]` in pixels of the input, whose shape is (height, width) in pixels.

    Scale the image to the largest size that fits, keeping its aspect ratio. Centre it: padding is
    equal on opposite sides.
    """
    scale, left, top = placement(image.size, input_shape)
    boxes = image.boxes.copy()
    boxes[:, :4] = boxes[:, :4] * scale + (left, top, left, top)
    return boxes


def placement(size: Size, input_shape: Size) -> tuple[float, float, float]:
    """Return the scale of an image (width, height) in the input, and its left and upper edge.

    The input's shape is (height, width); all lengths are in pixels.
    """
    (width, height), (rows, columns) = size, input_shape
    scale = min(columns / width, rows / height)
    return scale, (columns - width * scale) / 2, (rows - height * scale) / 2


def check_size(width: Any, height: Any) -> Size:
    """Return (width, height) of an image. Raise ValueError unless both are whole pixels."""
    for side in (width, height):
        if isinstance(side, bool) or not isinstance(side, int | float):
            raise ValueError(f"its width and height must be numbers, got {width!r} and {height!r}")
        if not (math.isfinite(side) and 1 <= side <= 1e6 and side == int(side)):
            raise ValueError(f"its width and height must be pixels, got {width!r} and {height!r}")
    return int(width), int(height)


def check_box(x1: float, y1: float, x2: float, y2: float) -> None:
    """Raise ValueError unless the corners, in pixels, are finite and enclose an area."""
    if not all(math.isfinite(corner) for corner in (x1, y1, x2, y2)):
        raise ValueError("its box has a coordinate that is no finite number")
    if x1 >= x2 or y1 >= y2:
        raise ValueError(f"its box has no area: {x1:g},{y1:g} to {x2:g},{y2:g}")
