"""Plain loops over images and cells, in float32."""

from __future__ import annotations

import numpy as np

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
SLOPE = np.float32(0.15)


def make(normalization):
    def factory(problem):
        def loss(y_true, y_pred):
            terms = {"location": ZERO, "anchor": ZERO, "classification": ZERO}
            for anchors, target, prediction in zip(problem.anchors, y_true, y_pred, strict=True):
                rows = [
                    image_terms(t, p, len(anchors)) for t, p in zip(target, prediction, strict=True)
                ]
                cells = target.shape[1] * target.shape[2]
                for name in terms:
                    sums = [row[name] for row in rows]
                    counts = [cells if name == "anchor" else row["count"] for row in rows]
                    objects = sum(row["count"] for row in rows)
                    terms[name] += divided(normalization, sums, counts, objects, cells)
            terms["total"] = terms["location"] + terms["anchor"] + terms["classification"]
            return terms

        return loss

    return factory


def image_terms(target, prediction, anchors):
    terms = {"location": ZERO, "anchor": ZERO, "classification": ZERO, "count": 0}
    height, width, channels = target.shape
    for row in range(height):
        for column in range(width):
            t, p = target[row, column], prediction[row, column]
            is_object = t[4] > HALF
            for k in range(5, 5 + anchors):
                terms["anchor"] += cross_entropy(t[k] if is_object else ZERO, p[k])
            if not is_object:
                continue
            terms["count"] += 1
            for k in range(5 + anchors, channels):
                terms["classification"] += cross_entropy(t[k], p[k])
            for k in (0, 1):
                terms["location"] += (decoded(p[k]) - t[k]) ** 2
            for k in (2, 3):
                terms["location"] += (p[k] - t[k]) ** 2
    return terms


def cross_entropy(target, logit):
    return max(logit, ZERO) - logit * target + np.log1p(np.exp(-abs(logit)))


def decoded(raw):
    z = SLOPE * raw
    return np.tanh(z) + HALF * (ONE + np.tanh(HALF * z))


def divided(normalization, sums, counts, objects, cells):
    images, total = len(sums), sum(sums, ZERO)
    if normalization == "sum":
        return total
    if normalization == "positives":
        return total / np.float32(max(1, sum(counts)))
    if normalization == "per_image":
        each = [s / np.float32(max(1, n)) for s, n in zip(sums, counts, strict=True)]
        return sum(each, ZERO) / np.float32(images)
    mean = total / np.float32(images)
    if normalization == "grid":
        return mean / np.float32(cells)
    if normalization == "hybrid":
        return mean * np.float32(1 + objects / (images * cells))
    return mean
