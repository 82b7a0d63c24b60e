"""TensorFlow losses of one scale that are another in an eager run than in training, or are not."""

import tensorflow as tf


def squares(true, pred):
    mask = tf.cast(true[..., 4] > 0.5, tf.float32)
    return tf.reduce_sum(mask * tf.reduce_sum((true[..., :4] - pred[..., :4]) ** 2, -1))


def by_images(true, pred):
    return {"location": squares(true, pred) / tf.cast(tf.shape(true)[0], tf.float32)}


def make(weight=2.0):
    """A function that encloses a number: no `tf.function` for that."""

    def loss(true, pred):
        return {"location": weight * by_images(true, pred)["location"]}

    return loss


with_a_weight = make()


def by_images_that_are_known(true, pred):
    """A trace does not know how many there are, and divides by 1."""
    images = true.shape[0] if true.shape[0] is not None else 1
    return {"location": squares(true, pred) / images}


def image_by_image(true, pred):
    """No trace can do this: it does not know how often."""
    images = [squares(true[i], pred[i]) for i in range(int(true.shape[0]))]
    return {"location": tf.add_n(images) / len(images)}


compiled_image_by_image = tf.function(image_by_image, autograph=False)


@tf.function(input_signature=[tf.TensorSpec([None, None, None, None])] * 2)
def compiled_by_images_that_are_known(true, pred):
    return by_images_that_are_known(true, pred)


@tf.function(input_signature=[tf.TensorSpec([2, 4, 4, 10])] * 2)
def of_one_shape(true, pred):
    return by_images(true, pred)


@tf.function
def compiled(true, pred):
    return by_images(true, pred)


compiled_squares = tf.function(squares)


def with_a_compiled_part(true, pred):
    return {"location": compiled_squares(true, pred) / tf.cast(tf.shape(true)[0], tf.float32)}


def branches_on_a_value(true, pred):
    if tf.reduce_sum(true[..., 4]) > 0:
        location = squares(true, pred) / tf.cast(tf.shape(true)[0], tf.float32)
    else:
        location = 0.0 * tf.reduce_sum(pred)
    return {"location": location}


def of_every_scale(trues, preds):
    return {
        "location": tf.add_n(
            [by_images(*pair)["location"] for pair in zip(trues, preds, strict=True)]
        )
    }


def noisy(true, pred):
    factor = 1 + 0.125 * tf.random.uniform([])
    return {"location": factor * by_images(true, pred)["location"]}


compiled_noisy = tf.function(noisy)
