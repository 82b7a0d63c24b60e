"""The loss of the specification: plain NumPy, float64, slow, short.

It is a yardstick, not a tool for training. Each raw sum is kept per image, because the
normalizations need it so; each gradient is written out by hand, so that it owes nothing to any
framework's differentiation.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from mgspec.loss.boxes import (
    Boxes,
    Float,
    corners,
    from_the_image,
    iou,
    iou_loss,
    phi,
    phi_slope,
    sigmoid,
    sizes,
)
from mgspec.problem.layout import OBJECTNESS, WH, XY, Batch, Problem
from mgspec.problem.normalizations import NUMPY, Sums, normalization
from mgspec.problem.options import TERMS, Options

COMPONENTS = TERMS


@dataclass(frozen=True)
class Term:
    """One component on one scale: per-image raw sums S_i `[B]`, counts n_i `[B]`, and dS_i/dp.

    gradient: `[B, H, W, 5 + A + C]`, zero in the channels that the component does not read.
    """

    raw: Float
    count: Float
    gradient: Float


@dataclass(frozen=True)
class Value:
    """Components and total, and the gradient of each with respect to the predictions."""

    components: dict[str, float]
    gradients: dict[str, tuple[Float, ...]]


@dataclass(frozen=True)
class Scale:
    """One scale of a batch, in float64, and what its terms are computed from.

    target, prediction: `[B, H, W, 5 + A + C]`. mask: `[B, H, W]`, 1 in positive cells.
    anchors, classes: their channels. sizes: the scale's anchors `[A, 2]` in pixels.
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
        """The scale of this number."""
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
        """Every cell's predicted box and its target's, of the target's anchor."""
        chosen = self.sizes[np.argmax(self.target[..., self.anchors], -1)]
        return Boxes.of(self.target, self.prediction, chosen, self.stride)


def best_overlaps(scale: Scale) -> Float:
    """The largest IoU of each cell's predicted boxes, one an anchor, with an object: `[B, H, W]`.

    Objects are those of the same image and scale: the boxes that the positive cells' targets hold.
    0 where an image has none. Positive cells are included.
    """
    logs = scale.prediction[..., None, WH]  # [B, H, W, 1, 2], the same for all anchors
    centres = from_the_image(phi(scale.prediction[..., XY]), scale.stride)
    low, high = corners(centres[..., None, :], sizes(logs, scale.sizes))
    own = 2 * scale.boxes().half_target
    objects = corners(from_the_image(scale.target[..., XY], scale.stride), own)
    best = np.zeros(scale.mask.shape)
    for image, mask in enumerate(scale.mask > 0):
        if mask.any():
            each = (objects[0][image][mask], objects[1][image][mask])  # [P, 2] both
            predicted = (low[image][..., None, :], high[image][..., None, :])  # [H, W, A, 1, 2]
            best[image] = iou(predicted, each).max((-1, -2))
    return best


def bce(target: Float, logit: Float) -> Float:
    """Binary cross-entropy of a logit in nats, without overflow or cancellation."""
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-np.abs(logit)))


def location(scale: Scale) -> Term:
    """S_i = sum over positive cells of |t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2, or of 1 - xIoU."""
    gradient = np.zeros_like(scale.prediction)
    if scale.options.location == "mse":
        raw_centres = scale.prediction[..., XY]
        offset = phi(raw_centres) - scale.target[..., XY]
        size = scale.prediction[..., WH] - scale.target[..., WH]
        each = (offset**2).sum(-1) + (size**2).sum(-1)
        gradient[..., XY] = 2 * offset * phi_slope(raw_centres)
        gradient[..., WH] = 2 * size
    else:
        each, gradient[..., :OBJECTNESS] = iou_loss(scale.options.location, scale.boxes())
    return _over_positives(scale, each, gradient)


def anchor(scale: Scale) -> Term:
    """S_i = sum over cells of w BCE, summed over anchors; a background cell's target is no anchor.

    w is that of the active cells, or the mask where objectness teaches the background.
    """
    chosen = scale.mask[..., None] * scale.target[..., scale.anchors]
    logit = scale.prediction[..., scale.anchors]
    gradient = np.zeros_like(scale.prediction)
    gradient[..., scale.anchors] = sigmoid(logit) - chosen
    of_background = scale.options.background == "anchor"
    weight = active_weight(scale) if of_background else scale.mask
    return _weighted(weight, bce(chosen, logit).sum(-1), gradient)


