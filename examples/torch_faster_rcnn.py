"""The losses of a second stage in PyTorch: classes of all proposals, boxes of labelled ones.

    mgloss check examples/torch_faster_rcnn.py --problem proposals

It divides by the number of images. Faster R-CNN divides by the proposals of the batch, as
`by_proposals` does. Where images differ in their number of proposals, the weight of an image then
depends on the other images of its batch.
"""

import torch
from torch.nn import functional


def sums(predictions, targets):
    labels = torch.cat(targets["labels"])
    cost = functional.cross_entropy(predictions["class_logits"], labels, reduction="sum")
    errors = predictions["box_regression"] - torch.cat(targets["regression_targets"])
    return cost, errors[labels > 0].abs().sum()


def loss(predictions, targets):
    cost, boxes = sums(predictions, targets)
    images = len(targets["labels"])
    return {"loss_classifier": cost / images, "loss_box_reg": boxes / images}


def by_proposals(predictions, targets):
    cost, boxes = sums(predictions, targets)
    proposals = len(predictions["class_logits"])
    return {"loss_classifier": cost / proposals, "loss_box_reg": boxes / proposals}
