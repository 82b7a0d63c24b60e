"""How the built-in reference takes its arrays: as memory that TensorFlow uses where it lies."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mgloss.gate.losses.reference import tensor_of


@pytest.mark.parametrize("size", [1, 3, 15, 16, 17, 1000])
def test_a_tensor_lies_where_tensorflow_can_compute_with_it(size: int) -> None:
    kept = []  # so that each lies elsewhere
    for first in range(50):
        numbers = np.arange(first, first + size, dtype=np.float32)
        tensor = tensor_of(numbers)
        kept.append((numbers, tensor))
        np.testing.assert_array_equal(tf.abs(-tensor).numpy(), numbers)
    for numbers, tensor in kept:
        np.testing.assert_array_equal(tensor.numpy(), numbers)


def test_a_tensor_has_the_numbers_that_its_arrays_had() -> None:
    pair = (np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32))
    tensor = tensor_of(pair)
    pair[0][:] = pair[1][:] = 7
    np.testing.assert_array_equal(tensor.numpy(), [np.zeros((2, 3)), np.ones((2, 3))])
    assert tensor.dtype == tf.float32


@pytest.mark.parametrize("numbers", [[0.1, 2], [[1, 2], [3, 4.5]], np.zeros((2, 0, 3, 3, 7))])
def test_a_tensor_is_what_tensorflow_makes_of_the_numbers(numbers: object) -> None:
    expected = tf.constant(numbers, tf.float32)
    np.testing.assert_array_equal(tensor_of(numbers).numpy(), expected.numpy())
