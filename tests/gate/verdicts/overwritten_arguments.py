"""Losses of the problem `anchors` that use their arguments, or use them up. PyTorch."""

import torch


def _errors(predictions, boxes, labels):
    off = (predictions["bbox_regression"] - boxes)[labels >= 0]
    return {"boxes": off.abs().sum() / len(labels)}


def reads_only(predictions, targets):
    return _errors(predictions, targets["bbox_targets"] * 0.5, targets["labels"])


def halves_its_targets(predictions, targets):
    targets["bbox_targets"].mul_(0.5)
    return _errors(predictions, targets["bbox_targets"], targets["labels"])


def puts_others_in_their_place(predictions, targets):
    targets["bbox_targets"] = targets["bbox_targets"] * 0.5
    return _errors(predictions, targets["bbox_targets"], targets["labels"])


def clamps_its_predictions(predictions, targets):
    predictions["bbox_regression"].clamp_(-0.25, 0.25)
    return _errors(predictions, targets["bbox_targets"], targets["labels"])


def takes_its_labels_away(predictions, targets):
    return _errors(predictions, targets["bbox_targets"], targets.pop("labels"))


def remembers_what_it_made(predictions, targets):
    targets["mask"] = targets["labels"] >= 0
    off = (predictions["bbox_regression"] - targets["bbox_targets"]).abs().sum(-1)
    return {"boxes": torch.where(targets["mask"], off, 0).sum() / len(off)}
