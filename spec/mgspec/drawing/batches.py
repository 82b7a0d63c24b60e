"""Draw batches of images for a problem of the project's own layout."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import hypothesis.strategies as st
import numpy as np

from mgspec.drawing.numbers import SEEDS, among, mostly_large, some, whole
from mgspec.drawing.scenery import (
    ANYTHING,
    ORDINARY,
    RIGHT,
    STEPS,
    Content,
    Object,
    bulk_images,
    bulk_object,
    imitate_neighbours,
    make_predictions,
    objects_of,
    predict_right,
)
from mgspec.drawing.scenes import Scene
from mgspec.drawing.variety import MOST_DIFFERENT, Variety
from mgspec.problem.changes import concatenate, take
from mgspec.problem.layout import Batch, Problem

_IMAGES = whole(0, 2**24 - 1)  # see mgspec.drawing.scenery.bulk_images
_NEAR = whole(-5, 5)
_SIZE = whole(-8, 8)


@cache
def _steps_of_cell(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Return the strategy of `size` whole numbers, one for each channel of a cell."""
    return st.tuples(*[whole(-STEPS, STEPS)] * size)


def draw_object(
    draw: st.DrawFn, variety: Variety, problem: Problem, scale: int, kind: str = ORDINARY
) -> Object:
    """Draw an object for a cell of this scale, with its prediction of this kind.

    The simplest is centred in its cell and as large as its anchor, and all its predictions are 0.
    """
    if not variety.plain:
        return bulk_object(problem, scale, kind, draw(SEEDS))
    indices = (
        draw(whole(0, len(problem.anchors[scale]) - 1)),
        draw(whole(0, problem.num_classes - 1)),
    )
    numbers = [draw(_NEAR), draw(_NEAR), draw(_SIZE), draw(_SIZE), *indices]
    target = objects_of(problem, scale, np.array(numbers))
    size = problem.channels(scale)
    # Drawn for every kind, so that shrinking can change the kind alone.
    steps = np.array(draw(_steps_of_cell(size)))
    if kind == RIGHT:
        return Object(target, predict_right(target))
    return Object(target, make_predictions(steps, kind, quarters=False))


def _draw_plain_image(draw: st.DrawFn, variety: Variety, scene: Scene, content: Content) -> Batch:
    """Draw a batch of one image, whose numbers are drawn one by one."""
    problem = scene.problem
    kind = draw(among(content.kinds))
    background = draw(whole(-4, 4))
    objects = {} if content.empty else _draw_objects(draw, variety, scene, kind)
    imitation_seed = draw(whole(0, 20)) if content.imitate else 0
    targets = [np.zeros((*g, problem.channels(s)), np.float32) for s, g in enumerate(scene.grids)]
    predictions = [
        predict_right(target) if kind == RIGHT else np.full_like(target, background)
        for target in targets
    ]
    for (scale, row, column), drawn in objects.items():
        targets[scale][row, column] = drawn.target
        predictions[scale][row, column] = drawn.prediction
    batch = Batch(tuple(t[None] for t in targets), tuple(p[None] for p in predictions))
    if not imitation_seed or problem.options.ignore_thresh >= 1:
        return batch
    seeds = np.array([imitation_seed], np.uint64)
    return batch.with_predictions(
        [
            imitate_neighbours(problem, scale, target, prediction, seeds)
            for scale, (target, prediction) in enumerate(
                zip(batch.targets, batch.predictions, strict=True)
            )
        ]
    )


def _draw_objects(
    draw: st.DrawFn, variety: Variety, scene: Scene, kind: str
) -> dict[tuple[int, int, int], Object]:
    """Draw the objects of a plain image, by (scale, row, column)."""
    cells = scene.cells()
    most = min(variety.objects, len(cells))
    # A cell and its object are drawn together, so that shrinking deletes both.
    return {
        cells[number]: draw_object(draw, variety, scene.problem, cells[number][0], kind)
        for number in draw(some(len(cells), 0, most))
    }


_plain_images = st.composite(_draw_plain_image)


def draw_exactly(
    draw: st.DrawFn, variety: Variety, scene: Scene, count: int, content: Content = ANYTHING
) -> Batch:
    """Draw a batch of `count` images, of which at most four differ."""
    if count > MOST_DIFFERENT:
        different = draw(whole(1, MOST_DIFFERENT))
        images = draw_exactly(draw, variety, scene, different, content)
        return take(images, repeat_last(different, count))
    if variety.plain:
        return concatenate([_draw_plain_image(draw, variety, scene, content) for _ in range(count)])
    numbers = [draw(_IMAGES) for _ in range(count)]
    return bulk_images(scene.problem, scene.grids, numbers, variety.objects, content)


def draw_images(
    draw: st.DrawFn, variety: Variety, scene: Scene, count: tuple[int, int], content: Content
) -> Batch:
    """Draw a batch; count: the smallest and the largest number of images."""
    smallest, largest = count
    if variety.plain:  # shrinking deletes an element of a list as a whole
        image = _plain_images(variety, scene, content)
        return concatenate(draw(st.lists(image, min_size=smallest, max_size=largest)))
    return draw_exactly(draw, variety, scene, draw_count(draw, variety, smallest, largest), content)


def draw_count(draw: st.DrawFn, variety: Variety, smallest: int, largest: int) -> int:
    """Draw a number of images; where it may be large, mostly a large one."""
    if largest <= MOST_DIFFERENT:
        return draw(whole(smallest, largest))
    if variety.few_shapes:
        return draw(among((smallest, largest)))  # type: ignore[no-any-return]
    return draw(mostly_large(smallest, largest))


def repeat_last(different: int, images: int) -> list[int]:
    """Return the numbers of `images` images, of which the last of the different ones repeats."""
    return [min(number, different - 1) for number in range(images)]


@cache
def _one_or_all(kinds: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Return the strategy of one of the kinds or, in half of the draws, of all of them."""
    return st.sampled_from([*((kind,) for kind in kinds), *[kinds] * len(kinds)])


def draw_batch(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    smallest: int = 1,
    largest: int | None = None,
    content: Content = ANYTHING,
) -> Batch:
    """Draw a batch of `smallest` to `largest` images, but no more than the variety allows.

    largest: None for as many as it allows.
    Its predictions are of one of the content's kinds or of all.
    """
    if len(content.kinds) > 1:
        content = replace(content, kinds=draw(_one_or_all(content.kinds)))
    most = max(smallest, min(largest or variety.images, variety.images))
    return draw_images(draw, variety, scene, (smallest, most), content)
