"""Draw scenes of real handwritten digits, whose boxes are known.

The digits are scikit-learn's copy of the test set of Optdigits (Alpaydin and Kaynak, 1998, UCI
Machine Learning Repository): 1,797 images of 8 x 8 pixels. The number of digits in a scene has the
distribution of the number of objects in an image of COCO val2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgloss.data.detector import Detector
from mgloss.data.targets import encode

SIDE = 64  # pixels of a scene
CLASSES = 10
DETECTOR = Detector((SIDE, SIDE), (4,), (((8.0, 8.0), (16.0, 16.0)),))
MOST_OBJECTS = 20  # of a scene; more would find no room
TRIES = 30  # places to try for an object before leaving it out
NOISE = 0.1  # standard deviation; a digit's ink is 1

# Number of images of COCO val2017 (annotations CC BY 4.0) with 1, 2, 3, ... objects, crowds not
# counted. 4,952 images have an object.
IMAGES_WITH = (
    *(
        593,
        925,
        544,
        422,
        286,
        269,
        216,
        175,
        191,
        136,
        116,
        103,
        109,
        109,
        118,
        79,
        81,
        63,
        65,
        38,
    ),
    *(46, 36, 28, 25, 32, 29, 18, 18, 11, 6, 6, 3, 7, 5, 8, 4, 8, 5, 1, 4),
    *(5, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 0, 1, 0, 0, 0, 0, 0),
    *(0, 1),
)
LARGEST_COUNT = 40  # objects of an image; the 14 images with more are left out


@dataclass(frozen=True)
class Scenes:
    """N scenes.

    images: ink from 0 to 1 plus noise, `[N, 64, 64, 1]`.
    boxes: x1, y1, x2, y2 in pixels, and digit, `[n, 5]` for each image.
    targets: `[N, 16, 16, 17]`.
    """

    images: NDArray[np.float32]
    boxes: list[NDArray[np.float64]]
    targets: NDArray[np.float32]

    @property
    def objects(self) -> NDArray[np.int64]:
        """Number of objects of each image, `[N]`."""
        return np.array([len(boxes) for boxes in self.boxes])


@cache
def _digits() -> tuple[Any, Any]:
    """Return images `[1797, 8, 8]` with ink from 0 to 1, and their digits `[1797]`."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16, digits.target


def draw(seed: int, number: int, density: float = 1.0) -> Scenes:
    """Draw this number of scenes. The same seed gives the same scenes.

    The number of objects of a scene is that of an image of COCO times the density, rounded and
    limited to 1 to 20. Objects do not overlap.
    """
    random = np.random.default_rng([seed, int(1000 * density)])
    share = np.array(IMAGES_WITH[:LARGEST_COUNT]) / sum(IMAGES_WITH[:LARGEST_COUNT])
    counts = 1 + random.choice(len(share), number, p=share)
    counts = np.clip(np.rint(counts * density), 1, MOST_OBJECTS).astype(int)
    images, boxes = zip(*(_scene(random, count) for count in counts), strict=True)
    (targets,) = encode(boxes, DETECTOR.anchors, CLASSES, DETECTOR.input_size, DETECTOR.grids)
    return Scenes(np.stack(images).astype(np.float32)[..., None], list(boxes), targets)


def _scene(random: np.random.Generator, count: int) -> tuple[Any, Any]:
    digits, labels = _digits()
    image = np.zeros((SIDE, SIDE))
    boxes: list[tuple[int, ...]] = []
    for _ in range(count):
        side = int(random.choice((8, 16), p=(0.7, 0.3)))
        for _ in range(TRIES):
            x, y = (int(n) for n in random.integers(0, SIDE - side + 1, 2))
            if not image[y : y + side, x : x + side].any() and not _overlaps(boxes, x, y, side):
                which = random.integers(len(digits))
                ink = np.kron(digits[which], np.ones((side // 8, side // 8)))
                image[y : y + side, x : x + side] = ink
                boxes.append((x, y, x + side, y + side, int(labels[which])))
                break
    image += random.normal(scale=NOISE, size=image.shape)
    return image, np.array(boxes, np.float64).reshape(-1, 5)


def _overlaps(boxes: list[tuple[int, ...]], x: int, y: int, side: int) -> bool:
    return any(x < b[2] and b[0] < x + side and y < b[3] and b[1] < y + side for b in boxes)
