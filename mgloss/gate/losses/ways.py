"""Choose the ways to run a loss: the one that the laws judge, and those that `modes` compares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mgloss.gate.losses.adapters.adapter import Adapter, evaluate, evaluate_in_mode
from mgloss.gate.losses.form import AS_IT_IS, COMPILED, EAGER, TRACED, Form
from mgloss.gate.losses.generators import OTHER_SEED, SEED
from mgloss.gate.losses.probes import Probe, Probes
from mgspec import Evaluation, LossError
from mgspec.loss.candidate import ModeError

# How notes say it.
PHRASES = {
    EAGER: "eagerly",
    TRACED: "traced for unknown sizes of the batch and of the grids, as model.fit does",
    AS_IT_IS: "as a tf.function, which traces each shape anew",
    COMPILED: "compiled where it can be",
}
RANDOM_NOTE = (
    "its value depends on random numbers: the law pure is about that, every other law lets each "
    "evaluation draw the same ones"
)


@dataclass(frozen=True)
class Chosen:
    """How a loss is run, and notes on that.

    way: of the laws. modes: those that the law of this name compares with it.
    """

    way: str
    modes: tuple[str, ...]
    notes: tuple[str, ...]


def choose_ways(adapter: Adapter, form: Form, batches: Probes, autocast: str | None) -> Chosen:
    """Try the adapter's ways on plain batches, and return those in which the loss answers.

    batches: none if the loss shall not be tried; the likeliest ways are then taken.
    autocast: a dtype to which PyTorch's autocast is tried too.
    """
    ways = adapter.ways(_a_loss(form, batches), autocast)
    if not batches:
        return _chosen(ways.usual[0], ways.others, ())
    way, answered, refusals = _first_that_answers(adapter, form, ways.usual, batches)
    modes, notes = [], []
    if way != ways.usual[0]:
        notes.append(f"it is not run {_phrase(ways.usual[0])}, because {refusals[0]}")
    if answered is not None:
        (problem, batch), value = answered
        for mode in ways.others:
            try:
                evaluate_in_mode(adapter, form, mode, problem, batch, adapter.has_gradients)
            except ModeError as error:
                notes.append(f"it is not run {_phrase(mode)}, because {error}")
            else:
                modes.append(mode)
        if _is_random(adapter, form, way, (problem, batch), value):
            notes.append(RANDOM_NOTE)
    return _chosen(way, modes, notes)


def _chosen(way: str, modes: Sequence[str], notes: Sequence[str]) -> Chosen:
    """Return what was chosen; note how the loss is run where that is not simply eagerly."""
    also = f"; the law modes also runs it {' and '.join(map(_phrase, modes))}" if modes else ""
    how = f"it is run {_phrase(way)}{also}"
    return Chosen(way, tuple(modes), (*([how] if modes or way != EAGER else []), *notes))


def _phrase(way: str) -> str:
    return PHRASES.get(way, f"under {way}")


def _a_loss(form: Form, batches: Probes) -> Callable[..., Any]:
    """Return the loss, or what a factory makes for the first problem that it accepts."""
    for problem, _ in batches:
        try:
            return form.loss(problem)
        except LossError:
            continue
    return form.function


def _first_that_answers(
    adapter: Adapter, form: Form, ways: Sequence[str], batches: Probes
) -> tuple[str, tuple[Probe, Evaluation] | None, list[LossError]]:
    """Return the first way in which the loss answers a batch, that batch, and its evaluation.

    Return the last way and None if there is none, and what the loss raised before.
    """
    refusals: list[LossError] = []
    for way in ways:
        for problem, batch in batches:
            try:
                value = evaluate(adapter, form, way, SEED, problem, batch, False)
            except LossError as error:
                refusals.append(error)
            else:
                return way, ((problem, batch), value), refusals
    return ways[-1], None, refusals


def _is_random(adapter: Adapter, form: Form, way: str, probe: Probe, value: Evaluation) -> bool:
    """Return whether a loss gives equal values from equal seeds, and others from others."""
    try:
        again = evaluate(adapter, form, way, SEED, *probe, False)
        other = evaluate(adapter, form, way, OTHER_SEED, *probe, False)
    except LossError:
        return False
    return _same(value, again) and not _same(value, other)


def _same(one: Evaluation, other: Evaluation) -> bool:
    return one.components.keys() == other.components.keys() and all(
        number == other.components[name] or math.isnan(number)
        for name, number in one.components.items()
    )
