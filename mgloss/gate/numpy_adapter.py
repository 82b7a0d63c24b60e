"""NumPy losses: arrays in, numbers out, no gradients."""

from __future__ import annotations

import numpy as np

from mgloss.gate.calling import Form, coarsest, number
from mgspec import Batch, Evaluation, Problem

HAS_GRADIENTS = False


def native(batch: Batch) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Targets and predictions to give to a loss: copies, which it may spoil."""
    return [a.copy() for a in batch.targets], [a.copy() for a in batch.predictions]


def evaluate(form: Form, problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
    """The loss's answer; it is given copies, and is told on if it writes into them."""
    targets, predictions = native(batch)
    answer = form.call(problem, targets, predictions)
    numbers = {name: number(name, value) for name, value in answer.items()}
    return Evaluation(
        {name: value for name, (value, _) in numbers.items()},
        None,
        coarsest([dtype for _, dtype in numbers.values()]),
        not all(
            np.array_equal(before, after)
            for before, after in zip(
                (*batch.targets, *batch.predictions), (*targets, *predictions), strict=True
            )
        ),
    )
