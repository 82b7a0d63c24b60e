"""Count the objects and positive cells of images, with the assignment that training uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from mgloss.data.annotations.annotated import Annotated, letterbox
from mgloss.data.detector import Detector
from mgloss.data.targets import assign

IMAGES_AT_ONCE = 64  # that `assign` gets in one call
CLASS = 4  # column of a box that holds its class; the class changes no count


@dataclass
class Distribution:
    """How often each whole number occurred. Memory grows with the distinct numbers only."""

    frequencies: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Sum of all numbers."""
        return sum(number * frequency for number, frequency in self.frequencies.items())

    @property
    def mean(self) -> float:
        """Mean of all numbers; 0 without numbers."""
        return self.total / max(1, self.frequencies.total())

    @property
    def median(self) -> float:
        """Middle number; the mean of the two middle ones for an even count; 0 without numbers."""
        if not self.frequencies:
            return 0.0
        last = self.frequencies.total() - 1
        return (self._number_at(last // 2) + self._number_at(last - last // 2)) / 2

    @property
    def largest(self) -> int:
        """Largest number; 0 without numbers."""
        return max(self.frequencies, default=0)

    def sorted(self) -> list[tuple[int, int]]:
        """Return (number, frequency) of every number, in ascending order."""
        return sorted(self.frequencies.items())

    def _number_at(self, place: int) -> int:
        """Return the number at this place in ascending order."""
        for number, frequency in self.sorted():
            place -= frequency
            if place < 0:
                return number
        raise IndexError(place)


@dataclass
class ObjectCounts:
    """Counts over the images of a data set.

    scales: number of scales of the detector.
    objects, cells: distribution of objects and of positive cells of an image.
    cells_by_scale: distribution of the positive cells of an image, for each scale.
    objects_by_anchor: number of objects by (scale, anchor).
    boxes: number of boxes. It exceeds the number of objects if several boxes have the same
        corners, which makes them one object, or if boxes lie too far outside of the image.
    unplaced: number of objects without a cell.
    """

    scales: int
    objects: Distribution = field(default_factory=Distribution)
    cells: Distribution = field(default_factory=Distribution)
    cells_by_scale: tuple[Distribution, ...] = ()
    objects_by_anchor: Counter[tuple[int, int]] = field(default_factory=Counter)
    boxes: int = 0
    unplaced: int = 0

    def __post_init__(self) -> None:
        self.cells_by_scale = self.cells_by_scale or tuple(
            Distribution() for _ in range(self.scales)
        )

    @property
    def images(self) -> int:
        """Number of images."""
        return self.objects.frequencies.total()

    def expected(self, batch_size: int = 1) -> float:
        """Return the mean number of positive cells of a batch.

        That of one image is E of the normalizations `fixed` and `expected`.
        """
        return self.cells.mean * batch_size


def count(images: Iterable[Annotated], detector: Detector) -> ObjectCounts:
    """Count the objects of images and their positive cells in the targets of a detector."""
    counts = ObjectCounts(len(detector.anchors))
    for batch in _batches(images):
        boxes = [letterbox(image, detector.input_size) for image in batch]
        for each in boxes:
            each[:, CLASS] = 0
        assigned = assign(boxes, detector.anchors, 1, detector.input_size, detector.grids)
        owner = assigned.object
        counts.boxes += sum(map(len, boxes))
        counts.objects.frequencies.update(_per_image(assigned.image, len(batch)))
        counts.cells.frequencies.update(_per_image(assigned.image[owner], len(batch)))
        for scale, cells in enumerate(counts.cells_by_scale):
            here = owner[assigned.scale[owner] == scale]
            cells.frequencies.update(_per_image(assigned.image[here], len(batch)))
        pairs = zip(assigned.scale.tolist(), assigned.anchor.tolist(), strict=True)
        counts.objects_by_anchor.update(pairs)
        counts.unplaced += len(assigned.image) - len(np.unique(owner))
    return counts


def _per_image(image: np.ndarray, images: int) -> list[int]:
    return np.bincount(image, minlength=images).tolist()  # type: ignore[no-any-return]


def _batches(images: Iterable[Annotated]) -> Iterator[list[Annotated]]:
    rest = iter(images)
    while batch := list(islice(rest, IMAGES_AT_ONCE)):
        yield batch
