"""The work of the benchmarks: batches like those of COCO, the same for the same seed.

Objects per image and box sizes are those of COCO val2017 (4,952 images with 36,290 objects;
annotations of COCO 2017, https://cocodataset.org, CC BY 4.0).
"""

from __future__ import annotations

import numpy as np

from mgloss.experiment.scenes import IMAGES_WITH

INPUT = 608  # pixels, square
CLASSES = 80
STRIDES = (32, 16, 8)
ANCHORS = (
    ((116, 90), (156, 198), (373, 326)),
    ((30, 61), (62, 45), (59, 119)),
    ((10, 13), (16, 30), (33, 23)),
)
# Box sizes in pixels of images up to 640 pixels long: every 5th per cent of all boxes.
WIDTHS = (2, 8, 12, 15, 19, 23, 28, 33, 39, 45, 53, 62, 73, 86, 103, 125, 153, 193, 254, 370, 639)
HEIGHTS = (
    2,
    10,
    14,
    19,
    23,
    28,
    33,
    39,
    45,
    53,
    62,
    72,
    85,
    101,
    120,
    142,
    172,
    213,
    274,
    363,
    639,
)

Arrays = list[np.ndarray]


def batch(
    images: int = 16, size: int = INPUT, objects: int | None = None, seed: int = 0
) -> tuple[Arrays, Arrays]:
    """Targets and predictions, one `[B, H, W, 88]` float32 array a scale.

    size: of the square input in pixels. objects: in each image; None to draw it as COCO has it.
    Predictions are random, and every other cell beside an object predicts it nearly.
    """
    random = np.random.default_rng(seed)
    grids = [size // stride for stride in STRIDES]
    targets = [np.zeros((images, g, g, 8 + CLASSES), np.float32) for g in grids]
    for image in range(images):
        for _ in range(_count(random) if objects is None else objects):
            _put(targets, image, size, random)
    predictions = [random.normal(size=t.shape).astype(np.float32) for t in targets]
    for target, prediction in zip(targets, predictions, strict=True):
        beside = np.roll(target, 2, axis=2)
        chosen = (beside[..., 4] > 0.5) & (random.random(beside.shape[:3]) < 0.5)
        prediction[chosen, 2:4] = beside[chosen, 2:4]
    return targets, predictions


def _count(random: np.random.Generator) -> int:
    weights = np.array(IMAGES_WITH) / sum(IMAGES_WITH)
    return int(random.choice(len(weights), p=weights)) + 1


def _put(targets: Arrays, image: int, size: int, random: np.random.Generator) -> None:
    """One object, in the 3 x 3 cells around its centre, on the scale of its best anchor."""
    steps = np.linspace(0, 1, len(WIDTHS))
    width, height = (
        min(np.interp(random.random(), steps, sides) * INPUT / 640, size * 0.95)
        for sides in (WIDTHS, HEIGHTS)
    )
    centre_x = random.uniform(width / 2, size - width / 2)
    centre_y = random.uniform(height / 2, size - height / 2)
    fits = [
        (min(width, w) * min(height, h) / max(width * height, w * h), scale, number)
        for scale, anchors in enumerate(ANCHORS)
        for number, (w, h) in enumerate(anchors)
    ]
    _, scale, number = max(fits)
    target, stride = targets[scale], STRIDES[scale]
    x, y = centre_x / stride, centre_y / stride
    class_ = random.integers(CLASSES)
    for row in range(int(y) - 1, int(y) + 2):
        for column in range(int(x) - 1, int(x) + 2):
            if 0 <= row < target.shape[1] and 0 <= column < target.shape[2]:
                cell = target[image, row, column]
                cell[:] = 0
                anchor = ANCHORS[scale][number]
                cell[:4] = x - column, y - row, *np.log((width, height) / np.array(anchor))
                cell[[4, 5 + number, 8 + class_]] = 1
