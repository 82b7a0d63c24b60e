"""PyTorch losses whose weights depend on predictions, differentiated in full or held constant.

Boxes are four distances to the sides, as logarithms, so that every box has an area.
"""

import torch
from torch.nn import functional


def overlap(predictions, targets):
    """IoU of each anchor's box with its target."""
    ours, wanted = predictions["bbox_regression"].exp(), targets["bbox_targets"].exp()
    shared = torch.minimum(ours, wanted)
    sides = [box[..., :2] + box[..., 2:] for box in (ours, wanted, shared)]
    first, second, both = (side.prod(-1) for side in sides)
    return both / (first + second - both)


def _entropy(predictions, targets, quality):
    logits, labels = predictions["cls_logits"], targets["labels"]
    image, anchor = torch.nonzero(labels >= 0, as_tuple=True)
    wanted = torch.zeros_like(logits)
    wanted[image, anchor, labels[image, anchor]] = quality[image, anchor]
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / len(
        labels
    )


def quality_in_full(predictions, targets):
    return {"loss_cls": _entropy(predictions, targets, overlap(predictions, targets))}


def quality_held_constant(predictions, targets):
    return {"loss_cls": _entropy(predictions, targets, overlap(predictions, targets).detach())}


def _weighted(predictions, targets, held):
    """Boxes weighted by how sure their anchor is: up to a tenth more."""
    sure = predictions["cls_logits"].sigmoid().amax(-1)
    weights = 1 + 0.1 * (sure.detach() if held else sure)
    errors = (1 - overlap(predictions, targets)) * weights * (targets["labels"] >= 0)
    return {"loss_bbox": errors.sum() / len(errors)}


def weights_in_full(predictions, targets):
    return _weighted(predictions, targets, held=False)


def weights_held_constant(predictions, targets):
    return _weighted(predictions, targets, held=True)


def _assigned(predictions, targets, held):
    """The two best labelled anchors of an image take part, by how well they fit."""
    fit = predictions["cls_logits"].sigmoid().amax(-1) * overlap(predictions, targets) ** 3
    fit = fit * (targets["labels"] >= 0)
    best = torch.zeros_like(fit).scatter(1, fit.topk(2, 1).indices, 1.0)
    fit = fit * best
    return _entropy(predictions, targets, fit.detach() if held else fit)


def assignment_in_full(predictions, targets):
    return _assigned(predictions, targets, held=False)


def assignment_held_constant(predictions, targets):
    return _assigned(predictions, targets, held=True)


def hardest_half(predictions, targets):
    """Kinks only: the hardest anchors change, and distances are absolute."""
    distance = (predictions["bbox_regression"] - targets["bbox_targets"]).abs().sum(-1)
    return distance.topk((distance.shape[1] + 1) // 2, 1).values.sum() / len(distance)


def leaves_out_the_likely(predictions, targets):
    """Jumps: an anchor that is likely enough is left out."""
    logits = predictions["cls_logits"]
    return (functional.softplus(logits) * (logits < 0.04)).sum() / len(logits)
