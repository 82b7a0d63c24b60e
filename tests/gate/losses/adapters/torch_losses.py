"""PyTorch losses as users write them, good and bad."""

import torch
from torch import nn


def location_sum(y_true, y_pred):
    total = torch.zeros(())
    for true, pred in zip(y_true, y_pred, strict=True):
        mask = true[..., 4] > 0.5
        total = total + ((true[..., 2:4] - pred[..., 2:4]) ** 2).sum(-1)[mask].sum()
    return total


def by_batch(y_true, y_pred):
    return {"location": location_sum(y_true, y_pred) / len(y_true[0])}


def by_positives(y_true, y_pred):
    count = sum((true[..., 4] > 0.5).sum() for true in y_true).clamp(min=1)
    return {"location": location_sum(y_true, y_pred) / count}


def in_bfloat16(y_true, y_pred):
    return {"location": by_batch(y_true, y_pred)["location"].bfloat16()}


def cuts_the_gradient(y_true, y_pred):
    return {"location": by_batch(y_true, y_pred)["location"].item()}


def writes_into_its_targets(y_true, y_pred):
    value = by_batch(y_true, y_pred)
    for true in y_true:
        true[..., 4] = 0
    return value


def writes_into_its_predictions(y_true, y_pred):
    for pred in y_pred:
        pred.mul_(2)
    return by_batch(y_true, y_pred)


def of_each_image(y_true, y_pred):
    return (y_pred[0] ** 2).sum((1, 2, 3))


def whole_number(y_true, y_pred):
    return (y_pred[0] > 0).sum()


class Criterion(nn.Module):
    """Predictions first, as PyTorch's own losses take them; of one scale."""

    def forward(self, pred, target):
        mask = target[..., 4] > 0.5
        return ((target[..., 2:4] - pred[..., 2:4]) ** 2).sum(-1)[mask].sum() / len(target)


class Trainer:
    """An object that is no function and has compute_loss."""

    def compute_loss(self, y_true, y_pred):
        return by_batch(y_true, y_pred)


class Model:
    """As a Keras model has it."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return by_batch(y, y_pred)


class NeedsMore(nn.Module):
    def __init__(self, anchors, classes):
        super().__init__()


trainer, model = Trainer(), Model()


def make(problem):
    return Criterion()
