"""Problems of any detector, told by what one of their images is.

The laws about batches need images that can be put together and counted, and no more. So a detector
whose arrays are laid out in another way than this project's describes one image: a nested mapping
of arrays, drawn by a Hypothesis strategy, how many objects it holds, and which of the arrays the
network predicts. What can be done to an image in place is told by functions, where it can be done.
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
Stack = Callable[[Sequence[Any]], Any]

SEPARATOR = "/"  # between the names that lead to an array of a nested image
MOST_IMAGES = 10_000  # of a batch


def as_images(images: Sequence[Any], stack: Stack) -> tuple[Any, ...]:
    """What a loss is called with unless its description says otherwise: the list of images."""
    return (list(images),)


@dataclass(frozen=True)
class Description:
    """A detection problem, as far as the laws about batches need to know it.

    name: as reports name it.
    image: `image(objects, shared)` is the strategy of an image that holds so many objects, 0
        included; what it shrinks to is what people will read.
    predicted: the arrays that a network predicts, as names joined by "/". They are floats, and of
        one shape in all images of a batch; the loss is differentiated with respect to them.
    arguments: `arguments(images, stack)` is what the loss is called with. The arrays in the images
        are those of the loss's own framework by then; `stack` puts a list of them into one with a
        new first axis.
    shared: what the images of one batch have in common, such as the number of queries; plain data,
        which `image` receives.
    background: the components that also hold a loss for what is no object.
    most_objects: the most of an image that are drawn.
    largest_factor: the most that a single term is multiplied by before terms are summed; how
        exact a sum can be depends on it.
    without_object: `without_object(image, k)` is the image with its k-th object, counted from 0,
        turned into background, and the predictions as they were. Only where the loss of the
        other objects stays as it is.
    with_background: `with_background(image, amount)` is the image with so much more background:
        cells, anchors, padding. Only where the background is no object's loss.
    with_copies: `with_copies(image, copies)` is the image with its first object, prediction and
        all, so many times, and no other. Only where each copy has the loss of the first.
    """

    name: str
    image: Callable[[int, Any], st.SearchStrategy[Image]]
    predicted: tuple[str, ...]
    arguments: Callable[[Sequence[Any], Stack], tuple[Any, ...]] = as_images
    shared: st.SearchStrategy[Any] = field(default_factory=st.none)
    background: frozenset[str] = frozenset({"total"})
    most_objects: int = 3
    largest_factor: float = 8.0
    without_object: Callable[[Image, int], Image] | None = None
    with_background: Callable[[Image, int], Image] | None = None
    with_copies: Callable[[Image, int], Image] | None = None

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"name: expected some text, got {self.name!r}")
        names: Any = self.predicted  # a lone name would pass for a tuple of letters
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
        if self.most_objects < 1:
            raise ValueError(f"most_objects: expected 1 or more, got {self.most_objects}")
        if not self.largest_factor >= 1:
            raise ValueError(f"largest_factor: expected 1 or more, got {self.largest_factor}")


@dataclass(frozen=True)
class Described:
    """A described problem, with what the images of a batch share."""

    description: Description
    shared: Any = None


@dataclass(frozen=True)
class Images:
    """B images of a described problem.

    each: one mapping an image, from names joined by "/" to arrays.
    objects: how many objects each holds.
    predicted: the names of what the network predicts.
    """

    each: tuple[Mapping[str, Array], ...]
    objects: tuple[int, ...]
    predicted: tuple[str, ...]

    @property
    def images(self) -> int:
        """B."""
        return len(self.each)

    @property
    def positives(self) -> int:
        """Objects of all images together."""
        return sum(self.objects)

    @property
    def numbers(self) -> int:
        """How many numbers its arrays hold."""
        return sum(array.size for image in self.each for array in image.values())

    @property
    def magnitude(self) -> float:
        """The largest of its numbers, by magnitude; 0 where there are none."""
        return max(
            (float(np.abs(a).max()) for image in self.each for a in image.values() if a.size),
            default=0.0,
        )

    @property
    def predictions(self) -> tuple[Array, ...]:
        """What the network predicts: one `[B, ...]` array a name."""
        return tuple(np.stack([image[name] for image in self.each]) for name in self.predicted)

    def with_predictions(self, predictions: Sequence[Array]) -> Images:
        """The same images, predicted otherwise; one `[B, ...]` array a name."""
        changed = dict(zip(self.predicted, predictions, strict=True))
        return replace(
            self,
            each=tuple(
                {name: changed[name][i] if name in changed else a for name, a in image.items()}
                for i, image in enumerate(self.each)
            ),
        )

    def take(self, images: Sequence[int]) -> Images:
        """The named images, in the order named; an image may be named more than once."""
        return replace(
            self,
            each=tuple(self.each[i] for i in images),
            objects=tuple(self.objects[i] for i in images),
        )

    def followed_by(self, others: Iterable[Images]) -> Images:
        """These images and then those of the others."""
        parts = (self, *others)
        return replace(
            self,
            each=tuple(image for part in parts for image in part.each),
            objects=tuple(n for part in parts for n in part.objects),
        )


def flat(image: Image, where: str = "") -> dict[str, Array]:
    """The arrays of a nested image by their joined names. Raises ValueError for what is none."""
    if not isinstance(image, Mapping):
        raise ValueError(
            f"{where or 'image'}: expected a mapping of names to arrays, got {type(image).__name__}"
        )
    found: dict[str, Array] = {}
    for name, value in image.items():
        if not isinstance(name, str) or not name or SEPARATOR in name:
            raise ValueError(f"{where}{name!r}: expected a name without {SEPARATOR!r}")
        place = f"{where}{name}"
        if isinstance(value, Mapping):
            found.update(flat(value, f"{place}{SEPARATOR}"))
            continue
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{place}: expected an array of numbers, got dtype {array.dtype}")
        if array.dtype == np.float64:  # as a network predicts, and as files keep it
            array = array.astype(np.float32)
        found[place] = array
    return found


def nested(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The image whose arrays have these joined names."""
    image: dict[str, Any] = {}
    for place, array in arrays.items():
        *path, name = place.split(SEPARATOR)
        inner = image
        for step in path:
            inner = inner.setdefault(step, {})
        inner[name] = array
    return image


def images_of(description: Description, drawn: Sequence[Image], objects: Sequence[int]) -> Images:
    """A batch of these nested images, that hold so many objects each.

    Raises ValueError, naming the image and the array, where it is none: see `check`.
    """
    batch = Images(tuple(map(flat, drawn)), tuple(objects), description.predicted)
    check(batch)
    return batch


def check(batch: Images) -> None:
    """Raise ValueError where a batch's images cannot be what a network is taught with.

    That is, where one has other arrays than the first, or a predicted array is missing, no float,
    or of another shape than in the first, or where any number is not finite.
    """
    if not 1 <= batch.images <= MOST_IMAGES:
        raise ValueError(f"expected 1 to {MOST_IMAGES} images, got {batch.images}")
    first = batch.each[0]
    for number, image in enumerate(batch.each):
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
            if array.shape != first[name].shape:
                raise ValueError(
                    f"{where}, {name}: has shape {list(array.shape)}, in image 0 "
                    f"{list(first[name].shape)}; what the images of a batch share is drawn by "
                    "`shared`"
                )
        for name, array in image.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{where}, {name}: every number must be finite")
