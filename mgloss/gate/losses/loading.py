"""Load a loss in this process: from what a person names to a candidate that the laws can judge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from mgloss.gate.losses.adapters.adapter import Adapter, evaluate, evaluate_in_mode
from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS
from mgloss.gate.losses.adapters.recognizing import (
    imported_frameworks,
    is_of_keras,
    rank_frameworks,
)
from mgloss.gate.losses.adapters.starting import FrameworkError, need_installed, start_adapter
from mgloss.gate.losses.answers import AnswerError, ComponentError
from mgloss.gate.losses.attributes import attribute, is_of
from mgloss.gate.losses.callables import recognize_form
from mgloss.gate.losses.form import AS_IT_IS, TRACED, Form, Style
from mgloss.gate.losses.generators import OTHER_SEED, SEED, find_generators
from mgloss.gate.losses.importing import Imported, LoadError, import_value
from mgloss.gate.losses.output import plain_text
from mgloss.gate.losses.probes import Probes, probe_batches
from mgloss.gate.losses.problems import find_description
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.roles import require_known, role_notes
from mgloss.gate.losses.signatures import argument_names, takes_predictions_first
from mgloss.gate.losses.trying import Trial, try_loss
from mgloss.gate.losses.ways import choose_ways
from mgspec import Candidate, Description, LossError, Options
from mgspec.loss.candidate import PLAIN_OPTIONS


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

    label: what messages call it. imported: the loss, its name, and where that stands.
    description: of its problem; None for this project's layout.
    """

    label: str
    imported: Imported
    description: Description | None
    request: LossRequest


Attempt = tuple[Adapter, Trial]  # of a framework, and how the loss did with its arrays


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
        candidate = reference(request.claims, chosen)
        return Loaded(replace(candidate, detector=request.detector))
    description = find_description(request.problem)
    if isinstance(request.loss, str):
        label, found = request.loss, imported or import_value(request.loss)
    else:
        label, found = _origin_of(request.loss)
    try:
        loaded = _candidate(_Subject(label, found, description, request), is_tried)
    except (LoadError, LossError, MemoryError):
        raise
    except Exception as error:  # of an object that is more than hostile
        raise LoadError(
            f"{label}: looking at it raised {type(error).__name__}: {plain_text(error)}"
        ) from error
    candidate = loaded.candidate
    options = _plain_options(candidate) if request.options is None else request.options
    chosen = options if isinstance(options, Options) else None  # else those of each problem
    return replace(loaded, candidate=replace(candidate, options=chosen))


def need_reference() -> None:
    """Raise LoadError if TensorFlow, which the built-in reference needs, is not installed.

    Look for the package without importing it.
    """
    try:
        need_installed("tensorflow")
    except FrameworkError as error:
        raise LoadError(
            f"the built-in reference is a TensorFlow loss: {error}; or name a LOSS"
        ) from error


def _origin_of(loss: Callable[..., Any]) -> tuple[str, Imported]:
    """Return a label for a loss at hand, and the loss with its name and its module."""
    function: Any = loss
    while is_of(function, partial):
        function = function.func
    named = function if attribute(function, "__qualname__") else type(function)
    name, origin = str(attribute(named, "__qualname__")), str(attribute(named, "__module__"))
    module = sys.modules.get(origin) or ModuleType(origin)
    return f"{origin}:{name}", Imported(loss, name, module)


def _plain_options(candidate: Candidate) -> Options:
    """Return the options of a loss of which nothing is known but what it returns."""
    teaches_objectness = "objectness" in candidate.components
    return replace(PLAIN_OPTIONS, background="objectness" if teaches_objectness else "anchor")


def _candidate(subject: _Subject, is_tried: bool) -> Loaded:
    """Try the loss on plain batches to see its framework, how to call it, and what it returns."""
    request = subject.request
    form = recognize_form(
        subject.label,
        subject.imported.value,
        subject.imported.name,
        is_described=subject.description is not None,
        show_traceback=request.show_traceback,
    )
    form = replace(form, component=request.roles.component)
    if request.predictions_first is not None:
        form = replace(form, predictions_first=request.predictions_first)
    module = subject.imported.module
    form.generators[None] = find_generators(form.function, *vars(module).values())
    batches = probe_batches(subject.description, request.detector)
    (adapter, trial), likelier = _of_framework(subject, form, batches if is_tried else ())
    if request.autocast is not None and adapter.name != "torch":
        raise LoadError(
            f"--autocast: is for PyTorch losses; {subject.label} was taken for one of "
            f"{adapter.name} (--framework says what it is)"
        )
    form = trial.form
    names = tuple(trial.components) if trial.components else (form.component or "total",)
    if trial.components:
        require_known(request.roles, names, subject.label)
    chosen = choose_ways(adapter, form, batches if is_tried else (), request.autocast)
    candidate = Candidate(
        subject.label,
        partial(evaluate, adapter, form, chosen.way, SEED),
        names,
        adapter.has_gradients,
        request.claims,
        modes={mode: partial(evaluate_in_mode, adapter, form, mode) for mode in chosen.modes},
        reseeded=partial(evaluate, adapter, form, chosen.way, OTHER_SEED),
        description=subject.description,
        few_shapes=adapter.compiles or chosen.way in (TRACED, AS_IT_IS),
        roles=request.roles,
        undifferentiable=trial.undifferentiable,
        detector=request.detector,
    )
    style = Style(
        adapter.name,
        form.is_factory,
        form.per_scale,
        form.predictions_first,
        form.average is not None,
        chosen.way,
        chosen.modes,
    )
    notes = (
        *_notes(subject, trial, adapter),
        *_explain_likelier(adapter, likelier),
        *chosen.notes,
        *role_notes(candidate),
    )
    return Loaded(candidate, notes, style)


