"""Problems and batches in the project's own layout.

The layout of a detector's arrays: one target and one prediction a scale, each
`[B, H, W, 5 + A + C]`, with the channels

    0:2   object centre x, y in cells, from this cell's top-left corner
    2:4   ln(width / anchor width), ln(height / anchor height)
    4     objectness: a cell is positive where the target is above 0.5
    5:5+A anchor, one-hot
    5+A:  class, one-hot or multi-hot

Predictions hold raw numbers in the same channels: x and y before the decoding phi, sizes as they
are, logits elsewhere. Every method returns new arrays and leaves its arguments as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mgspec.problem.description import Described, Images
from mgspec.problem.options import Options

Array = NDArray[np.float32]

XY = slice(0, 2)
WH = slice(2, 4)
OBJECTNESS = 4
FIRST_ANCHOR = 5

LARGEST_SIDE = 1e6  # pixels, of an anchor or an image


@dataclass(frozen=True)
class Problem:
    """The anchors, classes and input of a detector, and the options of its loss.

    anchors: for each scale the (width, height) of its anchors in pixels.
    num_classes: number of classes C.
    input_shape: (height, width) of an input image in pixels.

    Raise ValueError if a field is not allowed, or the options do not fit the classes.
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...]
    num_classes: int
    input_shape: tuple[int, int]
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        if not self.anchors:
            raise ValueError("anchors: a problem has at least one scale, got none")
        for scale, anchors in enumerate(self.anchors):
            if not anchors:
                raise ValueError(f"anchors of scale {scale}: expected at least one (width, height)")
            for anchor in anchors:
                if len(anchor) != 2 or not all(0 < side <= LARGEST_SIDE for side in anchor):
                    raise ValueError(
                        f"anchors of scale {scale}: expected positive (width, height) in pixels, "
                        f"got {anchor!r}"
                    )
                if max(anchor) <= 1:
                    raise ValueError(
                        f"anchors of scale {scale}: expected pixels, got {anchor!r}, which looks "
                        "like fractions of the image; multiply by its width and height"
                    )
        if self.num_classes < 1:
            raise ValueError(f"num_classes: expected 1 or more, got {self.num_classes}")
        if len(self.input_shape) != 2 or not all(1 <= n <= LARGEST_SIDE for n in self.input_shape):
            raise ValueError(
                f"input_shape: expected (height, width) in pixels, got {self.input_shape!r}"
            )
        weights = self.options.class_weights
        if weights is not None and len(weights) != self.num_classes:
            raise ValueError(
                f"class_weights: expected one for each of {self.num_classes} class(es), "
                f"got {len(weights)}"
            )
        if self.options.classification == "softmax_focal" and self.num_classes == 1:
            raise ValueError(
                "classification: 'softmax_focal' of a single class is always 0; "
                "use 'bce' or 'focal', or 2 classes or more"
            )

    def stride(self, grid: tuple[int, int]) -> tuple[float, float]:
        """Return the width and height in pixels of a cell of an (H, W) grid."""
        return self.input_shape[1] / grid[1], self.input_shape[0] / grid[0]

    @property
    def classes(self) -> int:
        """Deprecated name of `num_classes`."""
        _warn_of_old_name("classes", "num_classes")
        return self.num_classes

    @property
    def input_size(self) -> tuple[int, int]:
        """Deprecated name of `input_shape`."""
        _warn_of_old_name("input_size", "input_shape")
        return self.input_shape

    @property
    def scales(self) -> int:
        """Number of scales."""
        return len(self.anchors)

    def channels(self, scale: int) -> int:
        """Return the length of the last axis of this scale's arrays, 5 + A + C."""
        return FIRST_ANCHOR + len(self.anchors[scale]) + self.num_classes

    def anchor_channels(self, scale: int) -> slice:
        """Return the channels of this scale's anchors."""
        return slice(FIRST_ANCHOR, FIRST_ANCHOR + len(self.anchors[scale]))

    def class_channels(self, scale: int) -> slice:
        """Return the channels of this scale's classes."""
        return slice(FIRST_ANCHOR + len(self.anchors[scale]), self.channels(scale))


