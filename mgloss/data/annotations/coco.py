"""COCO JSON: `images`, `annotations` and `categories`, as for detection.

The file is parsed as a stream and its boxes are brought together by image in a database in a
temporary file, for they come in any order; so memory does not grow with them. Crowds (`iscrowd`),
boxes around many objects, are left out. Classes are numbered in the order of the category ids.
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

from mgloss.data.annotations.annotated import Annotated, AnnotationError, checked_box, checked_size
from mgloss.data.annotations.reading import Reading

TABLES = """
create table image (id integer primary key, name text, width integer, height integer);
create table category (id integer primary key);
create table box (image integer, x1 real, y1 real, x2 real, y2 real, category integer, place text);
"""
BOXES = """
select image.id, image.name, image.width, image.height, x1, y1, x2, y2, category
from image left join box on box.image = image.id order by image.id, box.rowid
"""
MOST_ID = 2**63 - 1  # that the database takes
DEEPEST = 1000  # lists and objects within each other
Row = tuple[Any, ...]


def read(path: Path, how: Reading) -> Iterator[Annotated]:
    """Each image of the file, in the order of their ids; those without a box too."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        closing(sqlite3.connect(Path(folder, "boxes.sqlite"))) as data,
    ):
        data.execute("pragma synchronous = off")
        data.executescript(TABLES)
        _load(path, how, data)
        yield from _images(path, how, data)


def _images(path: Path, how: Reading, data: sqlite3.Connection) -> Iterator[Annotated]:
    _tell_strays(path, how, data)
    known = [row[0] for row in data.execute("select id from category order by id")]
    number = {category: at for at, category in enumerate(known)}
    rows = data.execute(BOXES)
    root = how.images if how.images is not None else path.parent
    for (_, name, width, height), boxes in groupby(rows, key=lambda row: row[:4]):
        found = [(*box[4:8], number[box[8]]) for box in boxes if box[8] is not None]
        yield Annotated(
            name, root / name, (width, height), np.array(found, np.float64).reshape(-1, 5)
        )


def _tell_strays(path: Path, how: Reading, data: sqlite3.Connection) -> None:
    """Boxes of images or categories that the file does not have are malformed."""
    for what, table in (("image", "image"), ("category", "category")):
        strays = f"{what} not in (select id from {table})"
        for place, stray in data.execute(f"select place, {what} from box where {strays}"):
            how.malformed(f"{path}, {place}: the file has no {what} with the id {stray}")
        data.execute(f"delete from box where {strays}")
    data.execute("create index box_of_image on box (image)")


def _load(path: Path, how: Reading, data: sqlite3.Connection) -> None:
    """Every part of the file into its table."""
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
                        how.progress(turn * size + file.tell(), len(PARTS) * size)
                    place = f"{part}[{number}]"
                    try:
                        row = row_of(item, place, how)
                        if row is not None:
                            data.execute(f"insert into {table} values ({marks})", row)
                    except sqlite3.IntegrityError:
                        how.malformed(f"{path}, {place}: its id {item['id']} was given before")
                    except ValueError as error:
                        how.malformed(f"{path}, {place}: {error}")
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
    """A file whose reader is spared JSON that is nested without end, which costs it all memory.

    Brackets in texts count too: it would take a thousand that nothing closes to refuse a good file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.depth = file, 0

    def read(self, size: int = -1) -> bytes:
        """As of a file. Raises ValueError where it is too deep."""
        text = self.file.read(size)
        letters = np.frombuffer(text, np.uint8) | 0x20  # "[" and "{" become one, as do "]" and "}"
        steps = (letters == ord("{")).astype(np.int64) - (letters == ord("}"))
        depths = self.depth + np.cumsum(steps)
        if depths.max(initial=0) > DEEPEST:
            raise ValueError(f"more than {DEEPEST} lists and objects within each other")
        self.depth = int(depths[-1]) if len(depths) else self.depth
        return text


def _id(item: Any, key: str) -> int:
    if not isinstance(item, dict):
        raise ValueError(f"expected an object with {key!r}")
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_ID:
        raise ValueError(f"{key!r} must be a whole number, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _image(item: Any, place: str, how: Reading) -> Row:
    key = _id(item, "id")
    name = item.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"'file_name' must be a path, got {_shown(name)}")
    if how.image_size is not None and "width" not in item and "height" not in item:
        return key, name, *how.image_size
    return key, name, *checked_size(item.get("width"), item.get("height"))


def _category(item: Any, place: str, how: Reading) -> Row:
    return (_id(item, "id"),)


def _annotation(item: Any, place: str, how: Reading) -> Row | None:
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
    checked_box(x, y, x + width, y + height)
    return image, x, y, x + width, y + height, category, place


# Of each part of the file: its table, a mark for each column, and what makes a row of an item.
PARTS = {
    "images": ("image", "?, ?, ?, ?", _image),
    "categories": ("category", "?", _category),
    "annotations": ("box", "?, ?, ?, ?, ?, ?, ?", _annotation),
}
