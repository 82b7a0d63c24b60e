"""Read annotations of any format from a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mgloss.data.annotations import coco, lines, yolo
from mgloss.data.annotations.annotated import Annotated, AnnotationError
from mgloss.data.annotations.read_options import ReadOptions

DEFAULT = ReadOptions()


def read(path: str | os.PathLike[str], options: ReadOptions = DEFAULT) -> Iterator[Annotated]:
    """Yield each image of the annotations at a path: a folder (YOLO), *.json (COCO), or lines.

    Raise AnnotationError if they cannot be read. `options.on_malformed` decides what happens to a
    malformed line.
    """
    place = Path(path)
    try:
        if place.is_dir():
            yield from yolo.read(place, options)
        elif place.suffix.lower() == ".json":
            yield from coco.read(place, options)
        else:
            yield from lines.read(place, options)
    except OSError as error:
        raise AnnotationError(f"{error.filename or place}: {error.strerror or error}") from None
