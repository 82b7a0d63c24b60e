"""Hypothesis strategies for problems, images and batches.

Two varieties are searched, one after the other. In the *plain* one every number is drawn on its
own, so that it shrinks to what a person would have written: one scale unless it takes two, one or
two images, few objects, whole numbers. The *full* one goes everywhere: four images, crowds, noisy
backgrounds; there an image is one drawn integer, from which its numbers come in bulk
(mgspec.drawing.scenery), and 0 stands for "nothing of it". A law that a plain batch can break is
thus shown broken by a plain batch, and the full variety costs few draws an example.

All numbers are exact in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import hypothesis.strategies as st
import numpy as np

from mgspec.drawing.scenery import (
    EXTREME,
    ORDINARY,
    RIGHT,
    SATURATED,
    STEPS,
    Object,
    bulk,
    bulk_images,
    bulk_object,
    imitating_neighbours,
    objects_of,
    predicted,
    right,
)
from mgspec.loss.candidate import PLAIN_OPTIONS, with_normalization
from mgspec.problem.description import Described, Description, Image, Images, images_of
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch, Problem, concatenate
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS, Options

STRIDE = 32  # pixels, of the coarsest scale
ANCHORS = (  # pixels; the scales share no anchor, and none is square
    ((48.0, 32.0), (32.0, 64.0), (96.0, 80.0)),
    ((16.0, 24.0), (40.0, 20.0), (12.0, 10.0)),
)
LONGEST_SIDE = 5  # cells
KINDS = (ORDINARY, ORDINARY, ORDINARY, SATURATED, EXTREME, RIGHT)


@cache
def whole(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole numbers from low to high. Made once: Hypothesis takes long to look a new one over."""
    return st.integers(low, high)


