"""`anchors`: anchors with labels already assigned, as in RetinaNet.

The loss is called as loss(predictions, targets), with A anchors over all levels and

    predictions["cls_logits"]       [B, A, C]
    predictions["bbox_regression"]  [B, A, 4]
    targets["labels"]               [B, A]     int64: a class, or -1 for background
    targets["bbox_targets"]         [B, A, 4]  the regression target of a labelled anchor

as in Lin et al., Focal loss for dense object detection, 2017. Background anchors have a
classification loss, but no regression loss. Such a loss counts labelled anchors, so the objects of
this problem are the labelled anchors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import hypothesis.strategies as st
import numpy as np

from mgspec.problem.description import Array, Description, Image, Stack
from mgspec.problem.descriptions._numbers import logits, steps

MOST_OBJECTS = 3
NO_OBJECT = -1


@cache
def _places(anchors: int, objects: int) -> st.SearchStrategy[list[int]]:
    place = st.integers(0, anchors - 1)
    return st.lists(place, min_size=objects, max_size=objects, unique=True)


@cache
def _labels(classes: int) -> st.SearchStrategy[int]:
    return st.integers(0, classes - 1)


def draw_targets(draw: st.DrawFn, objects: int, anchors: int, classes: int) -> tuple[Array, Array]:
    """Draw labels `[A]` and box targets `[A, 4]` with this number of labelled anchors."""
    labels = np.full(anchors, NO_OBJECT, np.int64)
    boxes = np.zeros((anchors, 4), np.float32)
    for place in draw(_places(anchors, objects)):
        labels[place] = draw(_labels(classes))
        boxes[place] = steps(draw, 4, most=8) / 4
    return labels, boxes


@st.composite
def image(draw: st.DrawFn, objects: int, shared: tuple[int, int]) -> Image:
    """Draw an image with this number of labelled anchors; shared: (anchors, classes)."""
    anchors, classes = shared
    labels, boxes = draw_targets(draw, objects, anchors, classes)
    return {
        "targets": {"labels": labels, "bbox_targets": boxes},
        "predictions": {
            "cls_logits": logits(draw, anchors, classes),
            "bbox_regression": steps(draw, anchors, 4) / 4,
        },
    }


def arguments(images: Sequence[Any], stack: Stack) -> tuple[Any, ...]:
    """Return (predictions, targets)."""
    return tuple(
        {name: stack([image[role][name] for image in images]) for name in images[0][role]}
        if images
        else {}
        for role in ("predictions", "targets")
    )


def _with_targets(image: Image, labels: Array, boxes: Array) -> Image:
    return {**image, "targets": {"labels": labels, "bbox_targets": boxes}}


def without_object(image: Image, number: int) -> Image:
    """Return the image with its labelled anchor of this number turned into background."""
    labels, boxes = (image["targets"][name].copy() for name in ("labels", "bbox_targets"))
    place = np.flatnonzero(labels != NO_OBJECT)[number]
    labels[place], boxes[place] = NO_OBJECT, 0
    return _with_targets(image, labels, boxes)


def with_background(image: Image, amount: int) -> Image:
    """Return the image with `amount` more background anchors, for which 0 is predicted."""
    fill_values = {
        "targets": {"labels": NO_OBJECT, "bbox_targets": 0},
        "predictions": {"cls_logits": 0, "bbox_regression": 0},
    }
    return {
        role: {
            name: np.concatenate([array, np.full((amount, *array.shape[1:]), fill, array.dtype)])
            for (name, array), fill in zip(image[role].items(), fills.values(), strict=True)
        }
        for role, fills in fill_values.items()
    }


def with_copies(image: Image, copies: int) -> Image:
    """Return the image with its first labelled anchor and prediction copied to `copies` anchors."""
    places = np.flatnonzero(image["targets"]["labels"] != NO_OBJECT)
    first = places[0]
    others = [place for place in range(len(image["targets"]["labels"])) if place != first]
    chosen = [first, *others[: copies - 1]]
    labels = np.full_like(image["targets"]["labels"], NO_OBJECT)
    boxes = np.zeros_like(image["targets"]["bbox_targets"])
    predictions = {name: array.copy() for name, array in image["predictions"].items()}
    labels[chosen] = image["targets"]["labels"][first]
    boxes[chosen] = image["targets"]["bbox_targets"][first]
    for name, array in predictions.items():
        array[chosen] = image["predictions"][name][first]
    return _with_targets({**image, "predictions": predictions}, labels, boxes)


ANCHORS = Description(
    name="anchors",
    image=image,
    predicted=("predictions/cls_logits", "predictions/bbox_regression"),
    arguments=arguments,
    shared=st.sampled_from([(MOST_OBJECTS, 1), (4, 3), (6, 2)]),
    most_objects=MOST_OBJECTS,
    without_object=without_object,
    with_background=with_background,
    with_copies=with_copies,
)
