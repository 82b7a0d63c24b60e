"""Draw a problem: its options, and the grids, anchors and classes of its scales."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st

from mgspec.drawing.numbers import SEEDS, among, mostly_large, whole
from mgspec.drawing.scenery import bulk
from mgspec.drawing.variety import MOST_DIFFERENT, PLAIN, Variety
from mgspec.loss.candidate import PLAIN_OPTIONS, with_normalization
from mgspec.problem.detector import FixedDetector
from mgspec.problem.layout import Problem
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS, Options

STRIDE = 32  # pixels, of the coarsest scale
ANCHORS = (  # pixels; the scales share no anchor, and none is square
    ((48.0, 32.0), (32.0, 64.0), (96.0, 80.0)),
    ((16.0, 24.0), (40.0, 20.0), (12.0, 10.0)),
)
MOST_CELLS = 1600  # of a grid
# Of a grid where boxes of all cells are compared with all objects, which takes cells * objects.
MOST_COMPARED_CELLS = 144


@dataclass(frozen=True)
class Scene:
    """A problem and the grid (H, W) of each of its scales."""

    problem: Problem
    grids: tuple[tuple[int, int], ...]

    def cells(self) -> list[tuple[int, int, int]]:
        """Return (scale, row, column) of every cell of an image."""
        return [
            (scale, row, column)
            for scale, (height, width) in enumerate(self.grids)
            for row in range(height)
            for column in range(width)
        ]


# The numbers that each option is drawn from; the first is the simplest.
_NUMBERS: dict[str, tuple[float, ...]] = {
    "focal_alpha": (0.25, 0.5, 0.75),
    "focal_gamma": (2.0, 1.5, 1.0, 0.0),
    "label_smoothing": (0.0, 0.0, 0.125, 0.25),
    "coord_scale": (1.0, 2.0, 0.5),
    "anchor_scale": (1.0, 0.5, 2.0),
    "class_scale": (1.0, 4.0, 0.5),
    "object_scale": (1.0, 1.5, 4.0),
    "no_object_scale": (1.0, 2.0, 1.5),  # below 1, a count may lie between 0 and its guard of 1
    "ignore_thresh": (0.501, 0.299, 0.703, 1.0),
    "ignored_weight": (0.0, 0.0, 0.25),
    "iou_aware_ratio": (0.0, 0.5, 1.0),
    "iou_aware_power": (1.0, 2.0, 0.5),
}
_CLASS_WEIGHTS = (1.0, 0.5, 2.0)


def draw_options(draw: st.DrawFn, variety: Variety, classes: int) -> Options:
    """Draw the options of a problem; the simplest are those of the plain loss.

    classes: the number of classes C, to which class weights are drawn; for C = 1, two are drawn.
    """
    if variety.options is not None:
        return with_normalization(variety.options, variety.claims)
    location = draw(among(LOCATIONS))
    background = draw(among(BACKGROUNDS))
    classification = draw(among(CLASSIFICATIONS))
    seed = draw(whole(0, 4) if variety.plain else SEEDS)
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
    """The sizes of a scene's arrays.

    height, width: rows and columns of the coarsest grid.
    finer: for each scale, the factor by which its grid has more rows and columns.
    anchors: for each scale, its number of anchors A. classes: number of classes C.
    """

    height: int
    width: int
    finer: tuple[int, ...]
    anchors: tuple[int, ...]
    classes: int

    @property
    def longest(self) -> int:
        """Length of the longest side of a grid, in cells."""
        return max(self.height, self.width) * max(self.finer)


# The shapes to draw if `few_shapes` is set, the simplest first. Sides and counts mostly differ.
FEW_SHAPES = (
    Shape(1, 1, (1,), (1,), 1),
    Shape(1, 2, (1,), (2,), 3),
    Shape(3, 2, (1,), (3,), 2),
    Shape(1, 2, (1, 2), (2, 1), 2),
)
FEW_LARGE_SHAPES = (*FEW_SHAPES[:2], Shape(18, 16, (1,), (2,), 3))


def draw_shape(draw: st.DrawFn, variety: Variety, smallest: int, longest: int) -> Shape:
    """Draw 1 or 2 scales, grids of 1 to 5 cells a side, 1 to 3 anchors and 1 to 4 classes.

    Of a large variety, draw one scale, and grids of up to 1,600 cells or of up to 300 rows.

    smallest: the least number of cells of a grid. longest: the longest side of a grid, in cells.
    """
    if variety.few_shapes:
        shapes: tuple[Shape, ...] = FEW_LARGE_SHAPES if longest > PLAIN.longest else FEW_SHAPES
        if variety.images > MOST_DIFFERENT:
            shapes = FEW_SHAPES[:2]
        fitting = [
            shape
            for shape in shapes
            if shape.height * shape.width >= smallest and shape.longest <= longest
        ]
        return draw(among(tuple(fitting)))  # type: ignore[no-any-return]
    if longest > PLAIN.longest:
        return _draw_large_shape(draw, variety, smallest, longest)
    scales = draw(whole(1, variety.scales))
    # The side of a coarse cell, in fine cells.
    steps = min(3 if smallest == 1 else 2, longest)
    finer = draw(whole(1, steps)) if scales == 2 else 1
    longest = longest // finer
    height = draw(whole(1, longest))
    width = draw(whole(-(-smallest // height), longest))
    anchors = tuple(draw(whole(1, 3)) for _ in range(scales))
    return Shape(height, width, (1, finer)[:scales], anchors, draw(whole(1, 4)))


def _draw_large_shape(draw: st.DrawFn, variety: Variety, smallest: int, longest: int) -> Shape:
    """Draw one scale: a third of the grids are long, the others have sides of up to 40 cells."""
    is_compared = variety.options is None or variety.options.ignore_thresh < 1
    cells = MOST_COMPARED_CELLS if is_compared else MOST_CELLS
    even = math.isqrt(cells)
    is_long = draw(among((False, False, True)))
    height = draw(mostly_large(1, min(longest, cells // 2) if is_long else even))
    width = draw(mostly_large(-(-smallest // height), 2 if is_long else even))
    return Shape(height, width, (1,), (draw(whole(1, 3)),), draw(whole(1, 4)))


def draw_scene(
    draw: st.DrawFn, variety: Variety, smallest: int = 1, longest: int | None = None
) -> Scene:
    """Draw a problem and its grids; arguments as in `draw_shape`.

    longest: by default as the variety says. A fixed detector leaves no choice of grids.
    """
    if variety.detector is not None:
        return _draw_scene_of(draw, variety, variety.detector)
    longest = variety.longest if longest is None else longest
    shape = draw_shape(draw, variety, smallest, longest)
    height, width, classes = shape.height, shape.width, shape.classes
    grids = [(height * step, width * step) for step in shape.finer]
    anchors = tuple(ANCHORS[s][:count] for s, count in enumerate(shape.anchors))
    options = draw_options(draw, variety, classes)
    if options.class_weights is not None:
        classes = len(options.class_weights)
    classes = max(classes, 2 if options.classification == "softmax_focal" else 1)
    problem = Problem(anchors, classes, (height * STRIDE, width * STRIDE), options)
    return Scene(problem, tuple(grids))


def _draw_scene_of(draw: st.DrawFn, variety: Variety, detector: FixedDetector) -> Scene:
    """Draw the problem of a detector: its options, and its classes if it leaves them open."""
    fixed = detector.num_classes
    classes = fixed or draw(whole(1, 4))
    options = draw_options(draw, variety, classes)
    weights = options.class_weights
    if fixed is None:
        fewest = 2 if options.classification == "softmax_focal" else 1
        classes = max(classes, fewest) if weights is None else len(weights)
    elif variety.options is None:  # options that were drawn must fit the classes
        if weights is not None and len(weights) != fixed:
            options = replace(options, class_weights=None)
        if options.classification == "softmax_focal" and fixed == 1:
            options = replace(options, classification="bce")
    return Scene(detector.problem(classes, options), detector.grids)
