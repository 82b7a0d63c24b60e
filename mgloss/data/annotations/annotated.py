"""An image's annotations, and what they become in the input of a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


class AnnotationError(ValueError):
    """Annotations that cannot be read; the message tells the file, and which line it is."""


@dataclass(frozen=True)
class Annotated:
    """An image and the boxes in it.

    name: the image's path, as the annotations give it. file: where it was found; None where not.
    size: (width, height) in pixels. boxes: x1, y1, x2, y2 in its pixels, and class, `[N, 5]`.
    """

    name: str
    file: Path | None
    size: Size
    boxes: NDArray[np.float64]


def letterbox(image: Annotated, input_shape: Size) -> NDArray[np.float64]:
    """The boxes in pixels of the input, (height, width): the image as large as fits, in the middle.

    Its sides keep their ratio; what is left over is padding, as much on one side as on the other.
    """
    scale, left, top = placement(image.size, input_shape)
    boxes = image.boxes.copy()
    boxes[:, :4] = boxes[:, :4] * scale + (left, top, left, top)
    return boxes


def placement(size: Size, input_shape: Size) -> tuple[float, float, float]:
    """How an image (width, height) lies in the input: its scale, and its left and upper end."""
    (width, height), (rows, columns) = size, input_shape
    scale = min(columns / width, rows / height)
    return scale, (columns - width * scale) / 2, (rows - height * scale) / 2


def checked_size(width: Any, height: Any) -> Size:
    """(width, height) of an image. Raises ValueError unless they are whole numbers of pixels."""
    for side in (width, height):
        if isinstance(side, bool) or not isinstance(side, int | float):
            raise ValueError(f"its width and height must be numbers, got {width!r} and {height!r}")
        if not (math.isfinite(side) and 1 <= side <= 1e6 and side == int(side)):
            raise ValueError(f"its width and height must be pixels, got {width!r} and {height!r}")
    return int(width), int(height)


def checked_box(x1: float, y1: float, x2: float, y2: float) -> None:
    """Raises ValueError unless the corners, in pixels, are those of a box with an area."""
    if not all(math.isfinite(corner) for corner in (x1, y1, x2, y2)):
        raise ValueError("its box has a coordinate that is no finite number")
    if x1 >= x2 or y1 >= y2:
        raise ValueError(f"its box has no area: {x1:g},{y1:g} to {x2:g},{y2:g}")