def classification(scale: Scale) -> Term:
    """S_i = sum over positive cells and classes of the class's weight times its loss."""
    options = scale.options
    logit = scale.prediction[..., scale.classes]
    # A background cell's target may hold anything, even what has no logarithm or power.
    target = scale.mask[..., None] * scale.target[..., scale.classes]
    count = target.shape[-1]
    weights = np.array(options.class_weights or [1.0] * count)
    smooth = options.label_smoothing
    gradient = np.zeros_like(scale.prediction)
    if options.classification == "softmax_focal":
        target = target * (1 - smooth) + smooth / count
        each, gradient[..., scale.classes] = softmax_focal(target, logit, weights, options)
    else:
        target = target * (1 - smooth) + smooth / 2
        loss = focal if options.classification == "focal" else plain_bce
        each, slope = loss(target, logit, options)
        each, gradient[..., scale.classes] = weights * each, weights * slope
    return _over_positives(scale, each.sum(-1), gradient)


def plain_bce(target: Float, logit: Float, options: Options) -> tuple[Float, Float]:
    """BCE of each class and its derivative, `[..., C]`."""
    return bce(target, logit), sigmoid(logit) - target


def focal(target: Float, logit: Float, options: Options) -> tuple[Float, Float]:
    """(a t + (1 - a)(1 - t)) m^g BCE and its derivative; m = t (1 - s) + (1 - t) s, s = sigmoid."""
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
    """-a w_c t_c (1 - p_c)^g ln p_c, p = softmax, and their sum's gradient; both `[..., C]`."""
    a, g = options.focal_alpha, options.focal_gamma
    shifted = logit - logit.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    p, missed = np.exp(log_p), -np.expm1(log_p)
    value = -a * weights * target * missed**g * log_p
    by_log_p = -a * weights * target * (missed**g - _power_slope(missed, g) * p * log_p)
    return value, by_log_p - p * by_log_p.sum(-1, keepdims=True)


def _power_slope(base: Float, exponent: float) -> Float:
    """d base^exponent / d base; 0 where the base is 0 and the slope would not be finite."""
    positive = base > 0
    return np.where(positive, exponent * np.where(positive, base, 1) ** (exponent - 1), 0)


def objectness(scale: Scale) -> Term:
    """S_i = sum over cells of w BCE of the objectness logit; 0 where anchor teaches the background.

    A positive cell's target is 1 - r + r IoU^k, taken as a constant.
    """
    gradient = np.zeros_like(scale.prediction)
    zero = np.zeros_like(scale.mask)
    if scale.options.background != "objectness":
        return _weighted(zero, zero, gradient)
    ratio, power = scale.options.iou_aware_ratio, scale.options.iou_aware_power
    boxes = scale.boxes()
    seen = 1 - ratio + ratio * iou(boxes.target, boxes.prediction) ** power
    logit = scale.prediction[..., OBJECTNESS]
    gradient[..., OBJECTNESS] = sigmoid(logit) - scale.mask * seen
    return _weighted(active_weight(scale), bce(scale.mask * seen, logit), gradient)


def active_weight(scale: Scale) -> Float:
    """w = object_scale in positive, no_object_scale in background cells; ignored ones lose it."""
    options = scale.options
    ignored = best_overlaps(scale) > options.ignore_thresh
    kept = np.where(ignored, options.ignored_weight, 1)
    background = options.no_object_scale * kept
    return np.where(scale.mask > 0, options.object_scale, background)


def _weighted(weight: Float, each: Float, gradient: Float) -> Term:
    raw, count = (weight * each).sum((1, 2)), weight.sum((1, 2))
    return Term(raw, count, weight[..., None] * gradient)


def _over_positives(scale: Scale, each: Float, gradient: Float) -> Term:
    return _weighted(scale.mask, each, gradient)


def evaluate(problem: Problem, batch: Batch) -> Value:
    """The loss of a batch, as the problem's options say."""
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
            weights = [
                rule.formula(dataclasses.replace(sums, raw=one), NUMPY) for one in np.eye(images)
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
