"""Golden values: derived in 50-digit arithmetic, from the formulas on paper, by nobody's code.

    python tests/golden/derive.py            write the fixtures anew and show what changed
    python tests/golden/derive.py --check    only show; status 1 if anything would change

One file a normalization, with plain terms and nothing ignored, and one file for each choice of
options, with the values under every normalization. Neither `mgspec` nor `mgloss` is imported: the
loss is written here a second time, cell by cell in mpmath, and each gradient is a central
difference of the cell's term in 200 digits, not a formula.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import mpmath as mp

HERE = Path(__file__).parent
DIGITS = 50
SHORT = 25  # the digits of a gradient in the files of options
EXPECTED = "9"  # E in positive cells an image
NAMES = ("positives", "batch", "fixed", "hybrid", "grid", "expected", "per_image", "sum")
WITH_GRADIENTS = ("batch", "positives")  # in the files of options
COMPONENTS = ("location", "anchor", "classification", "objectness")
FACTORS = {"location": "coord_scale", "anchor": "anchor_scale", "classification": "class_scale"}

PLAIN = {"ignore_thresh": 1}  # nothing is ignored: no IoU is above it
WEIGHTED = {"class_weights": [1.5, 0.5, 2], "label_smoothing": 0.125}
SCALED = {"coord_scale": 2, "anchor_scale": 0.5, "class_scale": 1.5}
ACTIVE = {"object_scale": 3, "no_object_scale": 0.25}
SOFTMAX = {"classification": "softmax_focal"}
SEPARATE = {"background": "objectness"}
AWARE = {"iou_aware_ratio": 0.75, "iou_aware_power": 2, "ignored_weight": 0.25}
CHOICES: dict[str, dict[str, Any]] = {
    "location_giou": {"location": "giou"},
    "location_diou": {"location": "diou"},
    "location_ciou": {"location": "ciou"},
    "classification_focal": {"classification": "focal", "focal_alpha": 0.75, "focal_gamma": 1.5},
    "classification_softmax_focal": SOFTMAX,
    "classification_weights_and_smoothing": WEIGHTED,
    "classification_softmax_smoothing": SOFTMAX | WEIGHTED,
    "background_ignored": {"object_scale": 2, "no_object_scale": 0.5},
    "background_objectness": SEPARATE | {"ignore_thresh": 0.25},
    "background_iou_aware": SEPARATE | AWARE,
    "scales": SCALED | ACTIVE,
    "scales_objectness": SEPARATE | SCALED | ACTIVE,
}

Grid = list[Any]  # [B][H][W][channel], numbers as decimal strings
Row = list[mp.mpf]  # the channels of a cell
Box = tuple[mp.mpf, ...]  # the centre's x and y, width and height, in pixels
Term = Callable[[Row], mp.mpf]
Part = tuple[Sequence[int], Term]  # the channels that a term looks at, and the term


@dataclass(frozen=True)
class Example:
    """A batch: anchors and classes, and a target and a prediction `[B][H][W][channel]` a scale."""

    anchors: list[list[list[str]]]
    classes: int
    input_size: list[int]
    targets: list[Grid]
    predictions: list[Grid]


@dataclass(frozen=True)
class Options:
    """What may be chosen. Every number is a binary fraction, so that nothing is rounded."""

    location: Any = "mse"
    background: Any = "anchor"
    classification: Any = "bce"
    focal_alpha: Any = 0.25
    focal_gamma: Any = 2
    class_weights: Any = None
    label_smoothing: Any = 0
    coord_scale: Any = 1
    anchor_scale: Any = 1
    class_scale: Any = 1
    object_scale: Any = 1
    no_object_scale: Any = 1
    ignore_thresh: Any = 0.5
    ignored_weight: Any = 0
    iou_aware_ratio: Any = 0
    iou_aware_power: Any = 1

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> Options:
        """The defaults but for what is chosen, each number in as many digits as all others."""
        every = {field.name: field.default for field in fields(cls)} | chosen
        if every["class_weights"]:
            every["class_weights"] = [mp.mpf(weight) for weight in every["class_weights"]]
        return cls(**{k: mp.mpf(v) if isinstance(v, int | float) else v for k, v in every.items()})


@dataclass(frozen=True)
class Cell:
    """A cell's target and prediction, and where it is: column and row, and its size in pixels."""

    target: Row
    prediction: Row
    anchors: list[list[mp.mpf]]
    place: list[int]
    stride: list[mp.mpf]

    @property
    def positive(self) -> bool:
        return bool(self.target[4] > 0.5)

    @property
    def named(self) -> int:
        """The anchor that the target names: the first of the largest."""
        channels = self.target[5 : 5 + len(self.anchors)]
        return channels.index(max(channels))

    def box(self, row: Row, bend: Callable[[mp.mpf], mp.mpf], anchor: int) -> Box:
        centre = [(self.place[k] + bend(row[k])) * self.stride[k] for k in (0, 1)]
        exponents = [max(mp.mpf(-16), min(mp.mpf(16), p)) for p in row[2:4]]
        return (*centre, *(self.anchors[anchor][k] * mp.exp(exponents[k]) for k in (0, 1)))

    def predicted(self, row: Row, anchor: int) -> Box:
        return self.box(row, phi, anchor)

    def object(self) -> Box:
        return self.box(self.target, lambda z: z, self.named)


