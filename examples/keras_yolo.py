"""A Keras loss of a YOLO-like head, whose array layout has no built-in description.

    mgloss check examples/keras_yolo.py:YoloLoss --problem examples/keras_yolo.py

Each cell of the grid predicts one box: objectness, then x, y, width, height. `YoloLoss` is the
loss, as `model.compile` takes it. `problem` describes an image, so that the laws can draw batches.
"""

import hypothesis.strategies as st
import keras
import numpy as np
from keras import ops

from mgspec import Description

HEIGHT, WIDTH = 2, 3  # cells of the grid


class YoloLoss(keras.losses.Loss):
    """Divide by the number of images: Keras averages the values that `call` returns for each."""

    def call(self, y_true, y_pred):
        is_object = y_true[..., 0]
        boxes = ops.sum(ops.square(y_true[..., 1:] - y_pred[..., 1:]), -1)
        objectness = ops.binary_crossentropy(is_object, y_pred[..., 0], from_logits=True)
        return ops.sum(is_object * boxes + objectness, (1, 2))


@st.composite
def image(draw, objects, shared):
    """Draw an image with this number of objects. `shared` is not used."""
    cell_numbers = st.integers(0, HEIGHT * WIDTH - 1)
    cells = draw(st.lists(cell_numbers, min_size=objects, max_size=objects, unique=True))
    sixteenths = st.lists(st.integers(-64, 64), min_size=5, max_size=5)
    target = np.zeros((HEIGHT * WIDTH, 5), np.float32)
    for cell in cells:
        target[cell] = [16, *draw(sixteenths)[1:]]
    predicted = draw(st.lists(sixteenths, min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH))
    shape = (HEIGHT, WIDTH, 5)
    return {
        "y_true": (target / 16).reshape(shape),
        "y_pred": (np.array(predicted, np.float32) / 16).reshape(shape),
    }


def arguments(images, stack):
    return tuple(stack([image[name] for image in images]) for name in ("y_true", "y_pred"))


problem = Description("yolo", image, predicted=("y_pred",), arguments=arguments)
