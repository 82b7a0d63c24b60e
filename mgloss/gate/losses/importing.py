"""What `package.module:name` or `path/to/file.py:name` on a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from mgloss.gate.losses.calling import plain_text, quiet
from mgspec.problem.normalizations import unknown

DEFAULT_NAME = "loss"


Imported = tuple[Any, str, ModuleType]  # a value, its name, and the module that holds it


class LoadError(Exception):
    """What was named cannot be loaded or used; the message says what would do."""


def value_named(
    asked: str, *, what: str = "LOSS", default: str = DEFAULT_NAME, kind: type | None = None
) -> Imported:
    """The value that is asked for, its name, and the module that holds it.

    what: is asked for, as messages call it. default: the name, where none is given. kind: that
    other values in the module would be of; None for functions.
    """
    module, name = _module(asked, what, default)
    value = getattr(module, name, None)
    if value is None:
        raise LoadError(f"{asked}: {_no_such_name(module, name, kind)}")
    return value, name, module


def place_and_name(loss: str, default: str = DEFAULT_NAME) -> tuple[str, str]:
    """The file or module that LOSS names, and the name in it."""
    place, colon, name = loss.rpartition(":")
    return (loss, default) if not colon or os.sep in name else (place, name)


def _module(asked: str, what: str, default: str) -> tuple[ModuleType, str]:
    """The module that holds what is asked for, and the name in it."""
    place, name = place_and_name(asked, default)
    colon = place != asked
    if place.endswith(".py"):
        return _from_file(Path(place)), name
    if not colon or not place or not name or ":" in place or os.sep in place:
        meant = f"{place.partition(':')[0]}.py"
        hint = f"; did you mean {meant}?" if Path(meant).is_file() else ""
        raise LoadError(
            f"{what} {asked!r}: expected package.module:name or path/to/file.py:name{hint}"
        )
    return _imported(place, Path.cwd(), partial(importlib.import_module, place)), name


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise LoadError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"candidate_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    _imported(str(path), path.resolve().parent, partial(spec.loader.exec_module, module))
    return module


def _imported(place: str, folder: Path, execute: Callable[[], Any]) -> Any:
    """What `execute` gives, with the modules of a folder importable, as Python does for a script.

    Afterwards the folder comes last: a user's `types.py` must not stand in for the standard one.
    """
    sys.path.insert(0, str(folder))
    try:
        with quiet(native=True):
            return execute()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = f"{type(error).__name__}: {plain_text(error)}"
        raise LoadError(f"{place}: cannot be imported: {text}") from error
    finally:
        sys.path.remove(str(folder))
        sys.path.append(str(folder))


def _no_such_name(module: ModuleType, name: str, kind: type | None) -> str:
    def may_be_meant(value: Any) -> bool:
        if kind is not None:
            return isinstance(value, kind)
        return callable(value) and getattr(value, "__module__", None) == module.__name__

    known = [n for n, v in vars(module).items() if may_be_meant(v) and not n.startswith("_")]
    if not known:
        wanted = "function" if kind is None else kind.__name__
        return f"defines no {wanted} {name!r}, nor any other"
    return str(unknown("name", name, known))
