"""Choose how much of the space of problems and batches to search.

Two varieties are searched in turn. In the plain one every number is drawn on its own, so that it
shrinks to what a person would have written: one scale unless it takes two, one or two images, few
objects, whole numbers. The full one reaches everything else: four images, crowds, noisy
backgrounds. There an image is one drawn integer, from which all its numbers are computed
(mgspec.drawing.scenery); 0 gives the simplest image. So a plain batch shows that a law is broken if
one can, and a full example costs few draws.

All numbers are exact in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.description import Description
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
    """

    plain: bool
    scales: int
    images: int
    objects: int
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS
    description: Description | None = None
    few_shapes: bool = False


PLAIN = Variety(plain=True, scales=2, images=2, objects=2)
FULL = Variety(plain=False, scales=2, images=4, objects=3)
