"""A DETR-like criterion in PyTorch: match objects to queries, then sum losses of classes and boxes.

    mgloss check examples/torch_detr.py --problem queries

The matching has the least total cost of classes and boxes. `loss` divides each term by the number
of images. DETR itself divides the boxes' term by the objects of the batch: see `by_objects`.
"""

from itertools import permutations

import torch
from torch.nn import functional

BOX_WEIGHT = 5.0


def match(logits, boxes, target):
    """Return the query of each object, `[n]`; try all matchings, because n is small."""
    count = len(target["labels"])
    probabilities = logits.softmax(-1)
    cost = torch.cdist(boxes, target["boxes"], p=1) - probabilities[:, target["labels"]]
    tries = torch.tensor(list(permutations(range(len(boxes)), count)), dtype=torch.int64)
    return tries[cost[tries, torch.arange(count)].sum(-1).argmin()]


def sums(outputs, targets):
    """Return the summed losses of classes and of boxes for each image, `[B]` each."""
    classes, boxes = [], []
    for logits, predicted, target in zip(outputs["pred_logits"], outputs["pred_boxes"], targets):
        no_object = logits.shape[-1] - 1
        labels = torch.full((len(logits),), no_object)
        with torch.no_grad():
            queries = match(logits, predicted, target)
        labels[queries] = target["labels"]
        classes.append(functional.cross_entropy(logits, labels, reduction="sum"))
        boxes.append(BOX_WEIGHT * (predicted[queries] - target["boxes"]).abs().sum())
    return torch.stack(classes), torch.stack(boxes)


def loss(outputs, targets):
    """Divide by the number of images."""
    classes, boxes = sums(outputs, targets)
    return {"classification": classes.mean(), "boxes": boxes.mean()}


def by_objects(outputs, targets):
    """Divide the boxes' term by the objects of the batch, at least 1, as DETR does."""
    classes, boxes = sums(outputs, targets)
    objects = max(1, sum(len(target["labels"]) for target in targets))
    return {"classification": classes.mean(), "boxes": boxes.sum() / objects}
