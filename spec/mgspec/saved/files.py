"""Read JSON files that cannot be trusted, and write files whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

Parsed = TypeVar("Parsed")

LONGEST_MESSAGE = 400  # characters; a message may quote what a file holds


def read_json(
    path: Path,
    parse: Callable[[Any], Parsed],
    error: type[ValueError],
    *,
    largest: int,
    make_object: Callable[[list[tuple[str, Any]]], Any] = dict,
) -> Parsed:
    """Return what `parse` makes of a JSON file.

    parse: called with the document; raises ValueError if it is not as expected.
    largest: bytes; a larger file is not read.
    make_object: makes an object from its names and values.

    Raise `error`, naming the file, if it cannot be read or parsed.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name}: numbers must be finite")

    try:
        if path.exists() and not path.is_file():
            raise ValueError("is not a file")
        if path.stat().st_size > largest:
            raise ValueError(f"larger than {largest // 2**20} MiB")
        text = path.read_text(encoding="utf-8")
        return parse(json.loads(text, parse_constant=refuse, object_pairs_hook=make_object))
    except OSError as cause:
        raise error(f"{path}: {cause.strerror or cause}") from None
    except json.JSONDecodeError as cause:
        raise error(f"{path}: not JSON, or cut off: {cause.msg} in line {cause.lineno}") from None
    except (UnicodeDecodeError, RecursionError):
        raise error(f"{path}: not a JSON text file") from None
    except ValueError as cause:
        raise error(f"{path}: {str(cause)[:LONGEST_MESSAGE]}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, so that a reader never sees half of it.

    Make its folder if there is none. Raise OSError if the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
