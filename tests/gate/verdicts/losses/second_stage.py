"""Losses of a detector's second stage, in PyTorch, which differ in what they divide by."""

import torch
from torch.nn import functional


def _sums(predictions, targets):
    """Cross-entropy and box errors of each image, summed over its proposals; their number."""
    sizes = [len(labels) for labels in targets["labels"]]
    logits = predictions["class_logits"].split(sizes)
    boxes = predictions["box_regression"].split(sizes)
    for image, labels in enumerate(targets["labels"]):
        errors = (boxes[image] - targets["regression_targets"][image]).square().sum(-1)
        cost = functional.cross_entropy(logits[image], labels, reduction="sum")
        yield cost, errors[labels > 0].sum(), len(labels)


def by_images(predictions, targets):
    sums = list(_sums(predictions, targets))
    return {
        "loss_classifier": sum(cost for cost, _, _ in sums) / len(sums),
        "box": sum(errors for _, errors, _ in sums) / len(sums),
    }


def by_proposals_of_each_image(predictions, targets):
    sums = list(_sums(predictions, targets))
    return {
        "loss_classifier": torch.stack([cost / size for cost, _, size in sums]).mean(),
        "box": torch.stack([errors / size for _, errors, size in sums]).mean(),
    }


def by_all_proposals(predictions, targets):
    sums = list(_sums(predictions, targets))
    count = sum(size for _, _, size in sums)
    return {
        "loss_classifier": sum(cost for cost, _, _ in sums) / count,
        "box": sum(errors for _, errors, _ in sums) / count,
    }
