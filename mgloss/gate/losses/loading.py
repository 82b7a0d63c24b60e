"""From the LOSS of a command line to a candidate that the laws can judge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any, Literal

from mgloss.gate.losses import options as asked_options
from mgloss.gate.losses import problems
from mgloss.gate.losses.adapters import frameworks
from mgloss.gate.losses.adapters.adapter import Adapter, asked, evaluate, evaluation
from mgloss.gate.losses.adapters.frameworks import FrameworkError
from mgloss.gate.losses.callables import form_of, takes_predictions_first
from mgloss.gate.losses.calling import AnswerError, Form, Style, probes
from mgloss.gate.losses.importing import Imported, LoadError, place_and_name, value_named
from mgspec import Candidate, Description, LossError, Options, normalization
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.layout import AnyBatch, AnyProblem

__all__ = ["LoadError", "Loaded", "load", "load_object", "place_and_name"]


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
        `problems.description`. framework: None for whichever the loss is found to be of.
    imported: what `value_named(loss)` gives, where that is known. tried: evaluate it on plain
        batches to see what it returns; else it is taken to be what is likely.

    Raises ValueError for an unknown normalization or options that are none, LoadError for a LOSS
    that cannot be judged.
    """
    normalization(claims)
    chosen = asked_options.read(options, claims)
    if loss is None:
        need_reference()
        frameworks.adapter("tensorflow")
        from mgloss.gate.losses.reference import reference

        return Loaded(reference(claims, chosen))
    if problem is not None and options is not None:
        raise LoadError("--options tell of this project's layout, --problem of another: give one")
    described = problems.description(problem)
    value, name, module = imported or value_named(loss)
    asked = _Asked(loss, value, name, module, claims, described, framework, show_traceback)
    found = _candidate(asked, tried)
    return _with_options(found, _plain(found) if options is None else chosen)


def need_reference() -> None:
    """LoadError where the built-in reference cannot run; TensorFlow is not imported to tell."""
    try:
        frameworks.need_installed("tensorflow")
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
    described = problems.description(problem)
    if isinstance(loss, str):
        value, name, module = value_named(loss)
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


def _candidate(ask: _Asked, is_tried: bool = True) -> Loaded:
    """Tries the loss on plain batches, to see what it is of, how it is called, what it returns."""
    form = form_of(
        ask.loss,
        ask.value,
        ask.name,
        is_described=ask.description is not None,
        show_traceback=ask.show_traceback,
    )
    batches: Sequence[tuple[AnyProblem, AnyBatch]] = (
        probes() if ask.description is None else problems.probes(ask.description)
    )
    try:
        adapter, tried = _of_framework(ask, form, batches if is_tried else ())
    except AnswerError as wrong:
        raise LoadError(f"{ask.loss}: {wrong}") from wrong
    form = tried.form
    names = tuple(tried.components) if tried.components else ("total",)
    candidate = Candidate(
        ask.loss,
        partial(evaluate, adapter, form),
        names,
        adapter.HAS_GRADIENTS,
        ask.claims,
        description=ask.description,
        few_shapes=adapter.COMPILES,
    )
    style = Style(adapter.NAME, form.is_factory, form.per_scale, form.predictions_first)
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
    if not adapter.HAS_GRADIENTS:
        notes.append("it is a NumPy loss: laws about gradients are skipped")
    return notes


@dataclass(frozen=True)
class _Tried:
    """How a loss is to be called, what it returned, and what it raised if it ever did."""

    form: Form
    components: Mapping[str, Any] | None
    error: LossError | None


def _of_framework(
    ask: _Asked, form: Form, batches: Sequence[tuple[AnyProblem, AnyBatch]]
) -> tuple[Adapter, _Tried]:
    """The framework that the loss is of, and how it was tried with it.

    What was computed tells more than what a module imports: a loss is of the first framework whose
    own numbers it returns.
    """
    names = [ask.framework] if ask.framework else frameworks.likely(ask.value, ask.module)
    attempts: list[tuple[Adapter, _Tried]] = []
    refused: Exception | None = None
    for name in names:
        try:
            adapter = frameworks.adapter(name)
        except FrameworkError as error:
            if ask.framework:
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
        if tried.error is None and any(map(adapter.is_answer, answered.values())):
            return attempts[-1]
    if not attempts:
        raise refused if refused is not None else LoadError(f"{ask.loss}: cannot be tried")
    # It raised, or returned plain numbers: then of the likeliest that had an answer.
    return next((each for each in attempts if each[1].components), attempts[0])


def _tried(form: Form, adapter: Adapter, batches: Sequence[tuple[AnyProblem, AnyBatch]]) -> _Tried:
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
                answer = asked(adapter, attempt, problem, batch, False)
                evaluation(batch, answer)
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
