"""`queries`: boxes and class logits for each query, and the objects of each image, as in DETR.

The loss is called as DETR's own (Carion et al., End-to-end object detection with transformers,
2020): loss(outputs, targets), with

    outputs["pred_logits"]  [B, Q, C + 1]  the last class is "no object"
    outputs["pred_boxes"]   [B, Q, 4]      centre x, y, width, height, as fractions of the image
    targets                 a list of B mappings; for an image with n objects:
        "labels"            [n]            int64
        "boxes"             [n, 4]         as above

The class loss teaches "no object" to every query without a matched object, so it also holds a loss
of the background. The problem describes no removal of an object: the query that was matched to it
would become background or be matched to another object, and the other losses would change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np

from mgspec.problem.description import Description, Image, Stack
from mgspec.problem.descriptions._numbers import logits, steps

MOST_OBJECTS = 3


@st.composite
def image(draw: st.DrawFn, objects: int, shared: tuple[int, int]) -> Image:
    """Draw an image with this number of objects; shared: (queries, classes)."""
    queries, classes = shared
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=objects, max_size=objects))
    return {
        "targets": {
            "labels": np.array(labels, np.int64),
            "boxes": (steps(draw, objects, 4, most=7) + 8) / 16,
        },
        "outputs": {
            "pred_logits": logits(draw, queries, classes + 1),
            "pred_boxes": (steps(draw, queries, 4) + 17) / 34,
        },
    }


def arguments(images: Sequence[Any], stack: Stack) -> tuple[Any, ...]:
    """Return (outputs, targets)."""
    names = ("pred_logits", "pred_boxes")
    outputs = {name: stack([image["outputs"][name] for image in images]) for name in names}
    return outputs, [dict(image["targets"]) for image in images]


QUERIES = Description(
    name="queries",
    image=image,
    predicted=("outputs/pred_logits", "outputs/pred_boxes"),
    arguments=arguments,
    shared=st.sampled_from([(MOST_OBJECTS, 1), (4, 3), (5, 2)]),
    most_objects=MOST_OBJECTS,
)
