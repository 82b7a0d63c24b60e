"""The loss of the specification: plain NumPy, float64, slow, short.

It is a yardstick, not a tool for training. Each raw sum is kept per image, because the
normalizations need it so; each gradient is written out by hand, so that it owes nothing to any
framework's differentiation.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgspec.layout import OBJECTNESS, WH, XY, Batch, Problem
from mgspec.normalizations import NUMPY, Sums, normalization

Float = NDArray[np.float64]

COMPONENTS = ("location", "anchor", "classification")


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


def sigmoid(z: Float) -> Float:
    """1 / (1 + e^-z), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def phi(z: Float) -> Float:
    """Decoded x or y in cells, in (-1, 2): tanh(0.15 z) + sigmoid(0.15 z)."""
    return np.tanh(0.15 * z) + sigmoid(0.15 * z)


def phi_slope(z: Float) -> Float:
    """d phi / d z."""
    s = sigmoid(0.15 * z)
    return 0.15 * (1 / np.cosh(np.minimum(np.abs(0.15 * z), 350)) ** 2 + s * (1 - s))


def bce(target: Float, logit: Float) -> Float:
    """Binary cross-entropy of a logit in nats, without overflow or cancellation."""
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-np.abs(logit)))


def location(target: Float, prediction: Float, mask: Float) -> Term:
    """S_i = sum over positive cells of |t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2."""
    offset = phi(prediction[..., XY]) - target[..., XY]
    size = prediction[..., WH] - target[..., WH]
    raw = (mask * ((offset**2).sum(-1) + (size**2).sum(-1))).sum((1, 2))
    gradient = np.zeros_like(prediction)
    gradient[..., XY] = 2 * offset * phi_slope(prediction[..., XY])
    gradient[..., WH] = 2 * size
    return Term(raw, mask.sum((1, 2)), gradient * mask[..., None])


def anchor(target: Float, prediction: Float, mask: Float, channels: slice) -> Term:
    """S_i = sum over active cells and anchors of BCE; a background cell's target is no anchor.

    Every cell is active, so that the term also teaches the background, and n_i = H * W.
    """
    chosen = mask[..., None] * target[..., channels]
    logit = prediction[..., channels]
    gradient = np.zeros_like(prediction)
    gradient[..., channels] = sigmoid(logit) - chosen
    return Term(bce(chosen, logit).sum((1, 2, 3)), np.ones_like(mask).sum((1, 2)), gradient)


def classification(target: Float, prediction: Float, mask: Float, channels: slice) -> Term:
    """S_i = sum over positive cells and classes of BCE."""
    logit = prediction[..., channels]
    gradient = np.zeros_like(prediction)
    gradient[..., channels] = sigmoid(logit) - target[..., channels]
    raw = (mask[..., None] * bce(target[..., channels], logit)).sum((1, 2, 3))
    return Term(raw, mask.sum((1, 2)), gradient * mask[..., None])


def evaluate(
    problem: Problem, batch: Batch, name: str = "batch", expected: float | None = None
) -> Value:
    """The loss of a batch under the named normalization.

    expected: E in positive cells an image, for `fixed` and `expected`.
    """
    rule = normalization(name)
    if rule.needs_expected and expected is None:
        raise ValueError(f"normalization {name!r} needs expected: positive cells an image")
    values = dict.fromkeys(COMPONENTS, 0.0)
    gradients: dict[str, list[Float]] = {component: [] for component in COMPONENTS}
    for scale in range(problem.scales):
        target = batch.targets[scale].astype(np.float64)
        prediction = batch.predictions[scale].astype(np.float64)
        mask = (target[..., OBJECTNESS] > 0.5).astype(np.float64)
        terms = {
            "location": location(target, prediction, mask),
            "anchor": anchor(target, prediction, mask, problem.anchor_channels(scale)),
            "classification": classification(
                target, prediction, mask, problem.class_channels(scale)
            ),
        }
        images, height, width = mask.shape
        for component, term in terms.items():
            sums = Sums(term.raw, term.count, mask.sum((1, 2)), images, height * width, expected)
            values[component] += float(rule.formula(sums, NUMPY))
            weights = [
                rule.formula(dataclasses.replace(sums, raw=one), NUMPY) for one in np.eye(images)
            ]
            gradients[component].append(np.reshape(weights, (-1, 1, 1, 1)) * term.gradient)
    values["total"] = sum(values[component] for component in COMPONENTS)
    totals = [np.sum(parts, axis=0) for parts in zip(*gradients.values(), strict=True)]
    return Value(values, {c: tuple(g) for c, g in gradients.items()} | {"total": tuple(totals)})
