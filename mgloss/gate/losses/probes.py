"""Ordinary batches on which a loss is tried, to see how to call it and what it returns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck
from hypothesis.strategies import SearchStrategy

from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.output import plain_text, quiet
from mgspec import Batch, Described, Description, Images, Options, Problem
from mgspec.problem.description import images_of
from mgspec.problem.detector import FixedDetector
from mgspec.problem.layout import AnyBatch, AnyProblem

Probe = tuple[AnyProblem, AnyBatch]
Probes = Sequence[Probe]


def probe_batches(description: Description | None, detector: FixedDetector | None = None) -> Probes:
    """Return problems with one batch each, the most telling first.

    description: of the loss's problem; None for this project's layout. detector: the only one that
        the loss is judged on, if there is one.

    Raise LoadError if the description draws no images.
    """
    if detector is not None:
        problem = detector.problem(detector.num_classes or 3, Options())
        return [
            _layout_probe(problem, 2, detector.grids, objects=2),
            _layout_probe(problem, 1, detector.grids, objects=1),
        ]
    return _layout_probes() if description is None else _described_probes(description)


def _layout_probes() -> list[tuple[Problem, Batch]]:
    """Return batches of this project's layout.

    A loss that raises on the first may answer others, which have square grids, objects in every
    image, a single image, or one of the numbers of scales, anchors and classes that are searched.
    Scales differ in size, so that no list of arrays of several scales passes for an array.
    """
    anchors, grids = ((48.0, 32.0), (32.0, 64.0), (64.0, 48.0)), ((2, 2), (4, 4))
    finer = ((16.0, 24.0), (24.0, 16.0), (8.0, 16.0))
    uneven = (anchors[:2], finer[:1])
    return [
        _layout_probe(Problem(uneven, 3, (32, 64)), 2, ((1, 2), (2, 4)), objects=1),
        _layout_probe(Problem(uneven, 3, (64, 64)), 2, grids, objects=2),
        _layout_probe(Problem(uneven, 1, (32, 32)), 1, ((1, 1), (2, 2)), objects=1),
        *(
            _layout_probe(
                Problem((anchors[:count], finer[:count])[:scales], classes, (64, 64)),
                2,
                grids[:scales],
                objects=2,
            )
            for scales in (2, 1)
            for count in (2, 3, 1)
            for classes in (3, 4, 2, 1)
        ),
    ]


def _layout_probe(
    problem: Problem, images: int, grids: tuple[tuple[int, int], ...], *, objects: int
) -> tuple[Problem, Batch]:
    """Return a batch with a positive cell a scale in the first images, `objects` of them.

    Its predictions are between -1 and 1.
    """
    targets, predictions = [], []
    for scale, grid in enumerate(grids):
        shape = (images, *grid, problem.channels(scale))
        target = np.zeros(shape, np.float32)
        target[:objects, 0, -1, [0, 1, 4, 5, -1]] = (0.5, 0.25, 1, 1, 1)
        targets.append(target)
        steps = np.arange(np.prod(shape)) % 9 - 4
        predictions.append((steps / 4).astype(np.float32).reshape(shape))
    return problem, Batch(tuple(targets), tuple(predictions))


def _described_probes(description: Description) -> list[tuple[Described, Images]]:
    """Return three batches: two images, the first with one object more; the first alone, and twice.

    The second has as few objects as the description says that there may be, mostly none.
    """
    try:
        described = Described(description, _simplest(description.shared))
        fewest = description.fewest_objects
        more = fewest + 1
        images = [_simplest(description.image(n, described.shared)) for n in (more, fewest)]
        first = images[0]
        return [
            (described, images_of(description, images, (more, fewest))),
            (described, images_of(description, [first, first], (more, more))),
            (described, images_of(description, [first], (more,))),
        ]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError(
            f"the description {description.name!r} gives no images: "
            f"{type(error).__name__}: {plain_text(error)}"
        ) from error


def _simplest(strategy: SearchStrategy[Any]) -> Any:
    """Return the value that a strategy shrinks to."""
    settings = hypothesis.settings(
        database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with quiet():
        return hypothesis.find(strategy, lambda _: True, settings=settings, random=random.Random(0))
