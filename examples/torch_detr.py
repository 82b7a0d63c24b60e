"""A DETR-like criterion in PyTorch: a matching by hand, then classes and boxes.

    mgloss check examples/torch_detr.py --problem queries

The objects of an image are matched to its queries by the least cost of class and box. Each term is
divided by the number of images; DETR's own divides by the objects of the batch, see `by_objects`.
"""

from itertools import permutations

import torch
from torch.nn import functional

BOX_WEIGHT = 5.0


def matched(logits, boxes, target):
    """The query of each object, by the least total cost; few enough objects to try all."""
    count = len(target["labels"])
    probabilities = logits.softmax(-1)
    cost = torch.cdist(boxes, target["boxes"], p=1) - probabilities[:, target["labels"]]
    tries = torch.tensor(list(permutations(range(len(boxes)), count)), dtype=torch.int64)
    return tries[cost[tries, torch.arange(count)].sum(-1).argmin()]


def sums(outputs, targets):
    """The summed losses of each image's classes and boxes: two tensors [B]."""
    classes, boxes = [], []
    for logits, predicted, target in zip(outputs["pred_logits"], outputs["pred_boxes"], targets):
        no_object = logits.shape[-1] - 1
        wanted = torch.full((len(logits),), no_object)
        with torch.no_grad():
            queries = matched(logits, predicted, target)
        wanted[queries] = target["labels"]
        classes.append(functional.cross_entropy(logits, wanted, reduction="sum"))
        boxes.append(BOX_WEIGHT * (predicted[queries] - target["boxes"]).abs().sum())
    return torch.stack(classes), torch.stack(boxes)


def loss(outputs, targets):
    """Divided by the number of images."""
    classes, boxes = sums(outputs, targets)
    return {"classification": classes.mean(), "boxes": boxes.mean()}


def by_objects(outputs, targets):
    """Divided by the objects of the batch, at least one, as DETR does."""
    classes, boxes = sums(outputs, targets)
    objects = max(1, sum(len(target["labels"]) for target in targets))
    return {"classification": classes.mean(), "boxes": boxes.sum() / objects}
