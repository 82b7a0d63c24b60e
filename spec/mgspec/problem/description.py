"""Describe the problem of any detector by one of its images.

The laws about batches need no more than images that can be combined and whose objects can be
counted. So a detector with another array layout than this project's describes one image: a nested
mapping of arrays drawn by a Hypothesis strategy, and which of the arrays the network predicts.
Some laws also change an image; the description may have a function for each such change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Image = Mapping[str, Any]  # names to arrays, or to mappings of the same kind
SEPARATOR = "/"  # between the names that lead to an array of a nested image
MOST_IMAGES = 10_000  # of a batch


@dataclass(frozen=True)
class Stack:
    """Combine arrays of a loss's own framework; call it to stack them along a new first axis.

    stack: joins arrays of one shape along a new first axis.
    join: joins arrays along their first axis, in which they may differ in length.
    """

    stack: Callable[[Sequence[Any]], Any]
    join: Callable[[Sequence[Any]], Any]

    def __call__(self, arrays: Sequence[Any]) -> Any:
        """Return the arrays along a new first axis."""
        return self.stack(arrays)


def as_images(images: Sequence[Any], stack: Stack) -> tuple[Any, ...]:
    """Return the arguments of a loss by default: the list of images alone."""
    return (list(images),)


@dataclass(frozen=True)
class Description:
    """A detection problem, as far as the laws about batches need it.

    name: the name that reports use.
    image: `image(objects, shared)` returns a strategy of images with this number of objects, which
        may be 0. People read the images that it shrinks to.
    predicted: the names of the arrays that the network predicts; parts of a nested name are joined
        by "/". They hold floats, and may differ in size from image to image. The loss is
        differentiated by them.
    arguments: `arguments(images, stack)` returns the arguments of the loss. The images hold arrays
        of the loss's own framework. `stack(arrays)` combines a list of arrays of one shape along a
        new first axis, `stack.join(arrays)` arrays of different lengths along their first axis.
    shared: a strategy of plain data that all images of a batch have in common, such as the number
        of queries. `image` receives it.
    background: the components that also hold a loss of the background. None to go by their usual
        names; the total of a detector holds one. Give an empty set where there is no background, as
        with tokens.
    fewest_objects: the smallest number of objects that an image of the data set holds. No image is
        drawn with fewer, and laws about images without objects are not asked where it is above 0.
    most_objects: the largest number of objects to draw in an image.
    largest_factor: the largest factor of a single term before terms are summed. Tolerances grow
        with it.
    without_object: `without_object(image, k)` returns the image with its k-th object, counted from
        0, turned into background. Predictions stay. Give it if the loss of the other objects then
        stays as it is.
    with_background: `with_background(image, amount)` returns the image with this much more
        background: cells, anchors or padding. Give it if the loss of objects then stays as it is.
    with_copies: `with_copies(image, copies)` returns the image with its first object and that
        object's prediction copied this many times, and no other object. Give it if each copy has
        the loss of the first.

    Raise ValueError if a field is not allowed.
    """

    name: str
    image: Callable[[int, Any], st.SearchStrategy[Image]]
    predicted: tuple[str, ...]
    arguments: Callable[[Sequence[Any], Stack], tuple[Any, ...]] = as_images
    shared: st.SearchStrategy[Any] = field(default_factory=st.none)
    background: frozenset[str] | None = None
    most_objects: int = 3
    largest_factor: float = 8.0
    without_object: Callable[[Image, int], Image] | None = None
    with_background: Callable[[Image, int], Image] | None = None
    with_copies: Callable[[Image, int], Image] | None = None
    fewest_objects: int = 0

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"name: expected some text, got {self.name!r}")
        names: Any = self.predicted  # a single string would pass for a tuple of letters
        if not isinstance(names, tuple) or not names:
            raise ValueError(
                "predicted: expected a tuple of the names of what the network predicts, such as "
                f"('logits', 'boxes'), got {names!r}"
            )
        if not callable(self.image):
            raise ValueError(
                "image: expected a function image(objects, shared) that returns a strategy, got "
                f"{type(self.image).__name__}"
            )
        if type(self.fewest_objects) is not int or self.fewest_objects < 0:
            raise ValueError(
                f"fewest_objects: expected a whole number from 0, got {self.fewest_objects!r}"
            )
        if self.most_objects < self.fewest_objects:
            raise ValueError(
                f"most_objects: expected fewest_objects, {self.fewest_objects}, or more, got "
                f"{self.most_objects}"
            )
        if self.most_objects < 1:
            raise ValueError(f"most_objects: expected 1 or more, got {self.most_objects}")
        if not self.largest_factor >= 1:
            raise ValueError(f"largest_factor: expected 1 or more, got {self.largest_factor}")


@dataclass(frozen=True)
class Described:
    """A described problem, with the plain data that all images of a batch share."""

    description: Description
    shared: Any = None


@dataclass(frozen=True)
class Images:
    """B images of a described problem.

    arrays: for each image a mapping from names, joined by "/", to arrays.
    objects: for each image its number of objects.
    predicted: the names of the arrays that the network predicts.
    """

    arrays: tuple[Mapping[str, Array], ...]
    objects: tuple[int, ...]
    predicted: tuple[str, ...]

    @property
    def images(self) -> int:
        """Number of images, B."""
        return len(self.arrays)

    @property
    def positives(self) -> int:
        """Number of objects in all images together."""
        return sum(self.objects)

    @property
    def numbers(self) -> int:
        """Number of numbers in all arrays together."""
        return sum(array.size for image in self.arrays for array in image.values())

    @property
    def magnitude(self) -> float:
        """Largest magnitude of a number in the arrays; 0 if there is none."""
        return max(
            (float(np.abs(a).max()) for image in self.arrays for a in image.values() if a.size),
            default=0.0,
        )

    @property
    def predictions(self) -> tuple[Array, ...]:
        """The predictions: one `[B, ...]` array for each predicted name, filled up with zeros.

        An image has zeros after its own numbers where another image is larger.
        """
        return tuple(stack_padded([i[name] for i in self.arrays]) for name in self.predicted)

    def with_predictions(self, predictions: Sequence[Array]) -> Images:
        """Return the same images with other predictions: one `[B, ...]` array for each name.

        Of each image, take as many numbers as it has; others only fill up.
        """
        changed = dict(zip(self.predicted, predictions, strict=True))

        def own(name: str, array: Array, image: int) -> Array:
            if name not in changed:
                return array
            of_image: Array = changed[name][image]
            return of_image[_corner(array.shape)]

        return replace(
            self,
            arrays=tuple(
                {name: own(name, array, i) for name, array in image.items()}
                for i, image in enumerate(self.arrays)
            ),
        )

    def take(self, images: Sequence[int]) -> Images:
        """Return the images with these numbers, in this order; a number may occur repeatedly."""
        return replace(
            self,
            arrays=tuple(self.arrays[i] for i in images),
            objects=tuple(self.objects[i] for i in images),
        )

    def followed_by(self, others: Iterable[Images]) -> Images:
        """Return these images followed by those of the other batches."""
        parts = (self, *others)
        return replace(
            self,
            arrays=tuple(image for part in parts for image in part.arrays),
            objects=tuple(n for part in parts for n in part.objects),
        )


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(map(slice, shape))


def stack_padded(arrays: Sequence[Array]) -> Array:
    """Stack arrays of one number of axes along a new first axis, filled up with zeros."""
    shapes = {array.shape for array in arrays}
    if len(shapes) == 1:
        return np.stack(arrays)
    largest = tuple(map(max, zip(*shapes, strict=True)))
    stacked = np.zeros((len(arrays), *largest), np.result_type(*arrays))
    for image, array in enumerate(arrays):
        stacked[image][_corner(array.shape)] = array
    return stacked


def join_padded(arrays: Sequence[Array]) -> Array:
    """Join batches `[B, ...]` along their first axis, filled up with zeros in the others."""
    if len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    return stack_padded([image for array in arrays for image in array])


def flat(image: Image, where: str = "") -> dict[str, Array]:
    """Return the arrays of a nested image by their names, joined by "/".

    where: the joined name of the image within another.

    Raise ValueError if the image is no nested mapping of arrays of numbers.
    """
    if not isinstance(image, Mapping):
        raise ValueError(
            f"{where or 'image'}: expected a mapping of names to arrays, got {type(image).__name__}"
        )
    arrays: dict[str, Array] = {}
    for name, value in image.items():
        if not isinstance(name, str) or not name or SEPARATOR in name:
            raise ValueError(f"{where}{name!r}: expected a name without {SEPARATOR!r}")
        place = f"{where}{name}"
        if isinstance(value, Mapping):
            arrays.update(flat(value, f"{place}{SEPARATOR}"))
            continue
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{place}: expected an array of numbers, got dtype {array.dtype}")
        if array.dtype == np.float64:  # networks predict float32, and files keep it
            array = array.astype(np.float32)
        arrays[place] = array
    return arrays


def nested(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested image of arrays by their joined names; the inverse of `flat`."""
    image: dict[str, Any] = {}
    for place, array in arrays.items():
        *path, name = place.split(SEPARATOR)
        inner = image
        for step in path:
            inner = inner.setdefault(step, {})
        inner[name] = array
    return image


