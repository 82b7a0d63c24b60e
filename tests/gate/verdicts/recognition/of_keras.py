"""Losses as `model.compile(loss=...)` takes them: functions with a value for each image."""

import tensorflow as tf


def squares(y_true, y_pred):
    errors = tf.reduce_sum(tf.square(y_true[..., 2:4] - y_pred[..., 2:4]), -1)
    return tf.where(y_true[..., 4] > 0.5, errors, 0.0)


def of_images(y_true, y_pred):
    return tf.reduce_sum(squares(y_true, y_pred), (1, 2))


def over_objects(y_true, y_pred):
    count = tf.reduce_sum(tf.cast(y_true[..., 4] > 0.5, tf.float32))
    images = tf.cast(tf.shape(y_true)[0], tf.float32)
    return of_images(y_true, y_pred) * images / tf.maximum(1.0, count)


def of_components(y_true, y_pred):
    loss = tf.reduce_mean(of_images(y_true, y_pred))
    return tf.stack([loss, tf.reduce_mean(tf.square(y_pred[..., 4]))])


@tf.function
def traced(outputs, targets):
    return {"location": tf.reduce_mean(of_images(targets, outputs))}
