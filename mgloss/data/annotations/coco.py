"""Read COCO JSON for detection: `images`, `annotations` and `categories`.

Boxes come in any order. The file is parsed as a stream, and a database in a temporary file groups
its boxes by image; so memory does not grow with their number. Crowds (`iscrowd`), boxes around many
objects, are left out. Classes are numbered in the order of the category ids.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import numpy as np

from mgloss.data.annotations.annotated import Annotated, AnnotationError, check_box, check_size
from mgloss.data.annotations.read_options import ReadOptions

TABLES = """
create table image (id integer primary key, name text, width integer, height integer);
create table category (id integer primary key);
create table box (image integer, x1 real, y1 real, x2 real, y2 real, category integer, place text);
"""
BOXES = """
select image.id, image.name, image.width, image.height, x1, y1, x2, y2, category
from image left join box on box.image = image.id order by image.id, box.rowid
"""
LARGEST_ID = 2**63 - 1  # of the database
DEEPEST = 1000  # levels of lists and objects
Row = tuple[Any, ...]


def read(path: Path, options: ReadOptions) -> Iterator[Annotated]:
    """Yield every image of the file, in the order of ids, with or without boxes."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        closing(sqlite3.connect(Path(folder, "boxes.sqlite"))) as data,
    ):
        data.execute("pragma synchronous = off")
        data.executescript(TABLES)
        _load(path, options, data)
        yield from _images(path, options, data)


def _images(path: Path, options: ReadOptions, data: sqlite3.Connection) -> Iterator[Annotated]:
    _report_strays(path, options, data)
    known = [row[0] for row in data.execute("select id from category order by id")]
    number = {category: at for at, category in enumerate(known)}
    rows = data.execute(BOXES)
    root = options.images if options.images is not None else path.parent
    for (_, name, width, height), boxes in groupby(rows, key=lambda row: row[:4]):
        rows_of_image = [(*box[4:8], number[box[8]]) for box in boxes if box[8] is not None]
        array = np.array(rows_of_image, np.float64).reshape(-1, 5)
        yield Annotated(name, root / name, (width, height), array)


def _report_strays(path: Path, options: ReadOptions, data: sqlite3.Connection) -> None:
    """Report boxes of unknown images or categories as malformed, and delete them."""
    for what, table in (("image", "image"), ("category", "category")):
        strays = f"{what} not in (select id from {table})"
        for place, stray in data.execute(f"select place, {what} from box where {strays}"):
            options.on_malformed(f"{path}, {place}: the file has no {what} with the id {stray}")
        data.execute(f"delete from box where {strays}")
    data.execute("create index box_of_image on box (image)")


def _load(path: Path, options: ReadOptions, data: sqlite3.Connection) -> None:
    """Copy every part of the file into its table."""
    try:
        import ijson
    except ImportError:
        raise AnnotationError(
            "COCO JSON is read by ijson, which is not installed: pip install 'mgloss[data]'"
        ) from None

    size = path.stat().st_size
    for turn, (part, (table, marks, row_of)) in enumerate(PARTS.items()):
        with path.open("rb") as file:
            try:
                for number, item in enumerate(
                    ijson.items(_Shallow(file), f"{part}.item", use_float=True)
                ):
                    if number % 1000 == 0:
                        options.on_progress(turn * size + file.tell(), len(PARTS) * size)
                    place = f"{part}[{number}]"
                    try:
                        row = row_of(item, place, options)
                        if row is not None:
                            data.execute(f"insert into {table} values ({marks})", row)
                    except sqlite3.IntegrityError:
                        options.on_malformed(
                            f"{path}, {place}: its id {item['id']} was given before"
                        )
                    except ValueError as error:
                        options.on_malformed(f"{path}, {place}: {error}")
            except AnnotationError:
                raise
            except (ijson.JSONError, ValueError) as error:  # of text that is not UTF-8, too
                raise AnnotationError(f"{path}: no JSON that can be read: {error}") from None
    if not data.execute("select count(*) from image").fetchone()[0]:
        raise AnnotationError(
            f"{path}: no images in it; expected COCO's "
            '{"images": [...], "annotations": [...], "categories": [...]}'
        )


class _Shallow:
    """A file that refuses deeply nested JSON, which would take the parser all memory.

    Brackets inside strings count too. Only a valid file with a thousand unclosed brackets in its
    strings would be refused.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.depth = file, 0

    def read(self, size: int = -1) -> bytes:
        """Read like a file. Raise ValueError where the nesting is too deep."""
        text = self.file.read(size)
        letters = np.frombuffer(text, np.uint8) | 0x20  # "[" and "{" become one, as do "]" and "}"
        steps = (letters == ord("{")).astype(np.int64) - (letters == ord("}"))
        depths = self.depth + np.cumsum(steps)
        if depths.max(initial=0) > DEEPEST:
            raise ValueError(f"more than {DEEPEST} levels of lists and objects")
        self.depth = int(depths[-1]) if len(depths) else self.depth
        return text


def _id(item: Any, key: str) -> int:
    if not isinstance(item, dict):
        raise ValueError(f"expected an object with {key!r}")
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_ID:
        raise ValueError(f"{key!r} must be a whole number, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _image(item: Any, place: str, options: ReadOptions) -> Row:
    key = _id(item, "id")
    name = item.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"'file_name' must be a path, got {_shown(name)}")
    if options.image_size is not None and "width" not in item and "height" not in item:
        return key, name, *options.image_size
    return key, name, *check_size(item.get("width"), item.get("height"))


def _category(item: Any, place: str, options: ReadOptions) -> Row:
    return (_id(item, "id"),)


def _annotation(item: Any, place: str, options: ReadOptions) -> Row | None:
    image, category = _id(item, "image_id"), _id(item, "category_id")
    if item.get("iscrowd"):
        return None
    box = item.get("bbox")
    if (
        not isinstance(box, list)
        or len(box) != 4
        or any(isinstance(v, bool) or not isinstance(v, int | float) for v in box)
    ):
        raise ValueError(f"'bbox' must be [x, y, width, height], got {_shown(box)}")
    try:
        x, y, width, height = (float(value) for value in box)
    except OverflowError:
        raise ValueError(f"'bbox' has a number that is too large: {_shown(box)}") from None
    check_box(x, y, x + width, y + height)
    return image, x, y, x + width, y + height, category, place


# For each part of the file: its table, a mark for each column, and the function that makes a row.
PARTS = {
    "images": ("image", "?, ?, ?, ?", _image),
    "categories": ("category", "?", _category),
    "annotations": ("box", "?, ?, ?, ?, ?, ?, ?", _annotation),
}
