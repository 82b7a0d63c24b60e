"""Annotations of any kind, from a path."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mgloss.data.annotations.annotated import Annotated, AnnotationError, Size


def _fatal(message: str) -> None:
    raise AnnotationError(message)


def _unseen(done: int, total: int) -> None:
    return None


@dataclass(frozen=True)
class Reading:
    """How to read annotations.

    images: the folder that image paths start from; None for that of the annotations.
    image_size: (width, height) of every image whose own cannot be told; None to refuse those.
    malformed: called with what is wrong, where; returns for it to be left out, by default raises.
    progress: called with how much is done and how much there is.
    """

    images: Path | None = None
    image_size: Size | None = None
    malformed: Callable[[str], None] = _fatal
    progress: Callable[[int, int], None] = _unseen

    @cached_property
    def _pillow(self) -> bool:
        try:
            import PIL.Image  # noqa: F401
        except ImportError:
            return False
        return True

    def size_of(self, file: Path) -> Size:
        """(width, height) of the image in a file, from its header. Raises ValueError if unknown."""
        known = "say of what size the images are with --image-size"
        if file.is_file() and self._pillow:
            import PIL.Image

            try:
                with PIL.Image.open(file) as image:
                    return image.size
            except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
                if self.image_size is None:
                    raise ValueError(f"its image {file} cannot be read: {error}") from None
        if self.image_size is not None:
            return self.image_size
        if file.is_file():
            raise ValueError(
                "its image's size is needed, and Pillow, which reads it, is not installed "
                f"(pip install 'mgloss[data]'); or {known}"
            )
        raise ValueError(
            f"its image is not at {file}: say where images are with --images, or {known}"
        )


DEFAULT = Reading()


def read(path: str | os.PathLike[str], how: Reading = DEFAULT) -> Iterator[Annotated]:
    """Each image of the annotations at a path: a folder (YOLO), *.json (COCO), or lines.

    Raises AnnotationError where they cannot be read; for a line that is malformed, `how` decides.
    """
    from mgloss.data.annotations import coco, lines, yolo

    place = Path(path)
    try:
        if place.is_dir():
            yield from yolo.read(place, how)
        elif place.suffix.lower() == ".json":
            yield from coco.read(place, how)
        else:
            yield from lines.read(place, how)
    except OSError as error:
        raise AnnotationError(f"{error.filename or place}: {error.strerror or error}") from None
