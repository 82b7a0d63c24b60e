"""Options for reading annotations: where images are, their size, and malformed lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mgloss.data.annotations.annotated import AnnotationError, Size


def _stop(message: str) -> None:
    raise AnnotationError(message)


def _ignore(done: int, total: int) -> None:
    return None


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading annotations of any format.

    images: folder that image paths start from; None for the folder of the annotations.
    image_size: (width, height) in pixels of every image whose own size is unknown; None to treat
        such an image as malformed.
    on_malformed: called with a message that names the place. If it returns, the line is left out;
        by default it raises AnnotationError.
    on_progress: called with the amount done and the total amount.
    """

    images: Path | None = None
    image_size: Size | None = None
    on_malformed: Callable[[str], None] = _stop
    on_progress: Callable[[int, int], None] = _ignore

    @cached_property
    def _has_pillow(self) -> bool:
        try:
            import PIL.Image  # noqa: F401
        except ImportError:
            return False
        return True

    def size_of(self, file: Path) -> Size:
        """Return (width, height) of an image, from its file's header or else `image_size`.

        Raise ValueError if neither tells the size.
        """
        advice = "give the size of the images with --image-size"
        if file.is_file() and self._has_pillow:
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
                f"(pip install 'mgloss[data]'); or {advice}"
            )
        raise ValueError(
            f"its image is not at {file}: give the folder of the images with --images, or {advice}"
        )
