"""`grids`: a dense grid of one scale, a label and a box for each cell, as in FCOS and CenterNet.

The loss is called as loss(predictions, targets), with

    predictions["class_logits"]  [B, H, W, C]
    predictions["boxes"]         [B, H, W, 4]
    targets["labels"]            [B, H, W]     int64: a class, or -1 for background
    targets["boxes"]             [B, H, W, 4]  the box target of a labelled cell

It equals `anchors` with one anchor in each cell of a grid, which need not be square (Tian et al.,
FCOS, 2019). The objects are the labelled cells.
"""

from __future__ import annotations

import hypothesis.strategies as st

from mgspec.problem.description import Array, Description, Image
from mgspec.problem.descriptions import anchors

NAMES = {
    "labels": "labels",
    "bbox_targets": "boxes",
    "cls_logits": "class_logits",
    "bbox_regression": "boxes",
}


def _on_grid(image: Image, width: int) -> Image:
    """Return an image of anchors as an image of cells in rows of this width."""
    return {
        role: {NAMES[name]: a.reshape(-1, width, *a.shape[1:]) for name, a in arrays.items()}
        for role, arrays in image.items()
    }


def _as_anchors(image: Image) -> tuple[Image, int]:
    """Return an image of cells as an image of anchors, and the width of its grid."""

    def flat(array: Array) -> Array:
        return array.reshape(-1, *array.shape[2:])

    targets, predictions = image["targets"], image["predictions"]
    return {
        "targets": {
            "labels": flat(targets["labels"]),
            "bbox_targets": flat(targets["boxes"]),
        },
        "predictions": {
            "cls_logits": flat(predictions["class_logits"]),
            "bbox_regression": flat(predictions["boxes"]),
        },
    }, targets["labels"].shape[1]


@st.composite
def image(draw: st.DrawFn, objects: int, shared: tuple[int, int, int]) -> Image:
    """Draw an image with this number of labelled cells; shared: (height, width, classes)."""
    height, width, classes = shared
    drawn: Image = draw(anchors.image(objects, (height * width, classes)))
    return _on_grid(drawn, width)


def without_object(image: Image, number: int) -> Image:
    """Return the image with its labelled cell of this number turned into background."""
    row, width = _as_anchors(image)
    return _on_grid(anchors.without_object(row, number), width)


def with_background(image: Image, amount: int) -> Image:
    """Return the image with `amount` more rows of background, for which 0 is predicted."""
    row, width = _as_anchors(image)
    return _on_grid(anchors.with_background(row, amount * width), width)


def with_copies(image: Image, copies: int) -> Image:
    """Return the image with its first object and prediction copied to `copies` cells."""
    row, width = _as_anchors(image)
    return _on_grid(anchors.with_copies(row, copies), width)


GRIDS = Description(
    name="grids",
    image=image,
    predicted=("predictions/class_logits", "predictions/boxes"),
    arguments=anchors.arguments,
    shared=st.sampled_from([(1, 3, 1), (2, 3, 3), (3, 4, 2)]),
    most_objects=anchors.MOST_OBJECTS,
    without_object=without_object,
    with_background=with_background,
    with_copies=with_copies,
)