@cache
def among(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """One of these values; made once, as `whole`."""
    return st.sampled_from(values)


@cache
def some(count: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    """Different ones of the first `count` whole numbers; made once, as `whole`."""
    return st.lists(whole(0, count - 1), min_size=least, max_size=most, unique=True)


@cache
def orders(count: int) -> st.SearchStrategy[list[int]]:
    """Orders of the first `count` whole numbers; made once, as `whole`."""
    return st.permutations(range(count))


_SEEDS = whole(0, 2**16)
_IMAGES = whole(0, 2**24 - 1)  # see mgspec.drawing.scenery.bulk_images


@dataclass(frozen=True)
class Variety:
    """How much of the space of problems and batches to search.

    plain: numbers drawn one by one, and neither crowds nor noise.
    claims: the normalization of every term.
    options: of every problem; None to draw them too.
    description: of every image, where it is not of this project's layout.
    few_shapes: for a loss that takes long for arrays of shapes which it has not had before.
    """

    plain: bool
    scales: int
    images: int
    objects: int  # an image, crowds apart
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS
    description: Description | None = None
    few_shapes: bool = False


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
        return with_normalization(variety.options, variety.claims)
    location = draw(among(LOCATIONS))
    background = draw(among(BACKGROUNDS))
    classification = draw(among(CLASSIFICATIONS))
    seed = draw(whole(0, 4) if variety.plain else _SEEDS)
    weights = None
    if variety.plain or not seed:
        numbers: dict[str, Any] = {"ignore_thresh": (1.0, *_NUMBERS["ignore_thresh"])[seed]}
    else:
        picks = bulk(seed, 30, (len(_NUMBERS),), 0, 11).tolist()
        numbers = {
            name: values[pick % len(values)]
            for (name, values), pick in zip(_NUMBERS.items(), picks, strict=True)
        }
        if background != "objectness":
            numbers["iou_aware_ratio"] = 0.0
        if seed % 2:
            weights = _class_weights(seed, max(classes, 2))
    return replace(
        with_normalization(PLAIN_OPTIONS, variety.claims),
        location=location,
        background=background,
        classification=classification,
        class_weights=weights,
        **numbers,
    )


def _class_weights(seed: int, classes: int) -> tuple[float, ...]:
    return tuple(_CLASS_WEIGHTS[int(pick)] for pick in bulk(seed, 31, (classes,), 0, 2))


@dataclass(frozen=True)
class Shape:
    """Of a scene: the coarsest grid's (height, width), how much finer the others are, A, C."""

    height: int
    width: int
    finer: tuple[int, ...]
    anchors: tuple[int, ...]
    classes: int

    @property
    def longest(self) -> int:
        """The longest side of a grid, in cells."""
        return max(self.height, self.width) * max(self.finer)


# The shapes of a variety of few, the simplest first. Neither squares nor equal counts alone.
FEW_SHAPES = (
    Shape(1, 1, (1,), (1,), 1),
    Shape(1, 2, (1,), (2,), 3),
    Shape(3, 2, (1,), (3,), 2),
    Shape(1, 2, (1, 2), (2, 1), 2),
)


def draw_shape(draw: st.DrawFn, variety: Variety, smallest: int, longest: int) -> Shape:
    """1 or 2 scales, grids of 1 to 5 cells a side, 1 to 3 anchors, 1 to 4 classes."""
    if variety.few_shapes:
        fitting = [
            shape
            for shape in FEW_SHAPES
            if shape.height * shape.width >= smallest and shape.longest <= longest
        ]
        return draw(among(tuple(fitting)))  # type: ignore[no-any-return]
    scales = draw(whole(1, variety.scales))
    # How many cells of the finer scale a cell of the coarser one covers, on a side.
    steps = min(3 if smallest == 1 else 2, longest)
    finer = draw(whole(1, steps)) if scales == 2 else 1
    longest = longest // finer
    height = draw(whole(1, longest))
    width = draw(whole(-(-smallest // height), longest))
    anchors = tuple(draw(whole(1, 3)) for _ in range(scales))
    return Shape(height, width, (1, finer)[:scales], anchors, draw(whole(1, 4)))


def draw_scene(
    draw: st.DrawFn, variety: Variety, smallest: int = 1, longest: int = LONGEST_SIDE
) -> Scene:
    """A problem and its grids, as of `draw_shape`.

    smallest: every grid has at least this many cells. longest: and no longer side, in cells.
    """
    shape = draw_shape(draw, variety, smallest, longest)
    height, width, classes = shape.height, shape.width, shape.classes
    grids = [(height * step, width * step) for step in shape.finer]
    anchors = tuple(ANCHORS[s][:count] for s, count in enumerate(shape.anchors))
    chosen = draw_options(draw, variety, classes)
    if chosen.class_weights is not None:
        classes = len(chosen.class_weights)
    classes = max(classes, 2 if chosen.classification == "softmax_focal" else 1)
    problem = Problem(anchors, classes, (height * STRIDE, width * STRIDE), chosen)
    return Scene(problem, tuple(grids))


_NEAR = whole(-5, 5)
_SIZE = whole(-8, 8)


@cache
def _steps_of_cell(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """As many whole numbers as a cell has channels."""
    return st.tuples(*[whole(-STEPS, STEPS)] * size)


def draw_object(
    draw: st.DrawFn, variety: Variety, problem: Problem, scale: int, kind: str = ORDINARY
) -> Object:
    """An object for a cell of this scale; the simplest is centred, anchor-sized, predicted 0."""
    if not variety.plain:
        return bulk_object(problem, scale, kind, draw(_SEEDS))
    indices = (
        draw(whole(0, len(problem.anchors[scale]) - 1)),
        draw(whole(0, problem.num_classes - 1)),
    )
    numbers = [draw(_NEAR), draw(_NEAR), draw(_SIZE), draw(_SIZE), *indices]
    target = objects_of(problem, scale, np.array(numbers))
    size = problem.channels(scale)
    # Drawn for every kind, so that shrinking can change the kind and nothing else.
    steps = np.array(draw(_steps_of_cell(size)))
    return Object(
        target, right(target) if kind == RIGHT else predicted(steps, kind, quarters=False)
    )


def _draw_plain_image(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
    imitate: bool = False,
) -> Batch:
    """A batch of one image, of numbers drawn one by one; arguments as of `draw_exactly`."""
    problem = scene.problem
    kind = draw(among(kinds))
    background = draw(whole(-4, 4))
    places = _draw_objects(draw, variety, scene, kind) if not empty else {}
    imitated = draw(whole(0, 20)) if imitate else 0
    targets = [np.zeros((*g, problem.channels(s)), np.float32) for s, g in enumerate(scene.grids)]
    predictions = [
        right(target) if kind == RIGHT else np.full_like(target, background) for target in targets
    ]
    for (scale, row, column), thing in places.items():
        targets[scale][row, column] = thing.target
        predictions[scale][row, column] = thing.prediction
    batch = Batch(tuple(t[None] for t in targets), tuple(p[None] for p in predictions))
    if not imitated or problem.options.ignore_thresh >= 1:
        return batch
    seeds = np.array([imitated], np.uint64)
    return batch.with_predictions(
        [
            imitating_neighbours(problem, scale, target, prediction, seeds)
            for scale, (target, prediction) in enumerate(
                zip(batch.targets, batch.predictions, strict=True)
            )
        ]
    )


def _draw_objects(
    draw: st.DrawFn, variety: Variety, scene: Scene, kind: str
) -> dict[tuple[int, int, int], Object]:
    """Objects by their (scale, row, column), for a plain image."""
    cells = scene.cells()
    most = min(variety.objects, len(cells))
    # A place and its object are drawn together, so that shrinking deletes both.
    places = draw(some(len(cells), 0, most))
    return {
        cells[place]: draw_object(draw, variety, scene.problem, cells[place][0], kind)
        for place in places
    }


_images = st.composite(_draw_plain_image)


def draw_exactly(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    count: int,
    *,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
    imitate: bool = False,
) -> Batch:
    """A batch of `count` images; in the full variety some imitate unasked.

    kinds: what predictions may be. empty: without any object. imitate: cells beside an object
    predict it, some of them.
    """
    if variety.plain:
        return concatenate(
            [
                _draw_plain_image(draw, variety, scene, kinds=kinds, empty=empty, imitate=imitate)
                for _ in range(count)
            ]
        )
    return bulk_images(
        scene.problem,
        scene.grids,
        [draw(_IMAGES) for _ in range(count)],
        objects=variety.objects,
        kinds=kinds,
        empty=empty,
        imitate=imitate,
    )


def draw_images(
    draw: st.DrawFn, variety: Variety, scene: Scene, smallest: int, largest: int, **of_each: Any
) -> Batch:
    """A batch of `smallest` to `largest` images; other arguments as of `draw_exactly`."""
    if variety.plain:  # a list's elements are deleted whole when a batch shrinks
        image = _images(variety, scene, **of_each)
        return concatenate(draw(st.lists(image, min_size=smallest, max_size=largest)))
    return draw_exactly(draw, variety, scene, draw(whole(smallest, largest)), **of_each)


@cache
def _one_or_all(kinds: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """One of the kinds, or in half of the batches all of them."""
    return st.sampled_from([*((kind,) for kind in kinds), *[kinds] * len(kinds)])


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
    if len(kinds) > 1:
        kinds = draw(_one_or_all(kinds))
    most = max(smallest, min(largest, variety.images))
    return draw_images(draw, variety, scene, smallest, most, kinds=kinds, empty=empty)


def draw_described(
    draw: st.DrawFn,
    variety: Variety,
    described: Described,
    *,
    smallest: int = 1,
    largest: int = 4,
    objects: int = 0,
    empty: bool = False,
) -> Images:
    """A batch of `smallest` to `largest` images of a described problem.

    objects: the least of an image. empty: without any.
    """
    description = described.description
    most = (
        min(description.most_objects, variety.objects)
        if variety.plain
        else description.most_objects
    )
    held = (0, 0) if empty else (objects, max(objects, most))
    largest = max(smallest, min(largest, variety.images))
    try:
        hash(described.shared)
        strategy = _described_images(described, *held, smallest, largest)
    except TypeError:  # what is shared may be a list
        strategy = _described_images.__wrapped__(described, *held, smallest, largest)
    images, counts = zip(*draw(strategy), strict=True)
    return images_of(description, images, counts)


@lru_cache(maxsize=256)  # Hypothesis takes long to look a new strategy over
def _described_images(
    described: Described, fewest: int, most: int, smallest: int, largest: int
) -> st.SearchStrategy[list[tuple[Image, int]]]:
    """Lists of images, each with its number of objects."""
    image = described.description.image
    of_count = {n: image(n, described.shared) for n in range(fewest, most + 1)}
    one = whole(fewest, most).flatmap(lambda n: st.tuples(of_count[n], st.just(n)))
    # A list's elements are deleted whole when a batch shrinks.
    return st.lists(one, min_size=smallest, max_size=largest)


def draw_any_problem(
    draw: st.DrawFn, variety: Variety
) -> tuple[AnyProblem, Callable[..., AnyBatch]]:
    """A problem, of this layout or described, and a function that draws batches of it.

    The function takes `smallest`, `largest` and `empty`, as `draw_batch` and `draw_described` do.
    """
    if variety.description is None:
        scene = draw_scene(draw, variety)
        return scene.problem, partial(draw_batch, draw, variety, scene)
    described = Described(variety.description, draw(variety.description.shared))
    return described, partial(draw_described, draw, variety, described)
