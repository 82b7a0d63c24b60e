"""Load a loss in this process: from what a person names to a candidate that the laws can judge."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from mgloss.gate.losses.adapters.adapter import Adapter, ask, evaluate, to_evaluation
from mgloss.gate.losses.adapters.recognizing import rank_frameworks
from mgloss.gate.losses.adapters.starting import FrameworkError, need_installed, start_adapter
from mgloss.gate.losses.answers import AnswerError, ComponentError
from mgloss.gate.losses.callables import recognize_form
from mgloss.gate.losses.form import Form, Style
from mgloss.gate.losses.importing import Imported, LoadError, import_value
from mgloss.gate.losses.probes import Probes, probe_batches
from mgloss.gate.losses.problems import find_description
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.roles import require_known, role_notes
from mgloss.gate.losses.signatures import takes_predictions_first
from mgspec import Candidate, Description, LossError, Options
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.layout import AnyProblem


@dataclass(frozen=True)
class Loaded:
    """A candidate, with notes on how it is judged.

    style: how the loss is called; None for the reference.
    """

    candidate: Candidate
    notes: tuple[str, ...] = ()
    style: Style | None = None

    @property
    def framework(self) -> str:
        """The framework that the loss is of."""
        return self.style.framework if self.style is not None else "tensorflow"


@dataclass(frozen=True)
class _Subject:
    """A loss at hand, and the request that it answers.

    label: what messages call it. value, name, module: the loss, its name, and where that stands.
    description: of its problem; None for this project's layout.
    """

    label: str
    value: Any
    name: str
    module: ModuleType
    description: Description | None
    request: LossRequest


def load(
    request: LossRequest, *, imported: Imported | None = None, is_tried: bool = True
) -> Loaded:
    """Return the candidate of a request, to run in this process.

    imported: what `import_value(request.loss)` gives, where that is known.
    is_tried: evaluate the loss on plain batches to see what it returns; else go by what is likely.

    Raises ValueError for a problem that does not exist, LoadError for a loss that cannot be judged.
    """
    if request.loss is None:
        need_reference()
        start_adapter("tensorflow")
        from mgloss.gate.losses.reference import reference

        chosen = request.options if isinstance(request.options, Options) else None
        return Loaded(reference(request.claims, chosen))
    description = find_description(request.problem)
    if isinstance(request.loss, str):
        value, name, module = imported or import_value(request.loss)
        label = request.loss
    else:
        value = request.loss
        label, name, module = _origin_of(request.loss)
    loaded = _candidate(_Subject(label, value, name, module, description, request), is_tried)
    candidate = loaded.candidate
    options = _plain_options(candidate) if request.options is None else request.options
    chosen = options if isinstance(options, Options) else None  # else those of each problem
    return replace(loaded, candidate=replace(candidate, options=chosen))


def need_reference() -> None:
    """Raise LoadError if the built-in reference cannot run; import nothing to tell."""
    try:
        need_installed("tensorflow")
    except FrameworkError as error:
        raise LoadError(
            f"the built-in reference is a TensorFlow loss: {error}; or name a LOSS"
        ) from error


def _origin_of(loss: Callable[..., Any]) -> tuple[str, str, ModuleType]:
    """Return a label for a loss at hand, its name, and the module that it comes from."""
    function = loss
    while isinstance(function, partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    origin = str(getattr(named, "__module__", None))
    module = sys.modules.get(origin) or ModuleType(origin)
    return f"{origin}:{named.__qualname__}", named.__qualname__, module


def _plain_options(candidate: Candidate) -> Options:
    """Return the options of a loss of which nothing is known but what it returns."""
    teaches_objectness = "objectness" in candidate.components
    return replace(PLAIN_OPTIONS, background="objectness" if teaches_objectness else "anchor")


def _candidate(subject: _Subject, is_tried: bool) -> Loaded:
    """Try the loss on plain batches to see its framework, how to call it, and what it returns."""
    request = subject.request
    form = recognize_form(
        subject.label,
        subject.value,
        subject.name,
        is_described=subject.description is not None,
        show_traceback=request.show_traceback,
    )
    form = replace(_in_order(form, request.predictions_first), component=request.roles.component)
    batches = probe_batches(subject.description)
    try:
        adapter, tried = _of_framework(subject, form, batches if is_tried else ())
    except AnswerError as wrong:
        raise LoadError(f"{subject.label}: {wrong}") from wrong
    form = tried.form
    names = tuple(tried.components) if tried.components else (form.component or "total",)
    if tried.components:
        require_known(request.roles, names, subject.label)
    candidate = Candidate(
        subject.label,
        partial(evaluate, adapter, form),
        names,
        adapter.has_gradients,
        request.claims,
        description=subject.description,
        few_shapes=adapter.compiles,
        roles=request.roles,
        undifferentiable=tried.undifferentiable,
    )
    style = Style(adapter.name, form.is_factory, form.per_scale, form.predictions_first)
    notes = [*_notes(form, tried, names, adapter), *role_notes(candidate)]
    return Loaded(candidate, tuple(notes), style)


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
            "it returns a scalar, judged as the total; if it is one component, say which with "
            "--component NAME, such as --component "
            + ("loss_bbox" if form.is_described else "location")
        )
    if not adapter.has_gradients:
        notes.append("it is a NumPy loss: laws about gradients are skipped")
    return notes


@dataclass(frozen=True)
class _Tried:
    """The way to call a loss, what it returned, and what it raised, if it ever did.

    undifferentiable: the components that had no gradient on any batch.
    """

    form: Form
    components: Mapping[str, Any] | None
    error: LossError | None
    undifferentiable: frozenset[str] = frozenset()


def _of_framework(subject: _Subject, form: Form, batches: Probes) -> tuple[Adapter, _Tried]:
    """Return the adapter of the loss's framework, and the trial with it.

    The numbers that a loss returns tell more than what its module imports: it is of the first
    framework whose own numbers it returns.
    """
    chosen = subject.request.framework
    names = [chosen] if chosen else rank_frameworks(subject.value, subject.module)
    attempts: list[tuple[Adapter, _Tried]] = []
    refused: Exception | None = None
    for name in names:
        try:
            adapter = start_adapter(name)
        except FrameworkError as error:
            if chosen:
                raise LoadError(f"--framework: {error}") from error
            refused = error
            continue
        try:
            tried = _tried(form, adapter, batches, subject.request.predictions_first)
        except ComponentError:
            raise
        except AnswerError as error:
            # The numbers may be those of another framework.
            refused = error
            continue
        attempts.append((adapter, tried))
        answered = tried.components or {}
        if tried.error is None and any(map(adapter.is_own_number, answered.values())):
            return attempts[-1]
    if not attempts:
        raise refused if refused is not None else LoadError(f"{subject.label}: cannot be tried")
    # It raised, or returned plain numbers: take the likeliest framework that had an answer.
    return next((each for each in attempts if each[1].components), attempts[0])


def _tried(
    form: Form,
    adapter: Adapter,
    batches: Probes,
    predictions_first: bool | None,
) -> _Tried:
    """Call the loss with lists, then with the arrays of one scale; return how it answered.

    A loss that raises both ways takes the arrays of one scale if the list was what it could not
    handle.
    """
    errors: dict[bool, LossError] = {}  # by whether it was called scale by scale
    attempts = [form] if form.is_described else [form, replace(form, per_scale=True)]
    for problem, batch in batches:
        for attempt in attempts:
            try:
                attempt = _in_order(attempt, predictions_first, problem)
                answer = ask(adapter, attempt, problem, batch, False)
                to_evaluation(batch, answer)
            except AnswerError:
                raise
            except LossError as error:
                errors.setdefault(attempt.per_scale, error)
            else:
                without = _undifferentiable(attempt, adapter, batches)
                return _Tried(attempt, answer.components, errors.get(attempt.per_scale), without)
    if not batches:
        return _Tried(form, None, None)
    cause = errors[False].__cause__
    not_for_lists = isinstance(cause, (AttributeError, TypeError)) and "list" in str(cause)
    likely = attempts[-1] if not_for_lists else form
    return _Tried(likely, None, errors[likely.per_scale])


def _undifferentiable(form: Form, adapter: Adapter, batches: Probes) -> frozenset[str]:
    """Return the components of a described loss that have no gradient on any of the batches.

    The names of this project's layout are those of losses. There is none that is a metric.
    """
    if not form.is_described or not adapter.has_gradients:
        return frozenset()
    found: list[frozenset[str]] = []
    for problem, batch in batches:
        with contextlib.suppress(LossError):
            found.append(ask(adapter, form, problem, batch, True).undifferentiable)
    return frozenset.intersection(*found) if found else frozenset()


def _in_order(
    form: Form, predictions_first: bool | None, problem: AnyProblem | None = None
) -> Form:
    """Return the form with the order of its arguments.

    predictions_first: the order that was asked for; None to go by the arguments' names. Those of
        a factory's loss are known once it is made, for a problem.
    """
    if predictions_first is not None:
        return replace(form, predictions_first=predictions_first)
    if not form.is_factory or problem is None:
        return form
    return replace(form, predictions_first=takes_predictions_first(form.loss(problem)))
