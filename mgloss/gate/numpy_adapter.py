"""NumPy losses: arrays in, numbers out, no gradients."""

from __future__ import annotations

import numpy as np

from mgloss.gate.calling import Form, coarsest, number
from mgspec import Batch, Evaluation, Problem

HAS_GRADIENTS = False


def evaluate(form: Form, problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
    """The loss's answer; it is given copies, and is told on if it writes into them."""
    given = (*batch.targets, *batch.predictions)
    copies = [array.copy() for array in given]
    scales = problem.scales
    answer = form.call(problem, copies[:scales], copies[scales:])
    numbers = {name: number(name, value) for name, value in answer.items()}
    return Evaluation(
        {name: value for name, (value, _) in numbers.items()},
        None,
        coarsest([dtype for _, dtype in numbers.values()]),
        not all(np.array_equal(a, b) for a, b in zip(given, copies, strict=True)),
    )