def images_of(description: Description, drawn: Sequence[Image], objects: Sequence[int]) -> Images:
    """Flatten the drawn images and return them as one checked batch.

    objects: the number of objects of each image.

    Raise ValueError, naming the image and the array, if they cannot be one batch: see `check`.
    """
    batch = Images(tuple(map(flat, drawn)), tuple(objects), description.predicted)
    check(batch)
    return batch


def check(batch: Images) -> None:
    """Raise ValueError if the images cannot be one batch of training data.

    Every image needs the same arrays as the first. Predicted arrays must exist, hold floats and
    have as many axes as in the first image. Every number must be finite.
    """
    if not 1 <= batch.images <= MOST_IMAGES:
        raise ValueError(f"expected 1 to {MOST_IMAGES} images, got {batch.images}")
    first = batch.arrays[0]
    for number, image in enumerate(batch.arrays):
        where = f"image {number}"
        if set(image) != set(first):
            raise ValueError(f"{where}: has the arrays {sorted(image)}, image 0 {sorted(first)}")
        for name in batch.predicted:
            if name not in image:
                raise ValueError(
                    f"{where}: no array {name!r}, which is said to be predicted; it has "
                    f"{', '.join(sorted(image))}"
                )
            array = image[name]
            if array.dtype.kind != "f" or not array.size:
                raise ValueError(
                    f"{where}, {name}: expected floats, at least one, got "
                    f"{array.dtype} of shape {list(array.shape)}"
                )
            if array.ndim != first[name].ndim:
                raise ValueError(
                    f"{where}, {name}: has shape {list(array.shape)}, in image 0 "
                    f"{list(first[name].shape)}; images may differ in size, not in the number of "
                    "axes"
                )
        for name, array in image.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{where}, {name}: every number must be finite")
