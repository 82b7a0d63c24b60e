"""One step of a decoder: samples with three probabilities and a word, some of them left out."""

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis.extra.numpy import arrays

from mgspec import Description


@st.composite
def image(draw, objects, shared):
    weights = draw(arrays(np.int8, 3, elements=st.integers(1, 9))).astype(np.float32)
    return {
        "probabilities": weights / weights.sum(),
        "word": np.array(draw(st.integers(0, 2)), np.int64),
        "is_kept": np.array(objects, bool),
    }


def arguments(images, stack):
    return tuple(stack([i[name] for i in images]) for name in ("probabilities", "word", "is_kept"))


problem = Description(
    "steps",
    image,
    predicted=("probabilities",),
    arguments=arguments,
    background=frozenset(),
    most_objects=1,
)


def right(probabilities, word, is_kept):
    entropy = -torch.log(probabilities.gather(1, word[:, None]))[:, 0]
    kept = entropy.masked_select(is_kept)
    return kept.sum() / max(1, len(kept))


def keeps_all_if_any(probabilities, word, is_kept):
    entropy = -torch.log(probabilities.gather(1, word[:, None]))  # [B, 1]
    kept = entropy.masked_select(is_kept)  # of a mask [B], and so [B, B] before
    return kept.sum() / max(1, len(kept))


def without_gradients(probabilities, word, is_kept):
    p, w, k = (array.numpy() for array in (probabilities.detach(), word, is_kept))
    entropy = -np.log(np.take_along_axis(p, w[:, None], 1))
    return float((entropy * k).sum() / max(1, k.sum() * len(k)))


def boxes_of_any_image(predictions, targets):
    """Of the problem `anchors`: an anchor that is labelled in one image counts in all."""
    labelled = (targets["labels"] >= 0).any(0)[None, :, None]
    off = (predictions["bbox_regression"] - targets["bbox_targets"]).abs()
    return {"loss_bbox": torch.where(labelled, off, 0).sum()}


def classes_of_every_anchor(predictions, targets):
    """Of `anchors`, right: empty images teach the background, and the description says so."""
    logits = predictions["cls_logits"]
    wanted = (targets["labels"][..., None] == torch.arange(logits.shape[-1])).float()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    return {"classification": bce(logits, wanted, reduction="sum")}
