"""`proposals`: labelled proposals, another number of them in each image, as in Faster R-CNN.

The loss is called as loss(predictions, targets). Image i of B has P_i proposals, and all images
together have P. The proposals of an image follow those of the image before.

    predictions["class_logits"]    [P, C + 1]  class 0 is the background
    predictions["box_regression"]  [P, 4]
    targets["labels"]              a list of B arrays [P_i]     int64: a class, or 0 for background
    targets["regression_targets"]  a list of B arrays [P_i, 4]  the target of a labelled proposal

This is the second stage of Ren et al., Faster R-CNN, 2015, with one box for all classes. Background
proposals have a classification loss, but no regression loss. The objects of this problem are the
labelled proposals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st

from mgspec.problem.description import Description, Image, Stack
from mgspec.problem.descriptions import anchors
from mgspec.problem.descriptions._numbers import logits, steps

NAMES = {
    "predictions": ("class_logits", "box_regression"),
    "targets": ("labels", "regression_targets"),
}
_more = st.integers(1, 3)  # background proposals of an image


@st.composite
def image(draw: st.DrawFn, objects: int, classes: int) -> Image:
    """Draw an image with this number of labelled proposals and one to three others."""
    proposals = objects + draw(_more)
    labels, boxes = anchors.draw_targets(draw, objects, proposals, classes)
    return {
        "targets": {"labels": labels + 1, "regression_targets": boxes},
        "predictions": {
            "class_logits": logits(draw, proposals, classes + 1),
            "box_regression": steps(draw, proposals, 4) / 4,
        },
    }


def arguments(images: Sequence[Any], stack: Stack) -> tuple[Any, ...]:
    """Return (predictions, targets)."""
    predictions, targets = (
        {name: [image[role][name] for image in images] for name in names}
        for role, names in NAMES.items()
    )
    return {name: stack.join(arrays) for name, arrays in predictions.items()}, targets


def _as_anchors(image: Image) -> Image:
    """Return an image of proposals as an image of anchors."""
    targets, predictions = image["targets"], image["predictions"]
    return {
        "targets": {
            "labels": targets["labels"] - 1,
            "bbox_targets": targets["regression_targets"],
        },
        "predictions": {
            "cls_logits": predictions["class_logits"],
            "bbox_regression": predictions["box_regression"],
        },
    }


def _as_proposals(image: Image) -> Image:
    """Return an image of anchors as an image of proposals."""
    targets, predictions = image["targets"], image["predictions"]
    return {
        "targets": {
            "labels": targets["labels"] + 1,
            "regression_targets": targets["bbox_targets"],
        },
        "predictions": {
            "class_logits": predictions["cls_logits"],
            "box_regression": predictions["bbox_regression"],
        },
    }


def without_object(image: Image, number: int) -> Image:
    """Return the image with its labelled proposal of this number turned into background."""
    return _as_proposals(anchors.without_object(_as_anchors(image), number))


def with_background(image: Image, amount: int) -> Image:
    """Return the image with `amount` more background proposals, for which 0 is predicted."""
    return _as_proposals(anchors.with_background(_as_anchors(image), amount))


def with_copies(image: Image, copies: int) -> Image:
    """Return the image with its first labelled proposal and prediction copied `copies` times.

    Add proposals if there are too few.
    """
    missing = copies - len(image["targets"]["labels"])
    larger = anchors.with_background(_as_anchors(image), max(0, missing))
    return _as_proposals(anchors.with_copies(larger, copies))


PROPOSALS = Description(
    name="proposals",
    image=image,
    predicted=("predictions/class_logits", "predictions/box_regression"),
    arguments=arguments,
    shared=st.sampled_from([1, 3, 2]),
    most_objects=anchors.MOST_OBJECTS,
    without_object=without_object,
    with_background=with_background,
    with_copies=with_copies,
)
