"""PyTorch losses: tensors on the CPU, gradients by autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mgloss.gate.losses.adapters.adapter import Answer, Array, Call
from mgloss.gate.losses.calling import quiet
from mgspec import LossError

NAME = "torch"
HAS_GRADIENTS = True
COMPILES = False


def start() -> None:
    """One thread: the batches are small, and other laws are judged beside this one."""
    torch.set_num_threads(1)


def stack(arrays: Sequence[Any]) -> Any:
    """Tensors in one, with a new first axis."""
    return torch.stack(list(arrays))


def is_answer(value: Any) -> bool:
    """Whether a component was computed by PyTorch."""
    return isinstance(value, torch.Tensor)


def answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
) -> Answer:
    """The loss's answer, and the gradient of each component.

    The tensors given are what a network's output is: no leaves, so that a loss which writes into
    them is not stopped by PyTorch, and is told on.
    """
    with torch.enable_grad():
        leaves = [torch.tensor(array).requires_grad_() for array in predictions]
        given = [leaf.clone() for leaf in leaves]
        rest = [torch.tensor(array) for array in others]
        components = call(given, rest)
    slopes = None
    if gradients:
        with quiet(native=True), call.form.survive("the loss's gradient", LossError):
            slopes = {name: _gradient(value, leaves) for name, value in components.items()}
    pairs = zip((*predictions, *others), (*given, *rest), strict=True)
    changed = not all(np.array_equal(a, t.detach().numpy()) for a, t in pairs)
    return Answer(components, slopes, changed)


def _gradient(value: Any, leaves: list[torch.Tensor]) -> list[Array]:
    if not is_answer(value) or not value.requires_grad:  # such as a plain 0.0 without objects
        return [np.zeros(tuple(leaf.shape), np.float32) for leaf in leaves]
    found = torch.autograd.grad(
        value, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return [slope.detach().numpy() for slope in found]