def _notes(subject: _Subject, trial: Trial, adapter: Adapter) -> Iterator[str]:
    form = trial.form
    yield _explain_order(subject, form)
    if form.per_scale:
        yield "it takes the arrays of one scale; the scales' values are added up"
    if form.average is not None:
        yield (
            "it returns values for each image; they are averaged, as Keras does "
            "(sum_over_batch_size)"
        )
    if trial.error is not None:
        yield f"on an ordinary batch, {trial.error}"
    if form.printed:
        yield "it prints while it runs; that is not shown"
    if trial.components is not None and tuple(trial.components) == ("total",):
        yield (
            "it returns a scalar, judged as the total; if it is one component, say which with "
            "--component NAME, such as --component "
            + ("loss_bbox" if form.is_described else "location")
        )
    if not adapter.has_gradients:
        yield "it is a NumPy loss: laws about gradients are skipped"


def _explain_order(subject: _Subject, form: Form) -> str:
    """Say which arguments the loss is given, and why in this order."""
    if subject.description is not None:
        return f"it is given the arguments of the problem '{subject.description.name}'"
    order = "predictions before targets" if form.predictions_first else "targets, then predictions"
    if subject.request.predictions_first is not None:
        return f"as asked for, it is given {order}"
    # A factory has made a loss if it was tried.
    function = next(iter(form.losses.values()), None) if form.is_factory else form.function
    names = argument_names(function) if function is not None else ()
    named = f"({', '.join(names)})"
    if function is not None and takes_predictions_first(function) is not None:
        return f"by the names of its arguments, {named}, it is given {order}"
    unclear = f": the names of its arguments, {named}, do not tell" if names else ""
    return (
        f"it is given {order}, as f(y_true, y_pred){unclear}; "
        "if that is wrong, name its arguments (y_pred, y_true)"
    )


def _explain_likelier(adapter: Adapter, likelier: Sequence[Attempt]) -> Iterator[str]:
    """Say why a loss is not taken for what it seemed to be."""
    taken = FRAMEWORKS[adapter.name].title
    for other, trial in likelier:
        if trial.error is not None and not trial.components:
            title = FRAMEWORKS[other.name].title
            yield (
                f"it is taken for a {taken} loss, because as a {title} loss it gave no number: "
                f"{_first_line(trial.error)}; --framework {other.name} judges it as that"
            )


def _of_framework(
    subject: _Subject, form: Form, batches: Probes
) -> tuple[Attempt, Sequence[Attempt]]:
    """Return the adapter of the loss's framework and the trial with it; and those of likelier ones.

    The numbers that a loss returns tell most: it is of the likeliest framework whose own numbers it
    returns. If it returns only Python's numbers, it is of the likeliest that gives an answer.

    Raise LoadError, with what came of the likeliest framework, if none gives an answer.
    """
    tried: list[Attempt] = []
    missing: FrameworkError | None = None
    for name in _frameworks_to_try(subject, tried):
        try:
            adapter = start_adapter(name)
        except FrameworkError as error:
            if subject.request.framework:
                raise LoadError(f"--framework: {error}") from error
            missing = missing or error
            continue
        trial = try_loss(
            form,
            adapter,
            batches,
            follows_names=subject.request.predictions_first is None,
            is_of_keras=is_of_keras(form.function, name),
        )
        tried.append((adapter, trial))
        if isinstance(trial.error, ComponentError):
            raise LoadError(f"{subject.label}: {trial.error}") from trial.error
        if not batches or (trial.error is None and _is_own(adapter, trial)):
            return tried[-1], tried[:-1]
    answered = [place for place, (_, trial) in enumerate(tried) if trial.components]
    if answered:
        place = next((place for place in answered if _is_own(*tried[place])), answered[0])
        return tried[place], tried[:place]
    if not tried:
        raise LoadError(f"{subject.label}: {missing}") from missing
    raise _refusal(subject, tried)


def _frameworks_to_try(subject: _Subject, tried: Sequence[Attempt]) -> Iterator[str]:
    """Yield the frameworks that a loss may be of, the likeliest first.

    Its code may have imported another one when it ran. If no likely one has an answer, try any that
    is imported.
    """
    if subject.request.framework:
        yield subject.request.framework
        return
    before = imported_frameworks()
    found = subject.imported
    likely = rank_frameworks(found.value, found.module, found.brought)
    yield from likely
    answers = any(trial.components for _, trial in tried)
    for name in imported_frameworks():
        if name not in likely and not (answers and name in before):
            yield name


def _first_line(error: LossError | None) -> str:
    """Return the first line of an error's message. A traceback may follow it."""
    return str(error).partition("\n")[0]


def _is_own(adapter: Adapter, trial: Trial) -> bool:
    """Return whether the loss returned numbers of the framework."""
    return any(map(adapter.is_own_number, (trial.components or {}).values()))


def _refusal(subject: _Subject, tried: Sequence[Attempt]) -> LoadError:
    """Return the error for a loss that gave no number under any framework.

    Tell of the likeliest framework under which it returned something, else of the likeliest.
    """
    wrong = [each for each in tried if isinstance(each[1].error, AnswerError)]
    adapter, trial = (wrong or list(tried))[0]
    title = FRAMEWORKS[adapter.name].title
    said = _first_line(trial.error)
    when = "" if wrong else "on every ordinary batch that it was tried on, "
    how = "as --framework says" if subject.request.framework else "--framework names another"
    order = "y_pred, y_true" if trial.form.predictions_first else "y_true, y_pred"
    called = "" if subject.description is not None else f" and called as f({order})"
    refusal = LoadError(f"{subject.label}: {when}{said} (taken for a {title} loss{called}; {how})")
    refusal.__cause__ = trial.error
    return refusal
