"""The problem that a loss is of: this project's layout, or one that a description tells."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis.strategies import SearchStrategy

from mgloss.gate.losses.calling import plain_text, quiet
from mgloss.gate.losses.importing import LoadError, value_named
from mgspec import Described, Description, Images
from mgspec.problem.description import images_of
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.normalizations import unknown

DEFAULT_NAME = "problem"


@cache
def description(asked: str | Description | None) -> Description | None:
    """The description that is asked for: built in by its name, or as `path/to/file.py:name`.

    None for this project's layout. The same each time. Raises LoadError where it is none.
    """
    if asked is None or isinstance(asked, Description):
        return asked
    if asked in BUILT_IN:
        return BUILT_IN[asked]
    if ":" not in asked and not asked.endswith(".py"):
        raise LoadError(
            f"--problem: {unknown('problem', asked, tuple(BUILT_IN))}, or path/to/file.py:name of "
            "an mgspec.Description"
        )
    value, name, _ = value_named(asked, what="--problem", default=DEFAULT_NAME, kind=Description)
    if not isinstance(value, Description):
        raise LoadError(
            f"--problem {asked}: {name!r} is {type(value).__name__}, expected an mgspec.Description"
        )
    return value


def probes(description: Description) -> list[tuple[Described, Images]]:
    """Two plain batches: of an image with an object and one without, and of one image.

    They show what a loss returns. Raises LoadError where the description draws no images.
    """
    try:
        described = Described(description, _plainest(description.shared))
        images = [_plainest(description.image(n, described.shared)) for n in (1, 0)]
        return [
            (described, images_of(description, images, (1, 0))),
            (described, images_of(description, images[:1], (1,))),
        ]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError(
            f"the description {description.name!r} gives no images: "
            f"{type(error).__name__}: {plain_text(error)}"
        ) from error


def _plainest(strategy: SearchStrategy[Any]) -> Any:
    """What a strategy shrinks to."""
    settings = hypothesis.settings(
        database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with quiet():
        return hypothesis.find(strategy, lambda _: True, settings=settings, random=random.Random(0))
