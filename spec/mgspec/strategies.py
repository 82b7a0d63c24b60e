"""Hypothesis strategies for problems, images and batches.

Two varieties are searched, one after the other. In the *plain* one every number is drawn on its
own, so that it shrinks to what a person would have written: one scale unless it takes two, one or
two images, few objects, whole numbers. The *full* one goes everywhere: four images, crowds, noisy
backgrounds; there numbers come in bulk from drawn integers, each the seed of a bit generator whose
stream NumPy guarantees, and 0 stands for "nothing of it". A law that a plain batch can break is
thus shown broken by a plain batch, and the full variety costs few draws an example.

All numbers are exact in float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

from mgspec.boxes import phi, phi_slope
from mgspec.candidate import PLAIN_OPTIONS, claiming
from mgspec.layout import (
    OBJECTNESS,
    WH,
    XY,
    Array,
    Batch,
    Problem,
    concatenate,
)
from mgspec.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS, Options

STRIDE = 32  # pixels, of the coarsest scale
ANCHORS = (  # pixels; the scales share no anchor, and none is square
    ((48.0, 32.0), (32.0, 64.0), (96.0, 80.0)),
    ((16.0, 24.0), (40.0, 20.0), (12.0, 10.0)),
)
LONGEST_SIDE = 5  # cells
STEPS = 16  # predictions are drawn as integers from -STEPS to STEPS

ORDINARY, SATURATED, EXTREME, RIGHT = "ordinary", "saturated", "extreme", "right"
KINDS = (ORDINARY, ORDINARY, ORDINARY, SATURATED, EXTREME, RIGHT)
LARGEST = 1e4  # magnitude of a prediction
_DECADES = (0.0, 10.0, 100.0, 1_000.0, LARGEST)

NO_CROWD, SOME_CELLS, ALL_CELLS = "none", "some", "all"
CROWDS = (NO_CROWD, NO_CROWD, SOME_CELLS, ALL_CELLS)


@cache
def whole(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole numbers from low to high. Made once: Hypothesis takes long to look a new one over."""
    return st.integers(low, high)