def cells(example: Example, scale: int) -> list[list[Cell]]:
    """The cells of each image, row by row."""
    anchors = [numeric(anchor) for anchor in example.anchors[scale]]
    images = []
    for pair in zip(example.targets[scale], example.predictions[scale], strict=True):
        shape = len(pair[0][0]), len(pair[0])  # width and height, in cells
        stride = [mp.mpf(example.input_size[1 - k]) / shape[k] for k in (0, 1)]
        places = [[j, i] for i in range(shape[1]) for j in range(shape[0])]
        images.append(
            [
                Cell(*(numeric(grid[i][j]) for grid in pair), anchors, [j, i], stride)
                for j, i in places
            ]
        )
    return images


def numeric(strings: list[str]) -> Row:
    return [mp.mpf(string) for string in strings]


# ---- the loss, on paper ------------------------------------------------------------------------


def bce(target: mp.mpf, logit: mp.mpf) -> mp.mpf:
    """-t ln s(z) - (1 - t) ln(1 - s(z)), s(z) = 1 / (1 + e^-z)."""
    return target * mp.log1p(mp.exp(-logit)) + (1 - target) * mp.log1p(mp.exp(logit))


def logistic(z: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-z))


def phi(z: mp.mpf) -> mp.mpf:
    a = mp.mpf(15) / 100 * z
    return mp.tanh(a) + logistic(a)


def sides(box: Box) -> list[tuple[mp.mpf, mp.mpf]]:
    """Left and right, top and bottom."""
    return [(box[k] - box[2 + k] / 2, box[k] + box[2 + k] / 2) for k in (0, 1)]


