"""Which frameworks a loss may be of, the likeliest first."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mgloss.gate.losses.adapters.recognizing import rank_frameworks

torch = pytest.importorskip("torch")
jnp = pytest.importorskip("jax.numpy")

EMPTY = ModuleType("empty")
OF_TORCH = ModuleType("of_torch")
vars(OF_TORCH)["torch"] = torch


def by_numpy(y_true: Any, y_pred: Any) -> Any:
    return np.sum(y_true - y_pred)


def by_operators(y_true: Any, y_pred: Any) -> Any:
    return ((y_true - y_pred) ** 2).sum()


def by_torch(y_true: Any, y_pred: Any) -> Any:
    return np.float32(2) * torch.sum(y_true - y_pred)


def by_way_of_another(y_true: Any, y_pred: Any) -> Any:
    return np.pi * by_torch(y_true, y_pred)


def by_jax_imported_inside(y_true: Any, y_pred: Any) -> Any:
    import jax.numpy

    return jax.numpy.sum(y_true - y_pred)


def in_numpy_at_last(y_true: Any, y_pred: Any) -> Any:
    return np.sum(y_pred.numpy())


def closed_over(add_up: Any) -> Any:
    return lambda y_true, y_pred: add_up(y_true - y_pred)


class Holds:
    def __init__(self) -> None:
        self.errors = torch.nn.L1Loss()

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        return self.errors(y_pred, y_true)


@pytest.mark.parametrize(
    ("loss", "first"),
    [
        (by_torch, "torch"),
        (by_way_of_another, "torch"),
        (by_jax_imported_inside, "jax"),
        (closed_over(jnp.sum), "jax"),
        (Holds(), "torch"),
        (Holds().__call__, "torch"),
        (functools.partial(by_operators, torch.ones(2)), "torch"),
        (torch.nn.L1Loss(), "torch"),
        (by_numpy, "numpy"),
        (in_numpy_at_last, "numpy"),
        (by_operators, "numpy"),
    ],
)
def test_what_the_code_computes_with_tells_most(loss: Any, first: str) -> None:
    assert rank_frameworks(loss, EMPTY)[0] == first


def test_a_numpy_loss_beside_another_framework_is_one_and_may_be_of_that() -> None:
    assert rank_frameworks(by_numpy, OF_TORCH) == ["numpy", "torch"]


def test_the_module_tells_before_what_came_with_it_and_numpy_is_last() -> None:
    assert rank_frameworks(by_operators, OF_TORCH, ("jax",)) == ["torch", "jax", "numpy"]


def test_code_that_leads_in_a_circle_is_walked_once() -> None:
    turning: dict[str, Any] = {}
    turning["again"] = turning
    assert rank_frameworks(closed_over(turning), EMPTY) == ["numpy"]
