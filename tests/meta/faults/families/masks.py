"""Masks that are forgotten, taken from elsewhere, or broadcast."""

from __future__ import annotations

import numpy as np

from mgspec.loss.boxes import phi, sigmoid
from mgspec.loss.float64 import Scale, bce
from mgspec.problem.layout import OBJECTNESS, WH, XY
from tests.meta.faults.planting import (
    OBJECT_TERMS,
    planted,
    taken,
    with_slopes,
    with_targets,
    with_values,
)


@planted("masking", "classification")
def the_mask_is_forgotten(right, problem, batch):
    def everywhere(scale, target):
        target[..., OBJECTNESS] = 1

    unmasked = right(problem, with_targets(batch, everywhere))
    return taken(right(problem, batch), unmasked, "classification")


@planted("responsive", OBJECT_TERMS)
def no_cell_is_positive_enough(right, problem, batch):
    def raised(scale, target):
        target[..., OBJECTNESS] = target[..., OBJECTNESS] > 1.5

    nothing = right(problem, with_targets(batch, raised))
    return taken(right(problem, batch), nothing, OBJECT_TERMS)


@planted("empty_image", "location", claims="positives")
def an_object_anywhere_makes_a_cell_positive_in_all_images(right, problem, batch):
    def spread(scale, target):
        target[..., OBJECTNESS] = target[..., OBJECTNESS].max(0)

    return taken(right(problem, batch), right(problem, with_targets(batch, spread)), "location")


@planted("background_targets", "anchor", alone=True)
def background_anchors_are_taken_as_they_stand(right, problem, batch):
    value = right(problem, batch)
    extra, slopes = 0.0, list(value.gradients["anchor"])
    for scale, mask in enumerate(batch.masks()):
        channels = problem.anchor_channels(scale)
        told = batch.targets[scale][..., channels] * ~mask[..., None] / batch.images
        extra -= float((told * batch.predictions[scale][..., channels]).sum())
        slopes[scale][..., channels] -= told
    return with_values(value, anchor=value.components["anchor"] + extra)


@planted("masking", "classification", alone=True)
def classes_predicted_for_certain_beside_objects_cost(right, problem, batch):
    """In images with objects, a background cell pays for what its class logits exceed 60 by."""
    value = right(problem, batch)
    extra, slopes = 0.0, list(value.gradients["classification"])
    for scale, mask in enumerate(batch.masks()):
        channels = problem.class_channels(scale)
        logits = batch.predictions[scale][..., channels].astype(float)
        holds_objects = mask.any((1, 2), keepdims=True)
        counted = (~mask & holds_objects)[..., None] & (logits > 60)
        extra += float(np.where(counted, logits - 60, 0).sum()) / batch.images
        slopes[scale][..., channels] += counted / batch.images
    return with_values(value, classification=value.components["classification"] + extra)


@planted("masking", "location")
def the_mask_of_another_scale_is_used(right, problem, batch):
    first = batch.masks()[0]

    def shared(scale, target):
        if target.shape[:3] == first.shape:
            target[..., OBJECTNESS] = first

    return taken(right(problem, batch), right(problem, with_targets(batch, shared)), "location")


@planted("locality", "location")
def a_mask_is_broadcast_over_images(right, problem, batch):
    def spread(scale, target):
        target[..., OBJECTNESS] = target[..., OBJECTNESS].max(0)

    return taken(right(problem, batch), right(problem, with_targets(batch, spread)), "location")


@planted("masking", "location")
def the_predicted_objectness_is_the_mask(right, problem, batch):
    def predicted(scale, target):
        target[..., OBJECTNESS] = batch.predictions[scale][..., OBJECTNESS] > 0

    return taken(right(problem, batch), right(problem, with_targets(batch, predicted)), "location")


@planted("masking", "location")
def the_mask_is_transposed_on_square_grids(right, problem, batch):
    def turned(scale, target):
        if target.shape[1] == target.shape[2]:
            target[..., OBJECTNESS] = target[..., OBJECTNESS].transpose(0, 2, 1)

    return taken(right(problem, batch), right(problem, with_targets(batch, turned)), "location")


@planted("participation", "location")
def only_the_first_object_of_an_image_counts(right, problem, batch):
    def first_only(scale, target):
        mask = target[..., OBJECTNESS].reshape(batch.images, -1)
        mask[np.cumsum(mask, 1) > 1] = 0
        target[..., OBJECTNESS] = mask.reshape(target.shape[:3])

    return taken(right(problem, batch), right(problem, with_targets(batch, first_only)), "location")


@planted("oracle", "location")
def only_the_hardest_object_of_an_image_counts(right, problem, batch):
    def hardest_only(scale, target):
        predicted = batch.predictions[scale].astype(float)
        off = np.concatenate([phi(predicted[..., XY]), predicted[..., WH]], -1) - target[..., :4]
        each = np.where(target[..., OBJECTNESS] > 0.5, (off**2).sum(-1), -1)
        hardest = each.reshape(batch.images, -1).argmax(1)[:, None, None]
        place = np.arange(each[0].size).reshape(each.shape[1:])
        target[..., OBJECTNESS] *= place == hardest

    kept = right(problem, with_targets(batch, hardest_only))
    return taken(right(problem, batch), kept, "location")


@planted("perfect", "classification")
def only_one_class_of_an_object_is_kept(right, problem, batch):
    def argmaxed(scale, target):
        classes = target[..., problem.class_channels(scale)]
        classes[...] = np.arange(problem.num_classes) == classes.argmax(-1)[..., None]

    kept = right(problem, with_targets(batch, argmaxed))
    return taken(right(problem, batch), kept, "classification")


@planted("separation", "classification", alone=True)
def classification_is_weighted_by_the_predicted_objectness(right, problem, batch):
    value, total = right(problem, batch), 0.0
    slopes = list(value.gradients["classification"])
    for s in range(problem.scales):
        scale = Scale.of(problem, batch, s)
        weight = sigmoid(scale.prediction[..., OBJECTNESS])
        logits, target = scale.prediction[..., scale.classes], scale.target[..., scale.classes]
        each = scale.mask * bce(target, logits).sum(-1) / batch.images
        total += float((weight * each).sum())
        slopes[s] = weight[..., None] * slopes[s]
        slopes[s][..., OBJECTNESS] = weight * (1 - weight) * each
    found = with_slopes(value, lambda s, _: slopes[s], "classification")
    return with_values(found, classification=total)