@cache
def among(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """One of these values; made once, as `whole`."""
    return st.sampled_from(values)


_SEEDS = whole(0, 2**16)
_IMAGES = whole(0, 2**24 - 1)  # of more bits, small ones would be much commoner


@dataclass(frozen=True)
class Variety:
    """How much of the space of problems and batches to search.

    plain: numbers drawn one by one, and neither crowds nor noise.
    claims: the normalization of every term.
    options: of every problem; None to draw them too.
    """

    plain: bool
    scales: int
    images: int
    objects: int  # an image, crowds apart
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS


PLAIN = Variety(plain=True, scales=2, images=2, objects=2)
FULL = Variety(plain=False, scales=2, images=4, objects=3)


@dataclass(frozen=True)
class Scene:
    """A problem and the grid (H, W) of each of its scales."""

    problem: Problem
    grids: tuple[tuple[int, int], ...]

    def cells(self) -> list[tuple[int, int, int]]:
        """(scale, row, column) of every cell of an image."""
        return [
            (scale, row, column)
            for scale, (height, width) in enumerate(self.grids)
            for row in range(height)
            for column in range(width)
        ]


@dataclass(frozen=True)
class Object:
    """One positive cell of an image: what its target and its prediction hold."""

    target: Array
    prediction: Array


def predicted(steps: NDArray[np.integer], kind: str, variety: Variety) -> Array:
    """Predictions of this kind from integers in [-16, 16]; 0 is always 0.

    ordinary: in [-4, 4], whole numbers or quarters; saturated: -50, 0 or 50; extreme: powers of
    ten up to 1e4.
    """
    whole = np.sign(steps) * ((np.abs(steps) + 3) // 4)
    if kind == SATURATED:
        values = 50.0 * np.sign(steps)
    elif kind == EXTREME:
        values = np.sign(steps) * np.take(_DECADES, np.abs(whole))
    else:
        values = whole * 1.0 if variety.plain else steps / 4
    return np.asarray(values, np.float32)


def right(target: Array) -> Array:
    """Predictions that agree with their targets, the centre's place in its cell apart."""
    prediction = np.where(target > 0.5, 50, -50).astype(np.float32)
    prediction[..., XY] = 0
    prediction[..., WH] = target[..., WH]
    return prediction


def _bulk(seed: int, stream: int, shape: tuple[int, ...], low: int, high: int) -> NDArray[np.int64]:
    """Integers in [low, high], the same on every machine.

    The numbers of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
    generators, OOPSLA 2014), which need no generator to be set up for the few that are wanted.
    """
    first = (seed << 40) + (stream << 32)
    mixed = (np.arange(first, first + math.prod(shape), dtype=np.uint64) + _ONE) * _GAMMA
    mixed = (mixed ^ (mixed >> _30)) * _MIX_1
    mixed = (mixed ^ (mixed >> _27)) * _MIX_2
    mixed ^= mixed >> _31
    return (mixed % np.uint64(high - low + 1)).astype(np.int64).reshape(shape) + low


_ONE, _30, _27, _31 = np.uint64(1), np.uint64(30), np.uint64(27), np.uint64(31)
_GAMMA, _MIX_1, _MIX_2 = (
    np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


# What the numbers of the options are drawn from; the first is the simplest.
_NUMBERS: dict[str, tuple[float, ...]] = {
    "focal_alpha": (0.25, 0.5, 0.75),
    "focal_gamma": (2.0, 1.5, 1.0, 0.0),
    "label_smoothing": (0.0, 0.0, 0.125, 0.25),
    "coord_scale": (1.0, 2.0, 0.5),
    "anchor_scale": (1.0, 0.5, 2.0),
    "class_scale": (1.0, 4.0, 0.5),
    "object_scale": (1.0, 1.5, 4.0),
    "no_object_scale": (1.0, 2.0, 1.5),  # below 1, a count may be between 0 and its guard of 1
    "ignore_thresh": (0.501, 0.299, 0.703, 1.0),
    "ignored_weight": (0.0, 0.0, 0.25),
    "iou_aware_ratio": (0.0, 0.5, 1.0),
    "iou_aware_power": (1.0, 2.0, 0.5),
}
_CLASS_WEIGHTS = (1.0, 0.5, 2.0)


def draw_options(draw: st.DrawFn, variety: Variety, classes: int) -> Options:
    """Options for problems of this variety; the simplest are those of the three plain terms.

    classes: C, unless the options drawn need one more.
    """
    if variety.options is not None:
        return claiming(variety.options, variety.claims)
    location = draw(among(LOCATIONS))
    background = draw(among(BACKGROUNDS))
    classification = draw(among(CLASSIFICATIONS))
    seed = draw(whole(0, 4) if variety.plain else _SEEDS)
    weights = None
    if variety.plain or not seed:
        numbers: dict[str, Any] = {"ignore_thresh": (1.0, *_NUMBERS["ignore_thresh"])[seed]}
    else:
        picks = _bulk(seed, 30, (len(_NUMBERS),), 0, 11)
        numbers = {
            name: values[int(pick) % len(values)]
            for (name, values), pick in zip(_NUMBERS.items(), picks, strict=True)
        }
        if background != "objectness":
            numbers["iou_aware_ratio"] = 0.0
        if seed % 2:
            weights = _class_weights(seed, max(classes, 2))
    return replace(
        claiming(PLAIN_OPTIONS, variety.claims),
        location=location,
        background=background,
        classification=classification,
        class_weights=weights,
        **numbers,
    )


def _class_weights(seed: int, classes: int) -> tuple[float, ...]:
    return tuple(_CLASS_WEIGHTS[int(pick)] for pick in _bulk(seed, 31, (classes,), 0, 2))


def draw_scene(
    draw: st.DrawFn, variety: Variety, smallest: int = 1, longest: int = LONGEST_SIDE
) -> Scene:
    """1 or 2 scales, grids of 1 to 5 cells a side, 1 to 3 anchors, 1 to 4 classes.

    smallest: every grid has at least this many cells. longest: and no longer side, in cells.
    """
    scales = draw(whole(1, variety.scales))
    # How many cells of the finer scale a cell of the coarser one covers, on a side.
    steps = min(3 if smallest == 1 else 2, longest)
    finer = draw(whole(1, steps)) if scales == 2 else 1
    longest = longest // finer
    height = draw(whole(1, longest))
    width = draw(whole(-(-smallest // height), longest))
    grids = [(height * step, width * step) for step in (1, finer)[:scales]]
    anchors = tuple(ANCHORS[s][: draw(whole(1, 3))] for s in range(scales))
    classes = draw(whole(1, 4))
    chosen = draw_options(draw, variety, classes)
    if chosen.class_weights is not None:
        classes = len(chosen.class_weights)
    classes = max(classes, 2 if chosen.classification == "softmax_focal" else 1)
    problem = Problem(anchors, classes, (height * STRIDE, width * STRIDE), chosen)
    return Scene(problem, tuple(grids))


def _targets(problem: Problem, scale: int, numbers: NDArray[np.int64]) -> Array:
    """Targets `[..., 5 + A + C]` of objects from integers `[..., 6]`; all 0 is the simplest one.

    The simplest object is centred in its cell, as large as its anchor, of anchor 0 and class 0.
    x, y reach into the neighbouring cells; w, h are within a factor of e squared of the anchor.
    """
    target = np.zeros((*numbers.shape[:-1], problem.channels(scale)), np.float32)
    target[..., XY] = 0.5 + numbers[..., 0:2] / 4
    target[..., WH] = numbers[..., 2:4] / 4
    target[..., OBJECTNESS] = 1
    anchors, classes = problem.anchor_channels(scale), problem.class_channels(scale)
    target[..., anchors] = _one_hot(numbers[..., 4], anchors.stop - anchors.start)
    target[..., classes] = _one_hot(numbers[..., 5], problem.classes)
    return target


def _one_hot(numbers: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """`[...]` to `[..., count]`, true where the place is the number modulo count."""
    hot: NDArray[np.bool_] = np.arange(count) == (numbers % count)[..., None]
    return hot


def _bulk_targets(problem: Problem, scale: int, seed: int, shape: tuple[int, ...]) -> Array:
    """Objects `[*shape, 5 + A + C]` from a seed; one in four also has a second class."""
    if not seed:
        return _targets(problem, scale, np.zeros((*shape, 6), np.int64))
    limits = np.array([5, 5, 8, 8])
    numbers = _bulk(seed, 10 + scale, (*shape, 8), 0, 2**16)
    numbers[..., :4] = numbers[..., :4] % (2 * limits + 1) - limits
    target = _targets(problem, scale, numbers[..., :6])
    classes = problem.class_channels(scale)
    also = _one_hot(numbers[..., 6], problem.classes) & (numbers[..., 7:] % 4 == 0)
    target[..., classes] = np.maximum(target[..., classes], also)
    return target


def _bulk_predictions(
    problem: Problem, scale: int, seed: int, kind: str, variety: Variety, shape: tuple[int, ...]
) -> Array:
    shape = (*shape, problem.channels(scale))
    steps = _bulk(seed, scale, shape, -STEPS, STEPS) if seed else np.zeros(shape, np.int64)
    return predicted(steps, kind, variety)


def _bulk_object(variety: Variety, problem: Problem, scale: int, kind: str, seed: int) -> Object:
    target = _bulk_targets(problem, scale, seed, ())
    if kind == RIGHT:
        return Object(target, right(target))
    return Object(target, _bulk_predictions(problem, scale, seed, kind, variety, ()))


_NEAR = whole(-5, 5)
_SIZE = whole(-8, 8)


def draw_object(
    draw: st.DrawFn, variety: Variety, problem: Problem, scale: int, kind: str = ORDINARY
) -> Object:
    """An object for a cell of this scale; the simplest is centred, anchor-sized, predicted 0."""
    if not variety.plain:
        return _bulk_object(variety, problem, scale, kind, draw(_SEEDS))
    indices = (
        draw(whole(0, len(problem.anchors[scale]) - 1)),
        draw(whole(0, problem.classes - 1)),
    )
    numbers = [draw(_NEAR), draw(_NEAR), draw(_SIZE), draw(_SIZE), *indices]
    target = _targets(problem, scale, np.array(numbers))
    size = problem.channels(scale)
    step = whole(-STEPS, STEPS)
    # Drawn for every kind, so that shrinking can change the kind and nothing else.
    steps = np.array(draw(st.lists(step, min_size=size, max_size=size)))
    return Object(target, right(target) if kind == RIGHT else predicted(steps, kind, variety))


_RAW = np.linspace(-40, 40, 8001)
_DECODED = phi(_RAW)


def raw_centre(decoded: NDArray[np.floating]) -> NDArray[np.float64]:
    """What must be predicted for phi to give these numbers, in (-0.98, 1.98)."""
    raw = np.interp(decoded, _DECODED, _RAW)
    for _ in range(2):  # Newton
        raw = raw - (phi(raw) - decoded) / phi_slope(raw)
    return np.asarray(raw)


def decoding_to(targets: Array) -> Array:
    """Predictions x, y, w, h `[..., 4]` that decode to the targets' boxes, of the same cells."""
    raw = raw_centre(targets[..., XY].astype(np.float64))
    return np.concatenate([raw, targets[..., WH]], -1).astype(np.float32)


def _imitate(problem: Problem, scale: int, target: Array, prediction: Array, seed: int) -> None:
    """Make background cells predict a neighbour's object, nearly, so that there is what to ignore.

    target, prediction: `[H, W, 5 + A + C]`; the second is changed. Steps of 1/16 keep the numbers
    exact in half precision too.
    """
    height, width = target.shape[:2]
    anchors = np.array(problem.anchors[scale])
    positive = target[..., OBJECTNESS] > 0.5
    picks = _bulk(seed, 40 + scale, (height, width, 3), 0, 2**16)
    for row, column in np.argwhere(~positive):
        chance, which, number = (int(pick) for pick in picks[row, column])
        first = (max(row - 1, 0), max(column - 1, 0))
        beside = np.argwhere(positive[first[0] : row + 2, first[1] : column + 2])
        if chance % 2 or not len(beside):
            continue
        there = tuple(beside[which % len(beside)] + first)
        thing = target[there]
        centre = thing[XY] + np.array([there[1] - column, there[0] - row])
        if (np.abs(centre - 0.5) > 1.45).any():
            continue
        own = anchors[int(np.argmax(thing[problem.anchor_channels(scale)]))]
        logs = thing[WH] + np.log(own / anchors[number % len(anchors)])
        box = np.concatenate([raw_centre(centre), logs])
        prediction[row, column, :OBJECTNESS] = np.round(16 * box) / 16


def draw_image(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
    imitate: bool = False,
) -> Batch:
    """A batch of one image, from no object to an object in every cell.

    kinds: what predictions may be. empty: without any object. imitate: cells beside an object
    predict it, some of them; else this happens now and then, where there is a threshold for it.
    """
    if not variety.plain:
        return _bulk_image(draw(_IMAGES), variety, scene, kinds, empty, imitate)
    problem = scene.problem
    kind = draw(among(kinds))
    background = draw(whole(-4, 4))
    places = _draw_objects(draw, variety, scene, kind) if not empty else {}
    imitated = draw(whole(0, 20)) if imitate else 0
    targets = [np.zeros((*g, problem.channels(s)), np.float32) for s, g in enumerate(scene.grids)]
    predictions = [
        right(target) if kind == RIGHT else np.full_like(target, background) for target in targets
    ]
    return _image(problem, targets, predictions, places, imitated)


def _bulk_image(
    seed: int,
    variety: Variety,
    scene: Scene,
    kinds: tuple[str, ...],
    empty: bool,
    imitate: bool,
) -> Batch:
    """The image that a whole number stands for; the smaller, the simpler. Arguments as above.

    Its last digits say how many objects, of which kind, in which crowd; the rest is the seed of
    all numbers, 0 for an image of zeros and the simplest objects.
    """
    problem = scene.problem
    rest, objects = divmod(seed, variety.objects + 1)
    rest, number = divmod(rest, len(kinds))
    noise, crowded = divmod(rest, len(CROWDS))
    kind, crowd = kinds[number], NO_CROWD if empty else CROWDS[crowded]
    targets, predictions = [], []
    for scale, grid in enumerate(scene.grids):
        target = np.zeros((*grid, problem.channels(scale)), np.float32)
        if crowd != NO_CROWD:
            full = _bulk_targets(problem, scale, noise, grid)
            keep = _bulk(noise, 20 + scale, grid, 0, 1) if crowd == SOME_CELLS else np.ones(grid)
            target = np.where(keep[..., None] > 0, full, target)
        targets.append(target)
        predictions.append(
            right(target)
            if kind == RIGHT
            else _bulk_predictions(problem, scale, noise, kind, variety, grid)
        )
    cells = scene.cells()
    places = {}
    for own in [] if empty else _bulk(noise, 50, (objects,), 0, 2**16).tolist():
        place = cells[own % len(cells)]
        places[place] = _bulk_object(variety, problem, place[0], kind, own if noise else 0)
    return _image(problem, targets, predictions, places, noise if imitate or noise % 2 else 0)


def _image(
    problem: Problem,
    targets: list[Array],
    predictions: list[Array],
    places: dict[tuple[int, int, int], Object],
    imitated: int,
) -> Batch:
    """Objects put in their places, their neighbours made to imitate them where asked for."""
    for (scale, row, column), thing in places.items():
        targets[scale][row, column] = thing.target
        predictions[scale][row, column] = thing.prediction
    if imitated and problem.options.ignore_thresh < 1:
        for scale, target in enumerate(targets):
            _imitate(problem, scale, target, predictions[scale], imitated)
    return Batch(tuple(t[None] for t in targets), tuple(p[None] for p in predictions))


def _draw_objects(
    draw: st.DrawFn, variety: Variety, scene: Scene, kind: str
) -> dict[tuple[int, int, int], Object]:
    """Objects by their (scale, row, column), for a plain image."""
    cells = scene.cells()
    most = min(variety.objects, len(cells))
    # A place and its object are drawn together, so that shrinking deletes both.
    places = draw(st.lists(whole(0, len(cells) - 1), max_size=most, unique=True))
    return {
        cells[place]: draw_object(draw, variety, scene.problem, cells[place][0], kind)
        for place in places
    }


_images = st.composite(draw_image)


def draw_images(
    draw: st.DrawFn, variety: Variety, scene: Scene, smallest: int, largest: int, **of_each: Any
) -> Batch:
    """A batch of `smallest` to `largest` images, drawn as `draw_image` does."""
    if variety.plain:  # a list's elements are deleted whole when a batch shrinks
        image = _images(variety, scene, **of_each)
        return concatenate(draw(st.lists(image, min_size=smallest, max_size=largest)))
    count = draw(whole(smallest, largest))
    return concatenate([draw_image(draw, variety, scene, **of_each) for _ in range(count)])


def draw_batch(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    smallest: int = 1,
    largest: int = 4,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
) -> Batch:
    """A batch of `smallest` to `largest` images, of one kind of prediction or of several."""
    if draw(st.booleans()):
        kinds = (draw(among(kinds)),)
    most = max(smallest, min(largest, variety.images))
    return draw_images(draw, variety, scene, smallest, most, kinds=kinds, empty=empty)
