"""A JAX loss that has no hash, as a dataclass of arrays has none."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp


@dataclass
class Weighted:
    weight: Any

    def __call__(self, logits, labels):
        errors = jnp.square(logits[..., 2:4] - labels[..., 2:4]).sum(-1)
        return {"location": jnp.where(labels[..., 4] > 0.5, errors, 0).sum() / len(labels)}


weighted = Weighted(jnp.ones(2))
