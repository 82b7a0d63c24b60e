"""Losses that answer a part of the batches, and descriptions of such; PyTorch."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import torch

from mgspec import Description


def _located(true, pred, corners):
    centre = torch.sigmoid(pred[..., :2]) + corners
    aim = true[..., :2] + corners
    return ((centre - aim) ** 2).sum(-1) + ((pred[..., 2:4] - true[..., 2:4]) ** 2).sum(-1)


def _corners(pred):
    """The corner of each cell. Rows and columns are mixed up, which is refused if they differ."""
    images, rows, columns = pred.shape[:3]
    across, down = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="xy")
    return torch.stack((across, down), -1).expand(images, rows, columns, 2)


def squares(y_true, y_pred):
    """A detector's loss, divided by positive cells, for square grids."""
    location = classification = torch.zeros(())
    for true, pred in zip(y_true, y_pred, strict=True):
        mask = (true[..., 4] > 0.5).float()
        positives = mask.sum().clamp(min=1)
        location = location + (mask * _located(true, pred, _corners(pred))).sum() / positives
        logits = pred[..., -1]  # of the last class
        entropy = torch.nn.functional.softplus(logits) - logits * true[..., -1]
        classification = classification + (mask * entropy).sum() / positives
    return {"location": location, "classification": classification}


def right_squares(y_true, y_pred):
    """The same, divided by images."""
    location = sum(
        ((true[..., 4] > 0.5) * _located(true, pred, _corners(pred))).sum() / len(true)
        for true, pred in zip(y_true, y_pred, strict=True)
    )
    return {"location": location}


def one_scale(y_true, y_pred):
    if not isinstance(y_true, list) or len(y_true) > 1:
        raise ValueError("several scales")
    return 1.0 + right_of_any_shape(y_true, y_pred)["location"]


def bounded(y_true, y_pred):
    if max(float(pred.abs().max()) for pred in y_pred) > 60:
        raise OverflowError("too large")
    return right_of_any_shape(y_true, y_pred)


def right_of_any_shape(y_true, y_pred):
    pairs = zip(y_true, y_pred, strict=True)
    return {
        "location": sum(((t[..., 4] > 0.5) * (t - p)[..., 2] ** 2).sum() / len(t) for t, p in pairs)
    }


def up_to_eight_images(y_true, y_pred):
    if len(y_true[0]) > 8:
        raise IndexError("too many images")
    return right_of_any_shape(y_true, y_pred)


def hardly_ever(y_true, y_pred):
    if len(y_true[0]) != 2:
        raise IndexError("there are to be two images")
    return 1.0 + right_of_any_shape(y_true, y_pred)["location"]


LENGTH = 3


@st.composite
def sentence(draw, objects, shared):
    numbers = draw(st.lists(st.integers(-4, 4), min_size=LENGTH, max_size=LENGTH))
    return {
        "logits": np.array(numbers, np.float32),
        "counted": np.arange(LENGTH) < objects,
    }


def with_copies(image, copies):
    logits = np.full(LENGTH, image["logits"][0])
    return {"logits": logits, "counted": np.arange(LENGTH) < copies}


tokens = Description(
    "tokens",
    sentence,
    predicted=("logits",),
    background=frozenset(),
    with_copies=with_copies,
)
counted_tokens = replace(tokens, name="counted tokens", fewest_objects=1)


def mean_over_tokens(images):
    """0/0 without tokens."""
    counted = torch.stack([image["counted"].float() for image in images])
    terms = torch.nn.functional.softplus(torch.stack([image["logits"] for image in images]))
    return {"token_loss": (counted * terms).sum() / counted.sum()}
