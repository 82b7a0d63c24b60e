"""Read YOLO text: a file for each image, with `class x y width height` in each line.

x and y are the centre of the box; all four numbers are fractions of the image's width or height.
Files are searched in the folder and below it. The image of `labels/a/1.txt` is `images/a/1.*` if
there is such a folder beside `labels`, as in Ultralytics' layout; else `labels/a/1.*`. An empty
file is an image without objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mgloss.data.annotations.annotated import Annotated, AnnotationError, check_box
from mgloss.data.annotations.read_options import ReadOptions

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
NOT_LABELS = ("classes.txt", "requirements.txt", "readme.txt")


def read(folder: Path, options: ReadOptions) -> Iterator[Annotated]:
    """Yield the image of each text file, in the order of file names."""
    total = sum(1 for _ in _files(folder))
    if not total:
        raise AnnotationError(f"{folder}: no *.txt in this folder")
    for number, path in enumerate(_files(folder), 1):
        options.on_progress(number, total)
        relative = path.relative_to(folder)
        file = _file(folder, relative, options.images)
        try:
            size = options.size_of(file)
        except ValueError as error:
            options.on_malformed(f"{path}: {error}")
            continue
        yield Annotated(
            str(relative.with_suffix(file.suffix)), file, size, _boxes(path, size, options)
        )


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".txt") and name.lower() not in NOT_LABELS:
                yield Path(root, name)


def _file(folder: Path, relative: Path, images: Path | None) -> Path:
    """Return the path of a text file's image, or the path it should have."""
    if images is None:
        swapped = [part if part != "labels" else "images" for part in folder.absolute().parts]
        beside = Path(*swapped)
        images = beside if beside.is_dir() else folder
        parts = [part if part != "labels" else "images" for part in relative.parts]
        if images == folder and (folder / Path(*parts)).parent.is_dir():
            relative = Path(*parts)
    stem = images / relative
    for suffix in (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES)):
        if (there := stem.with_suffix(suffix)).is_file():
            return there
    return stem.with_suffix(SUFFIXES[0])


def _boxes(path: Path, size: tuple[int, int], options: ReadOptions) -> np.ndarray:
    width, height = size
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if words := line.decode("utf-8-sig").split():
                    rows.append(_box(words, width, height))
            except ValueError as error:  # UnicodeDecodeError is one
                reason = "it is not text in UTF-8" if isinstance(error, UnicodeError) else error
                options.on_malformed(f"{path}, line {number}: {reason}")
    return np.array(rows, np.float64).reshape(-1, 5)


def _box(words: list[str], width: int, height: int) -> tuple[float, ...]:
    wanted = f"expected class x y width height, got {' '.join(words)[:80]!r}"
    if len(words) != 5:
        raise ValueError(wanted)
    try:
        kind = int(words[0])
        x, y, w, h = (float(word) for word in words[1:])
    except ValueError:
        raise ValueError(wanted) from None
    if kind < 0:
        raise ValueError("its class is negative")
    if max(abs(x), abs(y), w, h) > 2:
        raise ValueError(f"coordinates are fractions of the image, from 0 to 1; {wanted}")
    box = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
    check_box(*box)
    return *box, kind
