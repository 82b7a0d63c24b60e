"""The loss of the specification in plain NumPy float64: short and slow.

Use it to check other losses, not to train. Raw sums are kept per image, because the normalizations
need them so. Gradients are written by hand, independently of any framework's differentiation.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from mgspec.loss.boxes import (
    Boxes,
    Float,
    corners,
    iou,
    iou_loss,
    phi,
    phi_slope,
    sigmoid,
    sizes,
    to_image_pixels,
)
from mgspec.problem.layout import OBJECTNESS, WH, XY, Batch, Problem
from mgspec.problem.normalizations import NUMPY, Sums, normalization
from mgspec.problem.options import TERMS, Options

COMPONENTS = TERMS


@dataclass(frozen=True)
class Term:
    """One component on one scale.

    raw: raw sums S_i, `[B]`. count: counts n_i, `[B]`.
    gradient: dS_i/dp, `[B, H, W, 5 + A + C]`; 0 in channels that the component does not read.
    """

    raw: Float
    count: Float
    gradient: Float


@dataclass(frozen=True)
class Value:
    """Value of each component and of the total, and their gradients by the predictions."""

    components: dict[str, float]
    gradients: dict[str, tuple[Float, ...]]


@dataclass(frozen=True)
class Scale:
    """One scale of a batch in float64, with all that its terms need.

    target, prediction: `[B, H, W, 5 + A + C]`. mask: `[B, H, W]`, 1 in positive cells.
    anchors, classes: the channels of anchors and of classes.
    sizes: width and height of the scale's anchors, `[A, 2]`, in pixels.
    stride: width and height of a cell in pixels.
    """

    target: Float
    prediction: Float
    mask: Float
    anchors: slice
    classes: slice
    sizes: Float
    stride: tuple[float, float]
    options: Options

    @staticmethod
    def of(problem: Problem, batch: Batch, scale: int) -> Scale:
        """Return the scale of this number, counted from 0."""
        target = batch.targets[scale].astype(np.float64)
        return Scale(
            target,
            batch.predictions[scale].astype(np.float64),
            (target[..., OBJECTNESS] > 0.5).astype(np.float64),
            problem.anchor_channels(scale),
            problem.class_channels(scale),
            np.array(problem.anchors[scale], np.float64),
            problem.stride(batch.grids[scale]),
            problem.options,
        )

    def boxes(self) -> Boxes:
        """Decode every cell's predicted box and target box, with the target's anchor."""
        chosen = self.sizes[np.argmax(self.target[..., self.anchors], -1)]
        return Boxes.of(self.target, self.prediction, chosen, self.stride)


def best_overlaps(scale: Scale) -> Float:
    """Return the largest IoU of each cell's predicted boxes with an object, `[B, H, W]`.

    A cell predicts one box for each anchor. The objects are the target boxes of the positive cells
    of the same image and scale. The result is 0 in images without objects.
    """
    logs = scale.prediction[..., None, WH]  # [B, H, W, 1, 2], the same for all anchors
    centres = to_image_pixels(phi(scale.prediction[..., XY]), scale.stride)
    low, high = corners(centres[..., None, :], sizes(logs, scale.sizes))
    object_sizes = 2 * scale.boxes().half_target
    objects = corners(to_image_pixels(scale.target[..., XY], scale.stride), object_sizes)
    best = np.zeros(scale.mask.shape)
    for image, mask in enumerate(scale.mask > 0):
        if mask.any():
            of_image = (objects[0][image][mask], objects[1][image][mask])  # [P, 2] both
            predicted = (low[image][..., None, :], high[image][..., None, :])  # [H, W, A, 1, 2]
            best[image] = iou(predicted, of_image).max((-1, -2))
    return best


def bce(target: Float, logit: Float) -> Float:
    """Return the binary cross-entropy of a logit in nats, without overflow or cancellation."""
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-np.abs(logit)))


def location(scale: Scale) -> Term:
    """Sum |t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2, or 1 - xIoU, over positive cells."""
    gradient = np.zeros_like(scale.prediction)
    if scale.options.location == "mse":
        raw_centres = scale.prediction[..., XY]
        offset = phi(raw_centres) - scale.target[..., XY]
        size = scale.prediction[..., WH] - scale.target[..., WH]
        losses = (offset**2).sum(-1) + (size**2).sum(-1)
        gradient[..., XY] = 2 * offset * phi_slope(raw_centres)
        gradient[..., WH] = 2 * size
    else:
        losses, gradient[..., :OBJECTNESS] = iou_loss(scale.options.location, scale.boxes())
    return _weigh(scale.mask, losses, gradient)


def anchor(scale: Scale) -> Term:
    """Sum w BCE over cells and anchors; the target of a background cell is no anchor.

    w is the weight of active cells. If objectness teaches the background, w is 1 in positive cells
    and 0 elsewhere.
    """
    target = scale.mask[..., None] * scale.target[..., scale.anchors]
    logit = scale.prediction[..., scale.anchors]
    gradient = np.zeros_like(scale.prediction)
    gradient[..., scale.anchors] = sigmoid(logit) - target
    teaches_background = scale.options.background == "anchor"
    weight = active_weight(scale) if teaches_background else scale.mask
    return _weigh(weight, bce(target, logit).sum(-1), gradient)


def classification(scale: Scale) -> Term:
    """Return the class loss over positive cells, with its gradient.

    Smooth the targets as the options say. Weigh each class by its weight, or by 1.
    """
    options = scale.options
    logit = scale.prediction[..., scale.classes]
    # Masked first: a background cell's target may hold numbers that have no logarithm or power.
    target = scale.mask[..., None] * scale.target[..., scale.classes]
    count = target.shape[-1]
    weights = np.array(options.class_weights or [1.0] * count)
    smooth = options.label_smoothing
    gradient = np.zeros_like(scale.prediction)
    if options.classification == "softmax_focal":
        target = target * (1 - smooth) + smooth / count
        losses, gradient[..., scale.classes] = softmax_focal(target, logit, weights, options)
    else:
        target = target * (1 - smooth) + smooth / 2
        loss = focal if options.classification == "focal" else plain_bce
        losses, slope = loss(target, logit, options)
        losses, gradient[..., scale.classes] = weights * losses, weights * slope
    return _weigh(scale.mask, losses.sum(-1), gradient)


def plain_bce(target: Float, logit: Float, options: Options) -> tuple[Float, Float]:
    """Return the BCE of each class and its derivative by the logit, `[..., C]` each."""
    return bce(target, logit), sigmoid(logit) - target


def focal(target: Float, logit: Float, options: Options) -> tuple[Float, Float]:
    """Return (a t + (1 - a)(1 - t)) m^g BCE and its derivative by the logit, `[..., C]` each.

    m = t (1 - s) + (1 - t) s, with s the sigmoid of the logit (Lin et al. 2017, arXiv:1708.02002).
    """
    a, g = options.focal_alpha, options.focal_gamma
    s = sigmoid(logit)
    missed = target * sigmoid(-logit) + (1 - target) * s
    balance = a * target + (1 - a) * (1 - target)
    entropy, entropy_slope = plain_bce(target, logit, options)
    missed_slope = s * sigmoid(-logit) * (1 - 2 * target)
    power_slope = _power_slope(missed, g) * missed_slope
    value = balance * missed**g * entropy
    return value, balance * (power_slope * entropy + missed**g * entropy_slope)


def softmax_focal(
    target: Float, logit: Float, weights: Float, options: Options
) -> tuple[Float, Float]:
    """Return -a w_c t_c (1 - p_c)^g ln p_c and the gradient of its sum over c, `[..., C]` each.

    p is the softmax of the logits over the last axis. weights: w, `[C]`.
    """
    a, g = options.focal_alpha, options.focal_gamma
    shifted = logit - logit.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    p, missed = np.exp(log_p), -np.expm1(log_p)
    value = -a * weights * target * missed**g * log_p
    by_log_p = -a * weights * target * (missed**g - _power_slope(missed, g) * p * log_p)
    return value, by_log_p - p * by_log_p.sum(-1, keepdims=True)


def _power_slope(base: Float, exponent: float) -> Float:
    """Return the derivative of base^exponent by base; 0 where the base is 0."""
    positive = base > 0
    return np.where(positive, exponent * np.where(positive, base, 1) ** (exponent - 1), 0)


def objectness(scale: Scale) -> Term:
    """Sum w BCE of the objectness logit over cells; 0 if anchor teaches the background.

    A positive cell's target is 1 - r + r IoU^k, which has no gradient.
    """
    gradient = np.zeros_like(scale.prediction)
    zero = np.zeros_like(scale.mask)
    if scale.options.background != "objectness":
        return _weigh(zero, zero, gradient)
    ratio, power = scale.options.iou_aware_ratio, scale.options.iou_aware_power
    boxes = scale.boxes()
    target = scale.mask * (1 - ratio + ratio * iou(boxes.target, boxes.prediction) ** power)
    logit = scale.prediction[..., OBJECTNESS]
    gradient[..., OBJECTNESS] = sigmoid(logit) - target
    return _weigh(active_weight(scale), bce(target, logit), gradient)


def active_weight(scale: Scale) -> Float:
    """Return the weight w of each cell in the term that teaches the background, `[B, H, W]`.

    w is object_scale in positive cells and no_object_scale in background cells; in ignored cells
    the latter times ignored_weight.
    """
    options = scale.options
    ignored = best_overlaps(scale) > options.ignore_thresh
    kept = np.where(ignored, options.ignored_weight, 1)
    background = options.no_object_scale * kept
    return np.where(scale.mask > 0, options.object_scale, background)


def _weigh(weight: Float, losses: Float, gradient: Float) -> Term:
    """Sum weighted losses `[B, H, W]` over the cells of each image, and count their weights."""
    raw, count = (weight * losses).sum((1, 2)), weight.sum((1, 2))
    return Term(raw, count, weight[..., None] * gradient)


def evaluate(problem: Problem, batch: Batch) -> Value:
    """Return the loss of a batch and its gradients, under the options of the problem."""
    options = problem.options
    factors = {
        "location": options.coord_scale,
        "anchor": options.anchor_scale,
        "classification": options.class_scale,
        "objectness": 1.0,
    }
    values = dict.fromkeys(COMPONENTS, 0.0)
    gradients: dict[str, list[Float]] = {component: [] for component in COMPONENTS}
    for number in range(problem.scales):
        scale = Scale.of(problem, batch, number)
        images, height, width = scale.mask.shape
        for component, term_of in _TERMS.items():
            term = term_of(scale)
            rule = normalization(options.normalization_of(component))
            sums = Sums(
                term.raw,
                term.count,
                scale.mask.sum((1, 2)),
                images,
                height * width,
                options.expected,
            )
            factor = factors[component]
            values[component] += factor * float(rule.formula(sums, NUMPY))
            # A formula is linear in S, so its slope by S_i is its value for S_i = 1 and others 0.
            weights = [
                rule.formula(dataclasses.replace(sums, raw=unit), NUMPY) for unit in np.eye(images)
            ]
            weight = factor * np.reshape(weights, (-1, 1, 1, 1))
            gradients[component].append(weight * term.gradient)
    values["total"] = sum(values[component] for component in COMPONENTS)
    totals = [np.sum(parts, axis=0) for parts in zip(*gradients.values(), strict=True)]
    return Value(values, {c: tuple(g) for c, g in gradients.items()} | {"total": tuple(totals)})


_TERMS = {
    "location": location,
    "anchor": anchor,
    "classification": classification,
    "objectness": objectness,
}
