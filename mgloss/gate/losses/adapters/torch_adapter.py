"""PyTorch losses: tensors on the CPU, gradients by autograd; on request also under autocast."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from mgloss.gate.losses.adapters.adapter import Adapter, Answer, Array, Call, Manner, Ways
from mgloss.gate.losses.adapters.received import Watch
from mgloss.gate.losses.form import EAGER
from mgloss.gate.losses.output import quiet
from mgspec import LossError
from mgspec.loss.candidate import AUTOCAST, ModeError
from mgspec.problem.description import Stack


def _start() -> None:
    """Use one thread: batches are small, and other processes judge other laws meanwhile."""
    torch.set_num_threads(1)


def _stack(arrays: Sequence[Any]) -> Any:
    return torch.stack(list(arrays))


def _join(arrays: Sequence[Any]) -> Any:
    return torch.cat(list(arrays))


def _is_own_number(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _ways(loss: Callable[..., Any], autocast: str | None) -> Ways:
    named = (way for way, dtype in AUTOCAST.items() if dtype == autocast)
    return Ways((EAGER,), tuple(named))


def _answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], manner: Manner
) -> Answer:
    """Evaluate with autograd; report if the loss modified what it received.

    Pass clones of the leaves, as a network's outputs are no leaves either. PyTorch then lets the
    loss write into them, which the comparison afterwards reveals.

    Under autocast raise ModeError if the loss draws random numbers: they differ between dtypes.
    """
    dtype = AUTOCAST.get(manner.way)
    half: torch.dtype | None = getattr(torch, dtype) if dtype is not None else None
    before = torch.get_rng_state() if half is not None else None
    with torch.enable_grad(), torch.autocast("cpu", half) if half else contextlib.nullcontext():
        leaves = [torch.tensor(array).requires_grad_() for array in predictions]
        clones = [leaf.clone() if half is None else leaf.to(half) for leaf in leaves]
        other_tensors = [torch.tensor(array) for array in others]
        watch = Watch(_as_numpy)
        components = call(clones, other_tensors, watch.record)
        changed = watch.has_changed
    if before is not None and not torch.equal(before, torch.get_rng_state()):
        raise ModeError("it draws random numbers, which are others in half precision")
    gradients_by_component = None
    undifferentiable: frozenset[str] = frozenset()
    if manner.gradients:
        undifferentiable = frozenset(n for n, value in components.items() if _is_constant(value))
        with quiet(native=True), call.form.reraise("the loss's gradient", LossError):
            gradients_by_component = {
                name: _gradients(value, leaves) for name, value in components.items()
            }
    return Answer(components, gradients_by_component, changed, undifferentiable)


def _is_constant(value: Any) -> bool:
    return not _is_own_number(value) or not value.requires_grad


def _as_numpy(value: Any) -> Array | None:
    """Return the numbers of a tensor; None for anything else, a sparse tensor included."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        return None
    whole = value.detach()
    return np.asarray((whole.float() if value.dtype == torch.bfloat16 else whole).numpy())


def _gradients(value: Any, leaves: list[torch.Tensor]) -> list[Array]:
    if _is_constant(value):  # such as a plain 0.0 without objects
        return [np.zeros(tuple(leaf.shape), np.float32) for leaf in leaves]
    gradients = torch.autograd.grad(
        value, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return [gradient.detach().numpy() for gradient in gradients]


ADAPTER = Adapter(
    name="torch",
    has_gradients=True,
    compiles=False,
    start=_start,
    stack=Stack(_stack, _join),
    is_own_number=_is_own_number,
    average=torch.mean,
    trial=EAGER,
    ways=_ways,
    answer=_answer,
)
