"""Draw batches of any layout: of a described problem, or of the project's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import hypothesis.strategies as st

from mgspec.drawing.batches import draw_batch, draw_count, repeat_last
from mgspec.drawing.numbers import mostly_large, whole
from mgspec.drawing.scenes import draw_scene
from mgspec.drawing.variety import MOST_DIFFERENT, Variety
from mgspec.problem.changes import take
from mgspec.problem.description import Described, Image, Images, images_of
from mgspec.problem.layout import AnyBatch, AnyProblem


def draw_described(
    draw: st.DrawFn,
    variety: Variety,
    described: Described,
    *,
    smallest: int = 1,
    largest: int | None = None,
    objects: int = 0,
    empty: bool = False,
) -> Images:
    """Draw a batch of `smallest` to `largest` images of a described problem.

    largest: None for as many as the variety allows; no more than these in any case.
    objects: the least number of objects in an image, where the description says of no more.
    empty: draw images without objects.

    Raise ValueError if the description draws images that are no batch.
    """
    description = described.description
    most = (
        min(description.most_objects, variety.objects)
        if variety.plain
        else description.most_objects
    )
    fewest = max(objects, description.fewest_objects)
    bounds = (0, 0) if empty else (fewest, max(fewest, most))
    largest = max(smallest, min(largest or variety.images, variety.images))
    many = None
    is_large = largest > MOST_DIFFERENT
    if is_large:
        many = draw_count(draw, variety, smallest, largest)
        smallest, largest = 1, min(many, MOST_DIFFERENT)
    try:
        hash(described.shared)
        strategy = _described_images(described, *bounds, smallest, largest, is_large)
    except TypeError:  # the shared data may be a list, which no cache can hold
        strategy = _described_images.__wrapped__(described, *bounds, smallest, largest, is_large)
    images, counts = zip(*draw(strategy), strict=True)
    batch = images_of(description, images, counts)
    return batch if many is None else take(batch, repeat_last(batch.images, many))


@lru_cache(maxsize=256)  # because Hypothesis takes long to inspect a new strategy
def _described_images(
    described: Described, fewest: int, most: int, smallest: int, largest: int, is_large: bool
) -> st.SearchStrategy[list[tuple[Image, int]]]:
    """Return the strategy of lists of images, each with its number of objects.

    is_large: let most images have nearly as many objects as they may.
    """
    image = described.description.image
    by_count = {n: image(n, described.shared) for n in range(fewest, most + 1)}
    counts = mostly_large(fewest, most) if is_large else whole(fewest, most)
    counted = counts.flatmap(lambda n: st.tuples(by_count[n], st.just(n)))
    # Shrinking deletes an element of a list as a whole.
    return st.lists(counted, min_size=smallest, max_size=largest)


def draw_any_problem(
    draw: st.DrawFn, variety: Variety
) -> tuple[AnyProblem, Callable[..., AnyBatch]]:
    """Draw a problem of the variety's layout, and return it with a function that draws batches.

    The function takes `smallest` and `largest` as `draw_batch` and `draw_described` do.
    """
    if variety.description is None:
        scene = draw_scene(draw, variety)
        return scene.problem, partial(draw_batch, draw, variety, scene)
    described = Described(variety.description, draw(variety.description.shared))
    return described, partial(draw_described, draw, variety, described)
