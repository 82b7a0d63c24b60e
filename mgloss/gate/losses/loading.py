"""From the LOSS of a command line to a candidate that the laws can judge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any, Literal

from mgloss.gate.losses import options as asked_options
from mgloss.gate.losses.adapters.adapter import Adapter, ask, evaluate, to_evaluation
from mgloss.gate.losses.adapters.recognizing import rank_frameworks
from mgloss.gate.losses.adapters.starting import FrameworkError, need_installed, start_adapter
from mgloss.gate.losses.answers import AnswerError
from mgloss.gate.losses.callables import recognize_form
from mgloss.gate.losses.form import Form, Style
from mgloss.gate.losses.importing import Imported, LoadError, import_value
from mgloss.gate.losses.probes import Probes, probe_batches
from mgloss.gate.losses.problems import find_description
from mgloss.gate.losses.signatures import takes_predictions_first
from mgspec import Candidate, Description, LossError, Options, normalization
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.layout import AnyProblem

__all__ = ["LoadError", "Loaded", "load", "load_object"]


@dataclass(frozen=True)
class Loaded:
    """A candidate, and what a person should know of how it is judged.

    style: how it is called; None for the reference.
    """

    candidate: Candidate
    notes: tuple[str, ...] = ()
    style: Style | None = None


@dataclass(frozen=True)
class _Asked:
    """A loss at hand, and what is said of it.

    loss: what to call it in messages. name: of the value in its module. description: of its
    problem, None for this project's layout. framework: None for whichever it is found to be of.
    """

    loss: str
    value: Any
    name: str
    module: ModuleType
    claims: str
    description: Description | None
    framework: str | None
    show_traceback: bool


def load(
    loss: str | None,
    claims: str,
    *,
    options: str | None = None,
    problem: str | None = None,
    framework: str | None = None,
    show_traceback: bool = False,
    imported: Imported | None = None,
    tried: bool = True,
) -> Loaded:
    """The candidate that LOSS names: `package.module:name` or `path/to/file.py[:name]`.

    loss: None for the built-in reference. options: as of `asked_options.read`; None for a loss
        other than the reference that is taken for the three plain terms. problem: as of
        `problems.find_description`. framework: None for whichever the loss is found to be of.
    imported: what `import_value(loss)` gives, where that is known. tried: evaluate it on plain
        batches to see what it returns; else it is taken to be what is likely.

    Raises ValueError for an unknown normalization or options that are none, LoadError for a LOSS
    that cannot be judged.
    """
    normalization(claims)
    chosen = asked_options.read(options, claims)
    if loss is None:
        need_reference()
        start_adapter("tensorflow")
        from mgloss.gate.losses.reference import reference

        return Loaded(reference(claims, chosen))
    if problem is not None and options is not None:
        raise LoadError("--options tell of this project's layout, --problem of another: give one")
    described = find_description(problem)
    value, name, module = imported or import_value(loss)
    asked = _Asked(loss, value, name, module, claims, described, framework, show_traceback)
    found = _candidate(asked, tried)
    return _with_options(found, _plain(found) if options is None else chosen)


def need_reference() -> None:
    """LoadError where the built-in reference cannot run; TensorFlow is not imported to tell."""
    try:
        need_installed("tensorflow")
    except FrameworkError as error:
        raise LoadError(
            f"the built-in reference is a TensorFlow loss: {error}; or name a LOSS"
        ) from error


def load_object(
    loss: str | Callable[..., Any],
    claims: str,
    *,
    options: Options | Literal["all"] | None = None,
    problem: str | Description | None = None,
    framework: str | None = None,
) -> Loaded:
    """The candidate that a loss or factory at hand is, or a LOSS as for `load`.

    options: "all" for a factory that follows those of each problem, else its own; None for a loss
        that is taken for the three plain terms.

    Raises as `load` does.
    """
    normalization(claims)
    described = find_description(problem)
    if isinstance(loss, str):
        value, name, module = import_value(loss)
        label = loss
    else:
        value = loss
        function = loss
        while isinstance(function, partial):
            function = function.func
        of = function if hasattr(function, "__qualname__") else type(function)
        origin = str(getattr(of, "__module__", None))
        module = sys.modules.get(origin) or ModuleType(origin)
        name = of.__qualname__
        label = f"{origin}:{name}"
    found = _candidate(_Asked(label, value, name, module, claims, described, framework, False))
    if options is None:
        return _with_options(found, _plain(found))
    return _with_options(found, options if isinstance(options, Options) else None)


def _plain(found: Loaded) -> Options:
    """The options of a loss of which nothing is known but what it returns."""
    knows = "objectness" in found.candidate.components
    return replace(PLAIN_OPTIONS, background="objectness" if knows else "anchor")


def _with_options(found: Loaded, options: Options | None) -> Loaded:
    return replace(found, candidate=replace(found.candidate, options=options))


def _candidate(request: _Asked, is_tried: bool = True) -> Loaded:
    """Tries the loss on plain batches, to see what it is of, how it is called, what it returns."""
    form = recognize_form(
        request.loss,
        request.value,
        request.name,
        is_described=request.description is not None,
        show_traceback=request.show_traceback,
    )
    batches = probe_batches(request.description)
    try:
        adapter, tried = _of_framework(request, form, batches if is_tried else ())
    except AnswerError as wrong:
        raise LoadError(f"{request.loss}: {wrong}") from wrong
    form = tried.form
    names = tuple(tried.components) if tried.components else ("total",)
    candidate = Candidate(
        request.loss,
        partial(evaluate, adapter, form),
        names,
        adapter.has_gradients,
        request.claims,
        description=request.description,
        few_shapes=adapter.compiles,
    )
    style = Style(adapter.name, form.is_factory, form.per_scale, form.predictions_first)
    return Loaded(candidate, tuple(_notes(form, tried, names, adapter)), style)


def _notes(form: Form, tried: _Tried, names: tuple[str, ...], adapter: Adapter) -> list[str]:
    notes = []
    if form.per_scale:
        notes.append("it takes the arrays of one scale; the scales' values are added up")
    if form.predictions_first:
        notes.append("by the names of its arguments, it is given predictions before targets")
    if tried.error is not None:
        notes.append(f"on an ordinary batch, {tried.error}")
    if form.printed:
        notes.append("it prints while it runs; that is not shown")
    if names == ("total",):
        notes.append(
            "it returns a scalar, judged as the total with the background's term in it; "
            "if it is one component, return {"
            + ('"its name"' if form.is_described else '"location"')
            + ": ...}"
        )
    if not adapter.has_gradients:
        notes.append("it is a NumPy loss: laws about gradients are skipped")
    return notes


@dataclass(frozen=True)
class _Tried:
    """How a loss is to be called, what it returned, and what it raised if it ever did."""

    form: Form
    components: Mapping[str, Any] | None
    error: LossError | None


def _of_framework(request: _Asked, form: Form, batches: Probes) -> tuple[Adapter, _Tried]:
    """The framework that the loss is of, and how it was tried with it.

    What was computed tells more than what a module imports: a loss is of the first framework whose
    own numbers it returns.
    """
    names = (
        [request.framework] if request.framework else rank_frameworks(request.value, request.module)
    )
    attempts: list[tuple[Adapter, _Tried]] = []
    refused: Exception | None = None
    for name in names:
        try:
            adapter = start_adapter(name)
        except FrameworkError as error:
            if request.framework:
                raise LoadError(f"--framework: {error}") from error
            refused = error
            continue
        try:
            tried = _tried(form, adapter, batches)
        except AnswerError as error:
            # It may be of another framework whose numbers these would be.
            refused = error
            continue
        attempts.append((adapter, tried))
        answered = tried.components or {}
        if tried.error is None and any(map(adapter.is_own_number, answered.values())):
            return attempts[-1]
    if not attempts:
        raise refused if refused is not None else LoadError(f"{request.loss}: cannot be tried")
    # It raised, or returned plain numbers: then of the likeliest that had an answer.
    return next((each for each in attempts if each[1].components), attempts[0])


def _tried(form: Form, adapter: Adapter, batches: Probes) -> _Tried:
    """It is called with lists, and then with the arrays of one scale.

    A loss that raises both ways is taken to be of one scale if it was the list that it could not
    handle.
    """
    errors: dict[bool, LossError] = {}  # by whether it was called scale by scale
    attempts = [form] if form.is_described else [form, replace(form, per_scale=True)]
    for problem, batch in batches:
        for attempt in attempts:
            try:
                attempt = _in_order(attempt, problem)
                answer = ask(adapter, attempt, problem, batch, False)
                to_evaluation(batch, answer)
            except AnswerError:
                raise
            except LossError as error:
                errors.setdefault(attempt.per_scale, error)
            else:
                return _Tried(attempt, answer.components, errors.get(attempt.per_scale))
    if not batches:
        return _Tried(form, None, None)
    cause = errors[False].__cause__
    not_for_lists = isinstance(cause, (AttributeError, TypeError)) and "list" in str(cause)
    likely = attempts[-1] if not_for_lists else form
    return _Tried(likely, None, errors[likely.per_scale])


def _in_order(form: Form, problem: AnyProblem) -> Form:
    """With what a factory makes asked for the order of its arguments, as a loss is."""
    if not form.is_factory:
        return form
    return replace(form, predictions_first=takes_predictions_first(form.loss(problem)))
