"""From the LOSS of a command line to a candidate that the laws can judge."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from mgloss.gate import asked_options, numpy_adapter
from mgloss.gate.calling import EXPECTED_FORM, AnswerError, Form, Style, plain_text, probes, quiet
from mgspec import Candidate, LossError, Options, normalization
from mgspec.candidate import PLAIN_OPTIONS
from mgspec.normalizations import unknown

DEFAULT_NAME = "loss"


class LoadError(Exception):
    """LOSS cannot be turned into a candidate; the message says what would do."""


@dataclass(frozen=True)
class Loaded:
    """A candidate, and what a person should know of how it is judged.

    style: how it is called; None for the reference.
    """

    candidate: Candidate
    notes: tuple[str, ...] = ()
    style: Style | None = None


def load(
    loss: str | None, claims: str, *, options: str | None = None, show_traceback: bool = False
) -> Loaded:
    """The candidate that LOSS names: `package.module:name` or `path/to/file.py[:name]`.

    loss: None for the built-in reference. options: as of `asked_options.read`; None for a loss
        other than the reference that is taken for the three plain terms.

    Raises ValueError for an unknown normalization or options that are none, LoadError for a LOSS
    that cannot be judged.
    """
    normalization(claims)
    chosen = asked_options.read(options, claims)
    if loss is None:
        return Loaded(_tensorflow().reference(claims, chosen))
    found = _load(loss, claims, show_traceback)
    return _with_options(found, _plain(found) if options is None else chosen)


def load_object(
    loss: str | Callable[..., Any],
    claims: str,
    *,
    options: Options | Literal["all"] | None = None,
) -> Loaded:
    """The candidate that a loss or factory at hand is, or a LOSS as for `load`.

    options: "all" for a factory that follows those of each problem, else its own; None for a loss
        that is taken for the three plain terms.

    Raises as `load` does.
    """
    normalization(claims)
    if isinstance(loss, str):
        found = _load(loss, claims, False)
    else:
        function = loss
        while isinstance(function, partial):
            function = function.func
        named = function if hasattr(function, "__qualname__") else type(function)
        origin = str(getattr(named, "__module__", None))
        module = sys.modules.get(origin) or ModuleType(origin)
        name = named.__qualname__
        found = _of_value(f"{origin}:{name}", loss, name, module, claims, False)
    if options is None:
        return _with_options(found, _plain(found))
    return _with_options(found, options if isinstance(options, Options) else None)


def _plain(found: Loaded) -> Options:
    """The options of a loss of which nothing is known but what it returns."""
    knows = "objectness" in found.candidate.components
    return replace(PLAIN_OPTIONS, background="objectness" if knows else "anchor")


def _with_options(found: Loaded, options: Options | None) -> Loaded:
    return replace(found, candidate=replace(found.candidate, options=options))


def _load(loss: str, claims: str, show_traceback: bool) -> Loaded:
    module, name = _module(loss)
    value = getattr(module, name, None)
    if value is None:
        raise LoadError(f"{loss}: {_no_such_name(module, name)}")
    return _of_value(loss, value, name, module, claims, show_traceback)


def _of_value(
    loss: str, value: Any, name: str, module: ModuleType, claims: str, show_traceback: bool
) -> Loaded:
    """loss: what to call it in messages. name: of the value in its module."""
    if not callable(value):
        raise LoadError(
            f"{loss}: {name!r} is not callable but {type(value).__name__}; {EXPECTED_FORM}"
        )
    arguments = _arguments(value)
    if inspect.isclass(value) and arguments != 1:
        raise LoadError(
            f"{loss}: {name!r} is a class; make its object in a factory: "
            f"def loss(problem): return {name}(...)"
        )
    if arguments is None:
        raise LoadError(f"{loss}: {name!r} takes {inspect.signature(value)}; {EXPECTED_FORM}")
    form = Form(value, is_factory=arguments == 1, show_traceback=show_traceback)
    return _candidate(loss, form, module, claims)


def place_and_name(loss: str) -> tuple[str, str]:
    """The file or module that LOSS names, and the name in it."""
    place, colon, name = loss.rpartition(":")
    return (loss, DEFAULT_NAME) if not colon or os.sep in name else (place, name)


def _module(loss: str) -> tuple[ModuleType, str]:
    """The module that holds LOSS, and the name in it."""
    place, name = place_and_name(loss)
    colon = place != loss
    if place.endswith(".py"):
        return _from_file(Path(place)), name
    if not colon or not place or not name or ":" in place or os.sep in place:
        meant = f"{place.partition(':')[0]}.py"
        hint = f"; did you mean {meant}?" if Path(meant).is_file() else ""
        raise LoadError(
            f"LOSS {loss!r}: expected package.module:name or path/to/file.py:name{hint}"
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


def _no_such_name(module: ModuleType, name: str) -> str:
    functions = [
        known
        for known, value in vars(module).items()
        if callable(value)
        and not known.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]
    if not functions:
        return f"defines no function {name!r}, nor any other"
    return str(unknown("name", name, functions))


def _arguments(function: Callable[..., Any]) -> int | None:
    """How many arguments to call it with: 2 for a loss, 1 for a factory, None for neither."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [
        p
        for p in signature.parameters.values()
        if p.kind in positional and p.default is inspect.Parameter.empty
    ]
    # A factory may have options, and a loss too: what is required decides.
    arguments = 1 if len(required) == 1 else 2
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return None
    return arguments