def overlap(kind: str, one: Box, other: Box) -> mp.mpf:
    """The IoU of two boxes, or what is made of it: giou, diou, ciou."""
    common, around = mp.mpf(1), []
    for (low, high), (other_low, other_high) in zip(sides(one), sides(other), strict=True):
        common *= max(mp.mpf(0), min(high, other_high) - max(low, other_low))
        around.append(max(high, other_high) - min(low, other_low))
    union = one[2] * one[3] + other[2] * other[3] - common
    iou = common / union
    if kind == "iou":
        return iou
    if kind == "giou":
        hull = around[0] * around[1]
        return iou - (hull - union) / hull
    distance = (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
    diou = iou - distance / (around[0] ** 2 + around[1] ** 2)
    if kind == "diou":
        return diou
    v = 4 / mp.pi**2 * (mp.atan(one[2] / one[3]) - mp.atan(other[2] / other[3])) ** 2
    return diou - (v**2 / (1 - iou + v) if v else 0)


def assert_smooth(cell: Cell) -> None:
    """No two sides of the predicted box and the object's meet; no exponent is at its limit."""
    predicted, wanted = sides(cell.predicted(cell.prediction, cell.named)), sides(cell.object())
    for one, other in zip(predicted, wanted, strict=True):
        assert all(abs(a - b) > 1e-6 for a in one for b in other)
    assert all(abs(abs(p) - 16) > 1e-6 for p in cell.prediction[2:4])


def ignored(cell: Cell, objects: list[Box], threshold: mp.mpf) -> bool:
    """Whether it is a background cell that predicts, with any anchor, one of the objects."""
    boxes = [cell.predicted(cell.prediction, anchor) for anchor in range(len(cell.anchors))]
    ious = [overlap("iou", box, wanted) for box in boxes for wanted in objects]
    assert all(abs(iou - threshold) >= 1e-3 for iou in ious)
    return not cell.positive and any(iou > threshold for iou in ious)


def silent(image: list[Cell], threshold: mp.mpf) -> list[bool]:
    """Which cells of an image are ignored."""
    objects = [cell.object() for cell in image if cell.positive]
    return [ignored(cell, objects, threshold) for cell in image]


def activity(image: list[Cell], options: Options) -> list[mp.mpf]:
    """w of every cell of an image."""
    found = []
    for cell, out in zip(image, silent(image, options.ignore_thresh), strict=True):
        background = options.no_object_scale * (options.ignored_weight if out else 1)
        found.append(options.object_scale if cell.positive else background)
    return found


def entropy(channel: int, target: mp.mpf, weight: mp.mpf) -> Part:
    return [channel], lambda row: weight * bce(target, row[channel])


def location(cell: Cell, options: Options) -> Iterator[Part]:
    kind, target, wanted = options.location, cell.target, cell.object()
    if kind == "mse":
        yield from (([k], lambda row, k=k: (target[k] - phi(row[k])) ** 2) for k in (0, 1))
        yield from (([k], lambda row, k=k: (target[k] - row[k]) ** 2) for k in (2, 3))
    else:
        assert_smooth(cell)
        yield range(4), lambda row: 1 - overlap(kind, cell.predicted(row, cell.named), wanted)


def objectness(cell: Cell, weight: mp.mpf, options: Options) -> Part:
    if not cell.positive:
        return entropy(4, mp.mpf(0), weight)
    iou = overlap("iou", cell.predicted(cell.prediction, cell.named), cell.object())
    ratio = options.iou_aware_ratio
    return entropy(4, 1 - ratio + ratio * iou**options.iou_aware_power, weight)


def classification(cell: Cell, options: Options) -> Iterator[Part]:
    classes = range(5 + len(cell.anchors), len(cell.target))
    s, softmax = options.label_smoothing, options.classification == "softmax_focal"
    for c, u in zip(classes, options.class_weights or [mp.mpf(1)] * len(classes), strict=True):
        t = cell.target[c] * (1 - s) + s / (len(classes) if softmax else 2)
        if softmax:
            yield classes, softmax_focal(c, classes, t, u, options)
        elif options.classification == "focal":
            yield [c], focal(c, t, u, options)
        else:
            yield entropy(c, t, u)


def focal(c: int, t: mp.mpf, u: mp.mpf, options: Options) -> Term:
    alpha, gamma = options.focal_alpha, options.focal_gamma
    factor = u * (alpha * t + (1 - alpha) * (1 - t))

    def term(p: Row) -> mp.mpf:
        miss = t * logistic(-p[c]) + (1 - t) * logistic(p[c])  # 1 - s(z) = s(-z)
        return factor * miss**gamma * bce(t, p[c])

    return term


def softmax_focal(c: int, classes: Sequence[int], t: mp.mpf, u: mp.mpf, options: Options) -> Term:
    """q = 1 / (1 + rest), where rest is the sum of e^(p_k - p_c) over the other classes k."""
    factor, gamma = options.focal_alpha * u * t, options.focal_gamma

    def term(p: Row) -> mp.mpf:
        rest = mp.fsum(mp.exp(p[k] - p[c]) for k in classes if k != c)
        return factor * (rest / (1 + rest)) ** gamma * mp.log1p(rest)

    return term


def parts(component: str, cell: Cell, weight: mp.mpf, options: Options) -> list[Part]:
    """What a cell adds to a component, as functions of its prediction."""
    alone = options.background == "anchor"  # then the anchors have to teach the background
    if component == "anchor" and (alone or cell.positive):
        m, w = mp.mpf(cell.positive), weight if alone else mp.mpf(1)
        return [entropy(5 + k, m * cell.target[5 + k], w) for k in range(len(cell.anchors))]
    if component == "objectness" and not alone:
        return [objectness(cell, weight, options)]
    if component == "location" and cell.positive:
        return list(location(cell, options))
    if component == "classification" and cell.positive:
        return list(classification(cell, options))
    return []


@dataclass(frozen=True)
class Raw:
    """A component of a scale before any normalization: sum, count and slopes of each image."""

    sums: list[mp.mpf]
    counts: list[mp.mpf]
    slopes: list[Grid]  # a cell after the other; None where the component does not look
    positives: list[int]
    width: int
    factor: mp.mpf

    def multipliers(self, name: str) -> list[mp.mpf]:
        by_image = weights(name, self.counts, self.positives, len(self.slopes[0]))
        return [self.factor * weight for weight in by_image]


def raw(component: str, images: list[list[Cell]], options: Options) -> Raw:
    active = [activity(image, options) for image in images]
    positives = [sum(cell.positive for cell in image) for image in images]
    weighted = component == "objectness" or (component, options.background) == ("anchor", "anchor")
    sums, slopes = [], []
    for image, ws in zip(images, active, strict=True):
        terms = [parts(component, *each, options) for each in zip(image, ws, strict=True)]
        found = [evaluate(*each) for each in zip(terms, image, strict=True)]
        sums.append(mp.fsum(value for value, _ in found))
        slopes.append([by_channel for _, by_channel in found])
    counts = [mp.fsum(ws) for ws in active] if weighted else positives
    factor = getattr(options, FACTORS[component]) if component in FACTORS else mp.mpf(1)
    return Raw(sums, counts, slopes, positives, 1 + images[0][-1].place[0], factor)


def evaluate(terms: list[Part], cell: Cell) -> tuple[mp.mpf, list[mp.mpf | None]]:
    """The sum of a cell's terms, and its slope by each channel that any of them looks at."""
    row = cell.prediction
    slopes: list[mp.mpf | None] = [None] * len(row)
    for channels, f in terms:
        for channel in channels:
            slopes[channel] = (slopes[channel] or 0) + derivative(f, row, channel)
    return mp.fsum(f(row) for _, f in terms), slopes


def derivative(f: Term, row: Row, channel: int) -> mp.mpf:
    """Central difference; at four times the digits it is exact to more than fifty.

    A difference as small as the rounding of f is 0.
    """
    with mp.workdps(4 * DIGITS):
        step = mp.mpf(10) ** (-DIGITS - 10)
        above, below = list(row), list(row)
        above[channel] += step
        below[channel] -= step
        rise = f(above) - f(below)
        rounding = abs(f(row)) * mp.mpf(10) ** (20 - 4 * DIGITS)
        return rise / (2 * step) if abs(rise) > rounding else mp.mpf(0)


def weights(name: str, counts: list[mp.mpf], positives: list[int], cells: int) -> list[mp.mpf]:
    """By what each image's raw sum is multiplied."""
    images, n, expected = len(counts), sum(counts), mp.mpf(EXPECTED)
    guarded = mp.mpf(max(1, n))
    density = mp.mpf(sum(positives)) / (images * cells)
    same = {
        "positives": 1 / guarded,
        "batch": mp.mpf(1) / images,
        "fixed": expected / (guarded * images),
        "hybrid": (1 + density) / images,
        "grid": mp.mpf(1) / (images * cells),
        "expected": 1 / (expected * images),
        "sum": mp.mpf(1),
    }
    if name == "per_image":
        return [mp.mpf(1) / (images * max(1, count)) for count in counts]
    return [same[name]] * images


def components(example: Example, options: Options) -> dict[str, list[Raw]]:
    """Every component of every scale."""
    scales = [cells(example, scale) for scale in range(len(example.targets))]
    return {c: [raw(c, images, options) for images in scales] for c in COMPONENTS}


def value(scales: list[Raw], name: str) -> str:
    by_scale = [mp.fdot(scale.multipliers(name), scale.sums) for scale in scales]
    return text(mp.fsum(by_scale), DIGITS)


def gradient(scales: list[Raw], name: str, digits: int) -> list[Grid]:
    grids: list[Grid] = []
    for scale in scales:
        grids.append([])
        for weight, image in zip(scale.multipliers(name), scale.slopes, strict=True):
            rows = [
                ["0" if slope is None else text(weight * slope, digits) for slope in slopes]
                for slopes in image
            ]
            grids[-1].append([rows[k : k + scale.width] for k in range(0, len(rows), scale.width)])
    return grids


def text(value: mp.mpf, digits: int) -> str:
    return str(mp.nstr(value, digits, strip_zeros=True, min_fixed=-5, max_fixed=12))


# ---- the batches -------------------------------------------------------------------------------

ONE_SCALE = [[["48", "32"], ["32", "64"]]]
TWO_SCALES = [*ONE_SCALE, [["16", "24"]]]
SQUARE, FLAT = (32, 32), (24, 32)  # height and width of a cell of the first grid, in pixels


def numbers(seed: int) -> Iterator[str]:
    """Eighths between -4 and 4 that look arbitrary: a linear congruential sequence."""
    state = seed
    while True:
        state = (1103515245 * state + 12345) % 2**31
        yield repr(((state >> 16) % 65 - 32) / 8)


def example(
    anchors: list[list[list[str]]],
    grids: list[tuple[int, int]],
    images: int,
    where: Callable[[int, int, int, int], bool],
    seed: int,
    stride: tuple[int, int] = SQUARE,
) -> Example:
    """A batch with an object where `where(image, scale, row, column)` says so, of 3 classes."""
    source = numbers(seed)
    classes, targets, predictions = 3, [], []
    for scale, (height, width) in enumerate(grids):
        count = len(anchors[scale])
        target: Grid = []
        prediction: Grid = []
        for image in range(images):
            target.append([])
            prediction.append([])
            for row in range(height):
                target[-1].append([])
                prediction[-1].append([])
                for column in range(width):
                    cell = ["0"] * (5 + count + classes)
                    prediction[-1][-1].append([next(source) for _ in cell])
                    if where(image, scale, row, column):
                        for channel in range(4):
                            cell[channel] = repr(
                                float(next(source)) / 4 + (0.5 if channel < 2 else 0)
                            )
                        cell[4] = "1"
                        cell[5 + (image + row + column) % count] = "1"
                        cell[5 + count + (row + 2 * column) % classes] = "1"
                    target[-1][-1].append(cell)
        targets.append(target)
        predictions.append(prediction)
    input_size = [stride[k] * grids[0][k] for k in (0, 1)]
    return Example(anchors, classes, input_size, targets, predictions)


def examples() -> dict[str, Example]:
    """The batches of every normalization's file, by name."""
    extreme = example(ONE_SCALE, [(2, 3)], 2, lambda i, s, r, c: (r + c) % 2 == 0, 6)
    image = extreme.predictions[0][0]
    image[0][0][:8] = ["-50", "50", "10000", "-10000", "0", "50", "-50", "10000"]
    image[0][1][:8] = ["50", "-50", "-10000", "0", "7", "-10000", "50", "-50"]
    ordinary = example(ONE_SCALE, [(2, 3)], 3, lambda i, s, r, c: (i + r + c) % 3 == 0 and i < 2, 1)
    ordinary.targets[0][0][0][0][7:] = ["1", "1", "0"]  # an object of two classes
    return {
        "ordinary": ordinary,
        "no_objects": example(ONE_SCALE, [(2, 2)], 2, lambda i, s, r, c: False, 2),
        "one_object": example(ONE_SCALE, [(3, 2)], 2, lambda i, s, r, c: (i, r, c) == (1, 2, 0), 3),
        "every_cell_positive": example(ONE_SCALE, [(2, 2)], 2, lambda i, s, r, c: True, 4),
        "two_scales": example(
            TWO_SCALES, [(1, 2), (2, 4)], 2, lambda i, s, r, c: (i + s + r + c) % 2 == 0, 5
        ),
        "extreme_predictions": extreme,
    }


def aim(
    batch: Example,
    at: tuple[int, int, int, int],
    change: tuple[float, float, float, float] = (0, 0, 1, 1),
    of: tuple[int, int, int, int] | None = None,
    anchor: int | None = None,
) -> None:
    """Let a cell (scale, image, row, column) predict about the box of its object, or another's.

    The box is moved to the right and down by so many pixels, and made so much wider and higher.
    """
    cell, other = cell_at(batch, *at), cell_at(batch, *(of or at))
    assert other.positive
    box, anchor = other.object(), other.named if anchor is None else anchor
    prediction = batch.predictions[at[0]][at[1]][at[2]][at[3]]
    for k in (0, 1):
        centre, size = box[k] + change[k], box[2 + k] * change[2 + k]
        prediction[k] = eighth(phi, centre / cell.stride[k] - cell.place[k])
        prediction[2 + k] = eighth(mp.exp, size / cell.anchors[anchor][k])


def cell_at(batch: Example, scale: int, image: int, row: int, column: int) -> Cell:
    return cells(batch, scale)[image][row * len(batch.targets[scale][0][0]) + column]


def eighth(f: Callable[[mp.mpf], mp.mpf], value: mp.mpf) -> str:
    """The eighth between -10 and 10 where f is nearest to a value."""
    return repr(min((k / 8 for k in range(-80, 81)), key=lambda p: abs(f(mp.mpf(p)) - value)))


def overlapping() -> Example:
    """Predictions that overlap their object partly, lie in it, around it, across it, or apart."""
    batch = example(ONE_SCALE, [(2, 3)], 2, lambda i, s, r, c: (i + r + c) % 3 != 1, 11, FLAT)
    batch.targets[0][0][0][0][7:] = ["1", "1", "0"]  # an object of two classes
    batch.targets[0][0][1][1][5:7] = ["1", "1"]  # an object of two anchors: the first counts
    for at, change in {
        (0, 0, 0, 0): (6, -4, 1.25, 0.75),
        (0, 0, 0, 2): (1, 1, 0.5, 0.5),
        (0, 0, 1, 1): (-36, 3, 0.125, 0.5),
        (0, 0, 1, 2): (-2, -7, 1.25, 1.25),
        (0, 1, 0, 1): (-1, 1, 2, 1.5),
        (0, 1, 0, 2): (1, 0, 0.875, 1.125),
        (0, 1, 1, 0): (4, -28, 0.75, 0.25),
        (0, 1, 1, 1): (-3, 5, 2.5, 0.5),
    }.items():
        aim(batch, at, change)
    return batch


def every_cell_positive() -> Example:
    batch = example(ONE_SCALE, [(2, 2)], 1, lambda i, s, r, c: True, 12, FLAT)
    for r, c in ((0, 0), (0, 1), (1, 0), (1, 1)):
        aim(batch, (0, 0, r, c), (5 - 9 * r, 8 * c - 3, 1.5 - r, 1.25))
    return batch


def background() -> Example:
    """Background cells that predict an object, and some that predict one from elsewhere."""
    objects = coarse, here, there, _ = (0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 1, 2), (1, 1, 1, 0)
    batch = example(
        TWO_SCALES, [(1, 2), (2, 4)], 2, lambda i, s, r, c: (s, i, r, c) in objects, 13, (48, 32)
    )
    aim(batch, (0, 0, 0, 1), of=coarse, anchor=1)  # above 0.5 with the second anchor only
    aim(batch, (1, 0, 0, 2), (1, -1, 1, 1), of=here)
    aim(batch, (1, 0, 1, 1), (0, 1, 1.125, 1), of=here)
    aim(batch, (1, 1, 1, 1), of=there)
    aim(batch, (1, 1, 0, 2), (0, 0, 0.625, 0.625), of=there)  # an IoU between 0.25 and 0.5
    aim(batch, (0, 1, 0, 1), of=coarse, anchor=1)  # an object of another image
    aim(batch, (1, 0, 0, 0), of=there)  # likewise
    aim(batch, (1, 0, 1, 0), of=coarse)  # an object of another scale
    for threshold, last in ((0.5, [[1, 1]]), (0.25, [[2, 0], [1, 1]])):
        images = [image for scale in (0, 1) for image in cells(batch, scale)]
        out = [zip(image, silent(image, mp.mpf(threshold)), strict=True) for image in images]
        places = [[cell.place for cell, ignored in pairs if ignored] for pairs in out]
        assert places == [[[1, 0]], [], [[2, 0], [1, 1]], last]
    return batch


def extreme_predictions() -> Example:
    batch = example(ONE_SCALE, [(2, 3)], 2, lambda i, s, r, c: (i + r + c) % 3 != 1, 14, FLAT)
    image = batch.predictions[0][0]
    big, small = "10000", "-10000"
    image[0][0] = [big, small, big, small, big, small, big, big, small, "50"]
    image[0][1] = [small, big, big, big, small, small, big, small, big, "50"]
    image[0][2] = ["-50", "50", "-20", "20", small, "50", "-50", small, small, "0"]
    image[1][1] = [small, big, "-17", "3", "-50", big, small, "-50", big, "50"]
    return batch


def examples_of_choices() -> dict[str, Example]:
    """The batches of every file of options, by name."""
    return {
        "overlapping": overlapping(),
        "no_objects": example(ONE_SCALE, [(1, 3)], 2, lambda i, s, r, c: False, 15, FLAT),
        "every_cell_positive": every_cell_positive(),
        "background": background(),
        "extreme_predictions": extreme_predictions(),
    }


# ---- the files ---------------------------------------------------------------------------------


def fixture(name: str) -> str:
    """The text of a normalization's fixture file, or of that of a choice of options."""
    plain = name in NAMES
    chosen = PLAIN if plain else CHOICES[name]
    document = {"normalization" if plain else "option": name, "options": chosen}
    document |= {"expected_cells": EXPECTED, "digits": DIGITS, "examples": {}}
    for label, batch in (examples() if plain else examples_of_choices()).items():
        every = components(batch, Options.of(chosen)).items()
        values = {n: {c: value(raws, n) for c, raws in every} for n in NAMES}
        digits, shown = (DIGITS, [name]) if plain else (SHORT, WITH_GRADIENTS)
        slopes = {n: {c: gradient(raws, n, digits) for c, raws in every} for n in shown}
        document["examples"][label] = {f.name: getattr(batch, f.name) for f in fields(batch)} | {
            "values": values[name] if plain else values,
            "gradients": slopes[name] if plain else slopes,
        }
    lines = json.dumps(document, indent=1) + "\n"
    return lines if plain else re.sub(r"\[[^][{}]*\]", flat, lines)


def flat(found: re.Match[str]) -> str:
    """The same list in one line."""
    return json.dumps(json.loads(found[0]))


def main() -> int:
    """Regenerate; print a diff of what changed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it would change")
    check = parser.parse_args().check
    changes = 0
    for name in (*NAMES, *CHOICES):
        path = HERE / f"{name}.json"
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        with mp.workdps(2 * DIGITS):
            new = fixture(name)
        if old == new:
            continue
        changes += 1
        names = f"{name}.json as it was", f"{name}.json"
        lines = list(
            difflib.unified_diff(old.splitlines(), new.splitlines(), *names, n=1, lineterm="")
        )
        print("\n".join(lines[:60]))
        if len(lines) > 60:
            print(f"... and {len(lines) - 60} more lines")
        if not check:
            path.write_text(new, encoding="utf-8")
    count = len(NAMES) + len(CHOICES)
    print(f"{changes} of {count} fixtures {'would change' if check else 'changed'}")
    return 1 if check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
