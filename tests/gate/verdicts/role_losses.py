"""Losses whose components have roles: of objects, of the background too, metrics, of tokens."""

import hypothesis.strategies as st
import numpy as np
import torch
from torch.nn import functional

from mgspec import Description


def _wanted(logits, labels):
    wanted = torch.zeros_like(logits)
    image, anchor = torch.nonzero(labels >= 0, as_tuple=True)
    wanted[image, anchor, labels[image, anchor]] = 1
    return wanted


def _entropy(predictions, targets):
    """Cross-entropy of each anchor."""
    logits = predictions["cls_logits"]
    wanted = _wanted(logits, targets["labels"])
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return entropy.sum(-1)


def _distance(predictions, targets):
    """Distance of each anchor's box, 0 for background."""
    distance = (predictions["bbox_regression"] - targets["bbox_targets"]).abs().sum(-1)
    return distance * (targets["labels"] >= 0)


def dense(predictions, targets, name="loss_cls"):
    """Every anchor is classified, labelled ones are regressed."""
    images = len(targets["labels"])
    return {
        name: _entropy(predictions, targets).sum() / images,
        "loss_bbox": _distance(predictions, targets).sum() / images,
    }


def of_an_unusual_name(predictions, targets):
    return dense(predictions, targets, "my_scores")


def forgets_the_background(predictions, targets):
    taught = _entropy(predictions, targets) * (targets["labels"] >= 0)
    images = len(targets["labels"])
    return {**dense(predictions, targets), "loss_cls": taught.sum() / images}


def regresses_the_background(predictions, targets):
    everywhere = (predictions["bbox_regression"] - targets["bbox_targets"]).abs().sum()
    return {**dense(predictions, targets), "loss_bbox": everywhere / len(targets["labels"])}


def _best_class(predictions, targets):
    is_right = predictions["cls_logits"].argmax(-1) == targets["labels"]
    return 100 - 100 * is_right.float().mean()


def with_metrics(predictions, targets):
    said = (predictions["cls_logits"] > 0).any(-1).sum(1)
    wrong = (said - (targets["labels"] >= 0).sum(1)).abs().float().mean()
    return {
        **dense(predictions, targets),
        "class_error": _best_class(predictions, targets),
        "cardinality_error": wrong,
    }


def with_a_metric_of_an_unusual_name(predictions, targets):
    return {**dense(predictions, targets), "misses": _best_class(predictions, targets)}


def trains_nothing(predictions, targets):
    return {"misses": _best_class(predictions, targets)}


def detaches_its_boxes(predictions, targets):
    value = dense(predictions, targets)
    return {**value, "loss_bbox": value["loss_bbox"].detach()}


def classifies_objects_beside_an_objectness(predictions, targets):
    value = forgets_the_background(predictions, targets)
    return {**value, "loss_obj": dense(predictions, targets)["loss_cls"]}


def boxes_alone(predictions, targets):
    return dense(predictions, targets)["loss_bbox"]


def location_alone(y_true, y_pred):
    total = torch.zeros(())
    for true, pred in zip(y_true, y_pred, strict=True):
        mask = true[..., 4] > 0.5
        total = total + ((true[..., 2:4] - pred[..., 2:4]) ** 2).sum(-1)[mask].sum()
    return total / len(y_true[0])


def words(logits, labels):
    """Language models teach no word where there is no token."""
    chosen = functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=-1, reduction="sum"
    )
    return chosen / len(labels)


@st.composite
def sentence(draw, objects, shared):
    labels = np.full(3, -1, np.int64)
    labels[:objects] = draw(st.lists(st.integers(0, 1), min_size=objects, max_size=objects))
    steps = draw(st.lists(st.integers(-8, 8), min_size=6, max_size=6))
    return {"logits": np.array(steps, np.float32).reshape(3, 2) / 4, "labels": labels}


def _arguments(images, stack):
    return tuple(stack([image[name] for image in images]) for name in ("logits", "labels"))


sentences = Description("sentences", sentence, ("logits",), _arguments)
without_background = Description(
    "sentences", sentence, ("logits",), _arguments, background=frozenset()
)