def _tensorflow() -> Any:
    """The TensorFlow adapter; its first use of TensorFlow, which greets at length, is silent."""
    with quiet(native=True):
        from mgloss.gate import tensorflow_adapter

        tensorflow_adapter.start()
    return tensorflow_adapter


def _uses_tensorflow(module: ModuleType) -> bool:
    """Whether the module holds something of TensorFlow or Keras by a name of its own."""
    for value in list(vars(module).values()):
        origin = value.__name__ if isinstance(value, ModuleType) else type(value).__module__
        origin = getattr(value, "__module__", None) or origin
        if str(origin).partition(".")[0] in ("tensorflow", "keras"):
            return True
    return False


def _candidate(loss: str, form: Form, module: ModuleType, claims: str) -> Loaded:
    """Tries the loss on ordinary batches, to see what it is and what it returns."""
    adapter = _tensorflow() if _uses_tensorflow(module) else numpy_adapter
    try:
        form, answer, error = _tried(form, adapter)
    except AnswerError as wrong:
        raise LoadError(f"{loss}: {wrong}") from wrong
    notes = []
    if form.per_scale:
        notes.append("it takes the arrays of one scale; the scales' values are added up")
    if error is not None:
        notes.append(f"on an ordinary batch, {error}")
    if form.printed:
        notes.append("it prints while it runs; that is not shown")
    if answer is not None:
        # What was computed tells more of the framework than what the module imports.
        computed = [type(v).__module__.startswith("tensorflow") for v in answer.values()]
        adapter = _tensorflow() if any(computed) else numpy_adapter
    names = tuple(answer) if answer else ("total",)
    if names == ("total",):
        notes.append(
            "it returns a scalar, judged as the total with the background's term in it; "
            'if it is one component, return {"location": ...}'
        )
    if not adapter.HAS_GRADIENTS:
        notes.append("it is a NumPy loss: laws about gradients are skipped")
    candidate = Candidate(
        loss, partial(adapter.evaluate, form), names, adapter.HAS_GRADIENTS, claims
    )
    framework = adapter.__name__.rpartition(".")[2].removesuffix("_adapter")
    style = Style(framework, form.is_factory, form.per_scale)
    return Loaded(candidate, tuple(notes), style)


def _tried(form: Form, adapter: Any) -> tuple[Form, dict[str, Any] | None, LossError | None]:
    """How the loss is to be called, what it returned, and what it raised if it ever did.

    It is called with lists, and then with the arrays of one scale. A loss that raises both ways is
    taken to be of one scale if it was the list that it could not handle.
    """
    errors: dict[bool, LossError] = {}  # by whether it was called scale by scale
    by_scale = replace(form, per_scale=True)
    for problem, batch in probes():
        for attempt in (form, by_scale):
            try:
                answer = attempt.call(problem, *adapter.native(batch))
                adapter.evaluate(attempt, problem, batch, False)
            except AnswerError:
                raise
            except LossError as error:
                errors.setdefault(attempt.per_scale, error)
            else:
                return attempt, answer, errors.get(attempt.per_scale)
    cause = errors[False].__cause__
    not_for_lists = isinstance(cause, (AttributeError, TypeError)) and "list" in str(cause)
    likely = by_scale if not_for_lists else form
    return likely, None, errors[likely.per_scale]