def _warn_of_old_name(old: str, new: str) -> None:
    """Warn the code that reads the field of a problem by its old name."""
    warnings.warn(f"problem.{old} is now problem.{new}", DeprecationWarning, stacklevel=3)


@dataclass(frozen=True)
class Batch:
    """B images: targets and predictions, one `[B, H, W, 5 + A + C]` array for each scale."""

    targets: tuple[Array, ...]
    predictions: tuple[Array, ...]

    @property
    def images(self) -> int:
        """Number of images, B."""
        return int(self.targets[0].shape[0])

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns (H, W) of each scale."""
        return tuple((int(t.shape[1]), int(t.shape[2])) for t in self.targets)

    @property
    def cells(self) -> int:
        """Number of cells of all images and scales together."""
        return self.images * sum(height * width for height, width in self.grids)

    @property
    def numbers(self) -> int:
        """Number of numbers in all arrays together."""
        return sum(array.size for array in (*self.targets, *self.predictions))

    def masks(self) -> tuple[NDArray[np.bool_], ...]:
        """Return where cells are positive: one `[B, H, W]` array for each scale."""
        return tuple(target[..., OBJECTNESS] > 0.5 for target in self.targets)

    @property
    def positives(self) -> int:
        """Number of positive cells of all images and scales together."""
        return sum(int(mask.sum()) for mask in self.masks())

    def with_predictions(self, predictions: Sequence[Array]) -> Batch:
        """Return the same images with other predictions: one array for each scale."""
        return Batch(self.targets, tuple(predictions))

    def take(self, images: Sequence[int]) -> Batch:
        """Return the images with these numbers, in this order; a number may occur repeatedly."""
        index = np.asarray(images, dtype=np.intp)
        return Batch(
            tuple(array[index] for array in self.targets),
            tuple(array[index] for array in self.predictions),
        )

    def followed_by(self, others: Iterable[Batch]) -> Batch:
        """Return these images followed by those of the other batches."""
        parts = (self, *others)
        return Batch(
            tuple(map(np.concatenate, zip(*(b.targets for b in parts), strict=True))),
            tuple(map(np.concatenate, zip(*(b.predictions for b in parts), strict=True))),
        )


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of a batch."""

    image: int
    scale: int
    row: int
    column: int


AnyProblem = Problem | Described
AnyBatch = Batch | Images


def validate(problem: Problem, batch: Batch) -> None:
    """Raise ValueError if a batch does not fit its problem, or a number is not finite."""
    for role, arrays in (("targets", batch.targets), ("predictions", batch.predictions)):
        if len(arrays) != problem.scales:
            raise ValueError(
                f"{role}: the problem has {problem.scales} scale(s), got {len(arrays)} array(s)"
            )
        for scale, array in enumerate(arrays):
            expected = (batch.images, *batch.grids[scale], problem.channels(scale))
            if array.shape != expected or 0 in array.shape:
                raise ValueError(
                    f"{role} of scale {scale}: expected [B, H, W, 5 + A + C] = "
                    f"{list(expected)}, none of them 0, got {list(array.shape)}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{role} of scale {scale}: every number must be finite")


def check_same_shapes(x: AnyBatch, y: AnyBatch) -> None:
    """Raise ValueError if two batches differ in size: of described images, in their number."""
    if isinstance(x, Images) and isinstance(y, Images):
        if x.images != y.images:
            raise ValueError(f"X and Y: expected as many images, got {x.images} and {y.images}")
        return
    for a, b in zip(x.predictions, y.predictions, strict=True):
        if a.shape != b.shape:
            raise ValueError(f"X and Y: expected one shape, got {a.shape} and {b.shape}")
