"""TensorFlow as Keras code is written: dense masks, tf.where, reduce_sum over the last axes."""

from __future__ import annotations

import tensorflow as tf


def make(normalization):
    return lambda problem: PlainLoss([len(scale) for scale in problem.anchors], normalization)


class PlainLoss:
    def __init__(self, anchors, normalization):
        self.anchors = anchors
        self.normalization = normalization

    def __call__(self, y_true, y_pred):
        scales = [self.of_scale(*s) for s in zip(self.anchors, y_true, y_pred, strict=True)]
        terms = {name: tf.add_n([scale[name] for scale in scales]) for name in scales[0]}
        return {**terms, "total": tf.add_n(list(terms.values()))}

    def of_scale(self, anchors, y_true, y_pred):
        mask = tf.cast(y_true[..., 4:5] > 0.5, y_pred.dtype)  # [B, H, W, 1]
        true_xy, true_wh, _, true_anchor, true_class = self.split(anchors, y_true)
        raw_xy, wh, _, anchor_logits, class_logits = self.split(anchors, y_pred)

        xy = tf.tanh(0.15 * raw_xy) + tf.sigmoid(0.15 * raw_xy)
        boxes = tf.square(xy - true_xy) + tf.square(wh - true_wh)
        true_anchor = tf.where(mask > 0, true_anchor, tf.zeros_like(true_anchor))
        anchor = tf.nn.sigmoid_cross_entropy_with_logits(true_anchor, anchor_logits)
        classes = tf.nn.sigmoid_cross_entropy_with_logits(true_class, class_logits)

        positive = tf.reduce_sum(mask, axis=[1, 2, 3])
        everywhere = tf.reduce_sum(tf.ones_like(mask), axis=[1, 2, 3])
        return {
            "location": self.normalized(tf.where(mask > 0, boxes, 0.0), positive, positive),
            "anchor": self.normalized(anchor, everywhere, positive),
            "classification": self.normalized(tf.where(mask > 0, classes, 0.0), positive, positive),
        }

    @staticmethod
    def split(anchors, array):
        return tf.split(array, [2, 2, 1, anchors, array.shape[-1] - 5 - anchors], axis=-1)

    def normalized(self, each, count, positive):
        """Of `[B, H, W, K]`; the counts are `[B]`."""
        sums = tf.reduce_sum(each, axis=[1, 2, 3])
        cells = tf.cast(each.shape[1] * each.shape[2], each.dtype)
        if self.normalization == "sum":
            return tf.reduce_sum(sums)
        if self.normalization == "positives":
            return tf.reduce_sum(sums) / tf.maximum(tf.reduce_sum(count), 1.0)
        if self.normalization == "per_image":
            return tf.reduce_mean(tf.math.divide_no_nan(sums, tf.maximum(count, 1.0)))
        if self.normalization == "grid":
            return tf.reduce_mean(sums / cells)
        if self.normalization == "hybrid":
            return tf.reduce_mean(sums) * (1.0 + tf.reduce_mean(positive) / cells)
        return tf.reduce_mean(sums)
