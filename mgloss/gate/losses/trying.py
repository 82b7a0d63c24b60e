"""Try a loss on ordinary batches, to see how to call it and what it returns."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mgloss.gate.losses.adapters.adapter import Adapter, Manner, ask, to_evaluation
from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS
from mgloss.gate.losses.answers import AnswerError, ShapeError, explain_shape
from mgloss.gate.losses.form import Form
from mgloss.gate.losses.probes import Probes
from mgloss.gate.losses.signatures import takes_predictions_first
from mgspec import LossError
from mgspec.problem.layout import AnyBatch, AnyProblem

# What a function of one array says to a list of arrays.
NOT_FOR_LISTS = re.compile(r"\blists?\b(?! index )|\bsequence\b|inhomogeneous|\[Op:Pack\]")


@dataclass(frozen=True)
class Trial:
    """The way to call a loss, what it returned, and what it raised first, if it ever did.

    components: what it returned; None if it never answered, or was not tried.
    undifferentiable: the components that had no gradient on any batch.
    """

    form: Form
    components: Mapping[str, Any] | None = None
    error: LossError | None = None
    undifferentiable: frozenset[str] = frozenset()


def try_loss(
    form: Form, adapter: Adapter, batches: Probes, *, follows_names: bool, is_of_keras: bool
) -> Trial:
    """Call the loss in every likely way, until it answers; return how it did.

    follows_names: a factory's loss is given its arguments in the order that their names tell.
    is_of_keras: it may return values of each image, which Keras averages.
    """
    errors: dict[bool, LossError] = {}  # the first, by whether it was called scale by scale
    for attempt, problem, batch in _attempts(form, batches):
        try:
            if follows_names:
                attempt = _in_order(attempt, problem)
            components = _answer(attempt, adapter, problem, batch)
        except ShapeError as error:
            several = _SeveralNumbers(error, attempt, adapter, problem, batch)
            averaging = several.averaging(batches) if is_of_keras else None
            if averaging is None:
                return several.refused(batches)
            attempt, components = averaging
        except AnswerError as error:
            return Trial(attempt, None, error)
        except LossError as error:
            errors.setdefault(attempt.per_scale, error)
            continue
        without = _undifferentiable(attempt, adapter, batches)
        return Trial(attempt, components, errors.get(attempt.per_scale), without)
    if not errors:
        return Trial(form)
    said = str(errors[False].__cause__)
    is_for_arrays = True in errors and NOT_FOR_LISTS.search(said) is not None
    return Trial(replace(form, per_scale=is_for_arrays), None, errors[is_for_arrays])


def _undifferentiable(form: Form, adapter: Adapter, batches: Probes) -> frozenset[str]:
    """Return the components of a described loss that have no gradient on any of the batches.

    The names of this project's layout are those of losses. There is none that is a metric.
    """
    if not form.is_described or not adapter.has_gradients:
        return frozenset()
    found: list[frozenset[str]] = []
    for problem, batch in batches:
        with contextlib.suppress(LossError):
            manner = Manner(adapter.trial, gradients=True)
            found.append(ask(adapter, form, manner, problem, batch).undifferentiable)
    return frozenset.intersection(*found) if found else frozenset()


def _attempts(form: Form, batches: Probes) -> Iterator[tuple[Form, AnyProblem, AnyBatch]]:
    """Yield ways to call the loss, each with a batch.

    A loss of lists may take an array of several images for a list, and one of arrays may take a
    list with a single array for an array. So lists of a single scale and arrays of a single image
    come last, unless no batch has several scales.
    """
    if form.is_described:
        yield from ((form, *probe) for probe in batches)
        return
    of_one_scale = replace(form, per_scale=True)
    most = max((len(batch.predictions) for _, batch in batches), default=1)
    for of_several in (True, False):
        yield from (
            (form, problem, batch)
            for problem, batch in batches
            if (len(batch.predictions) >= min(2, most)) == of_several
        )
        yield from (
            (of_one_scale, problem, batch)
            for problem, batch in batches
            if (batch.images > 1) == of_several
        )


def _in_order(form: Form, problem: AnyProblem) -> Form:
    """Return the form with the order of a factory's loss, whose arguments are known once made."""
    if not form.is_factory:
        return form
    return replace(form, predictions_first=bool(takes_predictions_first(form.loss(problem))))


def _answer(
    form: Form, adapter: Adapter, problem: AnyProblem, batch: AnyBatch
) -> Mapping[str, Any]:
    answer = ask(adapter, form, Manner(adapter.trial), problem, batch)
    to_evaluation(batch, answer)
    return answer.components


@dataclass(frozen=True)
class _SeveralNumbers:
    """A loss that returned an array of several numbers for a batch."""

    error: ShapeError
    form: Form
    adapter: Adapter
    problem: AnyProblem
    batch: AnyBatch

    def averaging(self, batches: Probes) -> tuple[Form, Mapping[str, Any]] | None:
        """Return the form that averages, and what came; None unless the values are of images."""
        if not self.is_of_images(batches):
            return None
        form = replace(self.form, average=self.adapter.average)
        try:
            return form, _answer(form, self.adapter, self.problem, self.batch)
        except LossError:
            return None

    def refused(self, batches: Probes) -> Trial:
        """Return the trial of a loss that must return one number, with what to write instead."""
        is_of_images = self.is_of_images(batches)
        mean = FRAMEWORKS[self.adapter.name].mean
        images = self.batch.images
        told = explain_shape(self.error, images, is_of_images=is_of_images, mean=mean)
        return Trial(self.form, None, told)

    def is_of_images(self, batches: Probes) -> bool:
        """Return whether the array has an entry for each image, in batches of any size."""
        return self.error.shape[0] == self.batch.images and all(
            self._length(problem, batch) in (None, batch.images)
            for problem, batch in batches
            if batch.images != self.batch.images
        )

    def _length(self, problem: AnyProblem, batch: AnyBatch) -> int | None:
        """Return how many entries the loss returns; 1 for a number, None if it raises."""
        try:
            _answer(self.form, self.adapter, problem, batch)
        except ShapeError as error:
            return int(error.shape[0])
        except LossError:
            return None
        return 1
