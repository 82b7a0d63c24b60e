"""Import what `package.module:name` or `path/to/file.py:name` names on a command line."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from mgloss.gate.losses.adapters.recognizing import imported_frameworks
from mgloss.gate.losses.attributes import attribute, is_of
from mgloss.gate.losses.output import plain_text, quiet
from mgspec.problem.normalizations import unknown

DEFAULT_NAME = "loss"


class LoadError(Exception):
    """A loss or a description cannot be loaded or used; the message says what to do."""


class Imported(NamedTuple):
    """A value, its name, the module that defines it, and the frameworks that came with it."""

    value: Any
    name: str
    module: ModuleType
    brought: tuple[str, ...] = ()


def import_value(
    argument: str, *, what: str = "LOSS", default: str = DEFAULT_NAME, kind: type | None = None
) -> Imported:
    """Import the value that an argument names; raise LoadError if there is none.

    what: the argument as messages name it.
    default: the name to take if the argument gives none.
    kind: the class whose objects a message suggests instead of a wrong name; None for functions.
    """
    before = imported_frameworks()
    module, name = _import_module(argument, what, default)
    value = attribute(module, name)
    if value is None:
        raise LoadError(f"{argument}: {_explain_unknown_name(module, name, kind)}")
    brought = tuple(framework for framework in imported_frameworks() if framework not in before)
    return Imported(value, name, module, brought)


def split_name(argument: str, default: str = DEFAULT_NAME) -> tuple[str, str]:
    """Split an argument into a file or module, and the name in it."""
    place, colon, name = argument.rpartition(":")
    return (argument, default) if not colon or os.sep in name else (place, name)


def _import_module(argument: str, what: str, default: str) -> tuple[ModuleType, str]:
    """Import the module that an argument names; return it and the name in it."""
    place, name = split_name(argument, default)
    has_name = place != argument
    if place.endswith(".py"):
        return _import_file(Path(place)), name
    if not has_name or not place or not name or ":" in place or os.sep in place:
        file = f"{place.partition(':')[0]}.py"
        hint = f"; did you mean {file}?" if Path(file).is_file() else ""
        raise LoadError(
            f"{what} {argument!r}: expected package.module:name or path/to/file.py:name{hint}"
        )
    return _execute(place, Path.cwd(), partial(importlib.import_module, place)), name


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise LoadError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"candidate_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    _execute(str(path), path.resolve().parent, partial(spec.loader.exec_module, module))
    return module


def _execute(place: str, folder: Path, execute: Callable[[], Any]) -> Any:
    """Call `execute` with the modules of a folder importable first, as Python runs a script.

    Move the folder to the end of the search path afterwards, so that a user's `types.py` does not
    replace the standard one. Raise LoadError for whatever `execute` raises, except Ctrl-C.
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


def _explain_unknown_name(module: ModuleType, name: str, kind: type | None) -> str:
    """Say that a module lacks a name, and suggest those that may be meant."""

    def may_be_meant(value: Any) -> bool:
        if kind is not None:
            return is_of(value, kind)
        return callable(value) and attribute(value, "__module__") == module.__name__

    known = [n for n, v in vars(module).items() if may_be_meant(v) and not n.startswith("_")]
    if not known:
        wanted = "function" if kind is None else kind.__name__
        return f"defines no {wanted} {name!r}, nor any other"
    return str(unknown("name", name, known))
