"""Read one line an image: `path x1,y1,x2,y2,class x1,y1,x2,y2,class ...`, in pixels of the image.

The path may contain spaces, but no comma after a space. Empty lines are skipped. This is the format
of keras-yolo3 and its successors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mgloss.data.annotations.annotated import Annotated, AnnotationError, check_box
from mgloss.data.annotations.read_options import ReadOptions

BOX = r"[-+.\deE]+(,[-+.\deE]+){4}"  # a box where the path should be
LONGEST = 10_000_000  # bytes of a line; a longer one means another kind of file


def read(path: Path, options: ReadOptions) -> Iterator[Annotated]:
    """Yield the image of each line."""
    folder = options.images if options.images is not None else path.parent
    total = path.stat().st_size
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST):
            number += 1
            if len(line) == LONGEST:
                raise AnnotationError(f"{path}, line {number}: longer than {LONGEST:,} bytes")
            options.on_progress(file.tell(), total)
            try:
                image = _image(line, folder, options)
            except ValueError as error:
                options.on_malformed(f"{path}, line {number}: {error}")
                continue
            if image is not None:
                yield image


def _image(line: bytes, folder: Path, options: ReadOptions) -> Annotated | None:
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    if not text:
        return None
    if "\0" in text:
        raise ValueError("it has a null character in it")
    words = text.split()
    boxes = next((at for at, word in enumerate(words[1:], 1) if "," in word), len(words))
    name = text
    for word in reversed(words[boxes:]):
        name = name.removesuffix(word).rstrip()
    if re.fullmatch(BOX, name):
        raise ValueError("it has no path before its boxes")
    rows = [_box(word) for word in words[boxes:]]
    file = folder / name
    size = options.size_of(file)
    return Annotated(name, file, size, np.array(rows, np.float64).reshape(-1, 5))


def _box(word: str) -> tuple[float, ...]:
    parts = word.split(",")
    wanted = f"expected x1,y1,x2,y2,class, got {word[:60]!r}"
    if len(parts) != 5:
        raise ValueError(wanted)
    try:
        x1, y1, x2, y2 = (float(part) for part in parts[:4])
        kind = int(parts[4])
    except ValueError:
        raise ValueError(wanted) from None
    if kind < 0:
        raise ValueError(f"its class is negative in {word[:60]!r}")
    check_box(x1, y1, x2, y2)
    return x1, y1, x2, y2, kind
