"""JSON documents as files: read with suspicion, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

Parsed = TypeVar("Parsed")

LONGEST_MESSAGE = 400  # characters; a message may quote what a file holds


def read(
    path: Path,
    parse: Callable[[Any], Parsed],
    error: type[ValueError],
    *,
    largest: int,
    pairs: Callable[[list[tuple[str, Any]]], Any] = dict,
) -> Parsed:
    """What `parse` makes of a JSON file; `error`, naming the file, where it is none.

    parse: raises ValueError where the document is not what it should be.
    largest: in bytes; a larger file is not read.
    pairs: makes an object of its names and values.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name}: numbers must be finite")

    try:
        if path.exists() and not path.is_file():
            raise ValueError("is not a file")
        if path.stat().st_size > largest:
            raise ValueError(f"larger than {largest // 2**20} MiB")
        text = path.read_text(encoding="utf-8")
        return parse(json.loads(text, parse_constant=refuse, object_pairs_hook=pairs))
    except OSError as wrong:
        raise error(f"{path}: {wrong.strerror or wrong}") from None
    except json.JSONDecodeError as wrong:
        raise error(f"{path}: not JSON, or cut off: {wrong.msg} in line {wrong.lineno}") from None
    except (UnicodeDecodeError, RecursionError):
        raise error(f"{path}: not a JSON text file") from None
    except ValueError as wrong:
        raise error(f"{path}: {str(wrong)[:LONGEST_MESSAGE]}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half of it."""
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
