"""Losses of described problems, good and bad, and descriptions of both kinds. NumPy only."""

import hypothesis.strategies as st
import numpy as np

from mgspec import Description


def _sums(images):
    """Squared errors of each image, and the objects it holds."""
    return [
        (np.square(i["out"]["box"] - i["true"]["box"]).sum(), len(i["true"]["box"])) for i in images
    ]


def by_images(images):
    return {"../box/loss": np.float32(sum(s for s, _ in _sums(images)) / len(images))}


def by_objects(images):
    sums = _sums(images)
    return {"../box/loss": np.float32(sum(s for s, _ in sums) / max(1, sum(n for _, n in sums)))}


def raises(images):
    raise RuntimeError("no such head")


def many_names(images):
    return {"x" * 200: np.float32(0)}


def of_two_arguments(predictions, targets):
    return np.float32(0)


@st.composite
def image(draw, objects, shared):
    numbers = st.lists(st.integers(-8, 8), min_size=objects, max_size=objects)
    return {
        "true": {"box": np.array(draw(numbers), np.float32)},
        "out": {"box": np.float32(draw(st.integers(-8, 8)))},
    }


problem = Description("speck", image, predicted=("out/box",))


@st.composite
def breaks(draw, objects, shared):
    raise ZeroDivisionError("no image today")


broken = Description("broken", breaks, predicted=("out/box",))
without = Description("without", image, predicted=("out/boxes",))
not_a_description = 17
