"""The registry of frameworks: all that mgloss knows of each, except how to run its losses.

A new framework takes an entry here, an adapter module beside this file, and an extra in
pyproject.toml. This file imports only the standard library, so that help texts stay quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NUMPY = "numpy"


@dataclass(frozen=True)
class Framework:
    """A framework that losses are written in.

    name: as --framework takes it, as the package is imported, and as the extra is called.
    title: as people write it.
    packages: top-level packages whose objects reveal a loss of this framework.
    adapter: name of the module in `mgloss.gate.losses.adapters` that defines its ADAPTER.
    import_line: what a snippet imports besides NumPy; None for nothing.
    make_array: a snippet's function that copies a NumPy array into an array of the framework.
    mean: the code that averages the array `values`, for messages.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    adapter: str
    import_line: str | None
    make_array: str
    mean: str = "values.mean()"


FRAMEWORKS: Mapping[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework(
            "torch",
            "PyTorch",
            ("torch", "torchvision"),
            "torch_adapter",
            "import torch",
            "torch.tensor",
        ),
        Framework(
            "tensorflow",
            "TensorFlow",
            ("tensorflow", "keras", "tf_keras"),
            "tensorflow_adapter",
            "import tensorflow as tf",
            "tf.constant",
            "tf.reduce_mean(values)",
        ),
        Framework(
            "jax",
            "JAX",
            ("jax", "jaxlib", "flax", "optax", "equinox", "chex", "haiku"),
            "jax_adapter",
            "import jax.numpy as jnp",
            "jnp.array",
        ),
        Framework(NUMPY, "NumPy", ("numpy", "scipy", "numba"), "numpy_adapter", None, "np.array"),
    )
}


def names_for_help() -> str:
    """Return the names of all frameworks for a help text, such as "torch, jax or numpy"."""
    *names, last = FRAMEWORKS
    return f"{', '.join(names)} or {last}"
