"""Choose how much of the space of problems and batches to search.

Two varieties are searched in turn. In the plain one every number is drawn on its own, so that it
shrinks to what a person would have written: one scale unless it takes two, one or two images, few
objects, whole numbers. The full one reaches everything else: four images, crowds, noisy
backgrounds. There an image is one drawn integer, from which all its numbers are computed
(mgspec.drawing.scenery); 0 gives the simplest image. So a plain batch shows that a law is broken if
one can, and a full example costs few draws.

A few cases of each law are large. They show faults that need many images or many objects, such as a
count kept in 8 bits. One kind has up to 32 images, of which at most four differ: the others repeat
the last. The other kind has up to 1,600 cells and hundreds of objects in an image. Neither has more
draws than a full case, so that drawing and shrinking stay cheap.

All numbers are exact in float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.description import Description
from mgspec.problem.detector import FixedDetector
from mgspec.problem.options import Options


@dataclass(frozen=True)
class Variety:
    """The limits of problems and batches to draw.

    plain: draw numbers one by one, and neither crowds nor noise.
    scales, images: the largest numbers of scales and of images in a batch.
    objects: the largest number of objects in an image; crowds may hold more.
    claims: the normalization of every term.
    options: the options of every problem; None to draw them too.
    description: describes every image; None for the project's own layout.
    few_shapes: draw arrays of few different shapes, because each new shape takes the loss long.
    longest: the longest side of a grid, in cells.
    one_shape: draw arrays of one shape for the modes, because each new shape takes them long.
    detector: draw the grids, anchors and classes of this detector only; None for those of many.
    """

    plain: bool
    scales: int
    images: int
    objects: int
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS
    description: Description | None = None
    few_shapes: bool = False
    longest: int = 5
    one_shape: bool = False
    detector: FixedDetector | None = None

    @property
    def is_large(self) -> bool:
        """Whether its batches may be larger than people would write them."""
        return self.images > MOST_DIFFERENT or self.longest > PLAIN.longest

    def images_of_each(self, batches: int) -> int:
        """Return the most images of each of several batches that a law puts together."""
        return self.images // batches if self.images > MOST_DIFFERENT else self.images


MOST_DIFFERENT = 4  # images of a batch

PLAIN = Variety(plain=True, scales=2, images=2, objects=2)
FULL = Variety(plain=False, scales=2, images=4, objects=3)
MANY_IMAGES = Variety(plain=False, scales=1, images=32, objects=3)
MANY_OBJECTS = Variety(plain=False, scales=1, images=2, objects=300, longest=300)
OBJECTS_OF_MANY = 256  # of a batch of described images, in which an image cannot hold more
MOST_IMAGES = 128


def large_varieties(
    description: Description | None, few_shapes: bool = False
) -> dict[str, Variety]:
    """Return the large varieties by name.

    description: of the images; None for the project's own layout. A description says how many
        objects an image may hold, so that many objects take many images.
    few_shapes: as of `Variety`. A loss that is compiled for each number of described images gets
        no more than 32.
    """
    if description is None:
        return {"many images": MANY_IMAGES, "many objects": MANY_OBJECTS}
    images = min(MOST_IMAGES, math.ceil(OBJECTS_OF_MANY / description.most_objects))
    if few_shapes or images <= MANY_IMAGES.images:
        return {"many images": MANY_IMAGES}
    return {"many images": MANY_IMAGES, "many objects": replace(MANY_IMAGES, images=images)}
