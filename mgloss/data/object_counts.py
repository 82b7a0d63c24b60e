"""How many objects and positive cells the images of a data set have, through the real encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from mgloss.data.annotations.annotated import Annotated, letterbox
from mgloss.data.detector import Detector
from mgloss.data.targets import assign

TOGETHER = 64  # images that are assigned at once
CHANNEL = 4  # of a box, where its class is; which one it is counts for nothing here


@dataclass
class Distribution:
    """How often each whole number came; grows with the largest of them, not with how many."""

    times: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """The sum."""
        return sum(number * times for number, times in self.times.items())

    @property
    def mean(self) -> float:
        """0 of none."""
        return self.total / max(1, self.times.total())

    @property
    def median(self) -> float:
        """Of an even number of them, the middle of the two in the middle; 0 of none."""
        if not self.times:
            return 0.0
        last = self.times.total() - 1
        return (self._at(last // 2) + self._at(last - last // 2)) / 2

    @property
    def largest(self) -> int:
        """0 of none."""
        return max(self.times, default=0)

    def _at(self, place: int) -> int:
        """The number at this place when they stand in order."""
        for number in sorted(self.times):
            place -= self.times[number]
            if place < 0:
                return number
        raise IndexError(place)


@dataclass
class ObjectCounts:
    """What was counted, image by image.

    objects, cells: of an image. of_scale: cells of an image on each scale.
    anchors: objects by (scale, anchor). boxes: how many there were; more than the objects, where
    several are one (same corners) or lie too far outside. unplaced: objects without a cell.
    """

    scales: int
    objects: Distribution = field(default_factory=Distribution)
    cells: Distribution = field(default_factory=Distribution)
    of_scale: tuple[Distribution, ...] = ()
    anchors: Counter[tuple[int, int]] = field(default_factory=Counter)
    boxes: int = 0
    unplaced: int = 0

    def __post_init__(self) -> None:
        self.of_scale = self.of_scale or tuple(Distribution() for _ in range(self.scales))

    @property
    def images(self) -> int:
        """How many there were."""
        return self.objects.times.total()

    def expected(self, batch_size: int = 1) -> float:
        """Mean positive cells of so many images: E of `fixed` and `expected` is that of one."""
        return self.cells.mean * batch_size


def count(images: Iterable[Annotated], detector: Detector) -> ObjectCounts:
    """Count the objects of images and the positive cells that they have in a detector's targets."""
    found = ObjectCounts(len(detector.anchors))
    for some in _batches(images):
        boxes = [letterbox(image, detector.input_size) for image in some]
        for each in boxes:
            each[:, CHANNEL] = 0
        assigned = assign(boxes, detector.anchors, 1, detector.input_size, detector.grids)
        one = assigned.object
        found.boxes += sum(map(len, boxes))
        found.objects.times.update(_per_image(assigned.image, len(some)))
        found.cells.times.update(_per_image(assigned.image[one], len(some)))
        for scale, cells in enumerate(found.of_scale):
            here = one[assigned.scale[one] == scale]
            cells.times.update(_per_image(assigned.image[here], len(some)))
        pairs = zip(assigned.scale.tolist(), assigned.anchor.tolist(), strict=True)
        found.anchors.update(pairs)
        found.unplaced += len(assigned.image) - len(np.unique(one))
    return found


def _per_image(image: np.ndarray, images: int) -> list[int]:
    return np.bincount(image, minlength=images).tolist()  # type: ignore[no-any-return]


def _batches(images: Iterable[Annotated]) -> Iterator[list[Annotated]]:
    rest = iter(images)
    while some := list(islice(rest, TOGETHER)):
        yield some
