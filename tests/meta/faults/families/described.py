"""Faults in a loss of a described problem, where no law about cells can see them."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra.numpy import arrays

from mgspec import Candidate, Described, Description, Evaluation
from mgspec.problem.description import Images
from tests.meta.faults.planting import Fault, add

Terms = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]

_numbers = arrays(np.int8, 2, elements=st.integers(-8, 8))


@st.composite
def sample(draw, objects, shared):
    """A sample of two numbers, and whether it counts: those that do are the objects."""
    return {
        "predicted": (draw(_numbers) / 4).astype(np.float32),
        "wanted": (draw(_numbers) / 4).astype(np.float32),
        "counts": np.array(objects, np.float32),
    }


SAMPLES = Description(
    "samples", sample, predicted=("predicted",), background=frozenset(), most_objects=1
)


def described(law: str, claims: str) -> Callable[[Terms], Terms]:
    """Put a wrong loss of samples into the catalogue, as `planted` does.

    It is called with the differences `[B, 2]` and the masks `[B]`, and returns its value, and the
    factor of each difference `[B]` in its gradient.
    """

    def register(wrong: Terms) -> Terms:
        def run(problem: Described, batch: Images, gradients: bool) -> Evaluation:
            off = np.stack([i["predicted"] - i["wanted"] for i in batch.arrays]).astype(float)
            value, factors = wrong(off, np.stack([i["counts"] for i in batch.arrays]).astype(float))
            slopes = {"loss": (2 * factors[:, None] * off,)} if gradients else None
            return Evaluation({"loss": value}, slopes, "float64")

        def build() -> Candidate:
            return Candidate(wrong.__name__, run, ("loss",), True, claims, description=SAMPLES)

        add(Fault(wrong.__name__, "described", law, ("loss",), build, alone=True))
        return wrong

    return register


@described("empty_image", claims="positives")
def values_of_one_axis_more_meet_the_mask(off, counts):
    """Values [B, 1] times a mask [B] are [B, B], whose mean over what is left is that of all."""
    each = (off**2).sum(1)[:, None] * counts  # [B, B]
    kept = max(1.0, float(np.broadcast_to(counts, each.shape).sum()))
    return float(each.sum()) / kept, np.full(len(off), counts.sum() / kept)


@described("responsive", claims="batch")
def the_mask_is_never_true(off, counts):
    never = counts > 1
    return float(((off**2).sum(1) * never).sum()) / len(off), never / len(off)
