"""Make the targets and predictions of images from whole numbers.

These are pure functions. Many numbers come from one seed by SplitMix64; the seed 0 means the
simplest content. Functions that take `seeds`, `[B]`, make all images of a batch at once; the result
has a first axis of length B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgspec.loss.boxes import phi, phi_slope
from mgspec.problem.layout import OBJECTNESS, WH, XY, Array, Batch, Problem

STEPS = 16  # predictions are drawn as integers from -STEPS to STEPS

ORDINARY, SATURATED, EXTREME, RIGHT = "ordinary", "saturated", "extreme", "right"
NO_CROWD, SOME_CELLS, EVERY_CELL = "none", "some", "all"
CROWDS = (NO_CROWD, NO_CROWD, SOME_CELLS, EVERY_CELL)
KINDS = (ORDINARY, ORDINARY, ORDINARY, SATURATED, EXTREME, RIGHT)
MOST_CROWDED = 400  # cells: a loss may compare the boxes of all cells with all objects
LARGEST = 1e4  # magnitude of a prediction
_DECADES = (0.0, 10.0, 100.0, 1_000.0, LARGEST)


@dataclass(frozen=True)
class Object:
    """Target and prediction of a positive cell, `[5 + A + C]` each."""

    target: Array
    prediction: Array


@dataclass(frozen=True)
class Content:
    """What drawn images may hold.

    kinds: the kinds of predictions to draw from; a kind may be listed repeatedly.
    empty: draw no objects.
    imitate: let some background cells predict the object of a neighbouring cell.
    """

    kinds: tuple[str, ...] = KINDS
    empty: bool = False
    imitate: bool = False


ANYTHING = Content()


def make_predictions(steps: NDArray[np.integer], kind: str, *, quarters: bool) -> Array:
    """Return predictions of this kind from whole numbers in [-16, 16]; 0 always gives 0.

    ordinary: quarters or whole numbers in [-4, 4]. saturated: -50, 0 or 50. extreme: 0 or powers of
    ten up to 1e4, with a sign.
    """
    rounded = np.sign(steps) * ((np.abs(steps) + 3) // 4)
    if kind == SATURATED:
        values = 50.0 * np.sign(steps)
    elif kind == EXTREME:
        values = np.sign(steps) * np.take(_DECADES, np.abs(rounded))
    else:
        values = steps / 4 if quarters else rounded * 1.0
    return np.asarray(values, np.float32)


def predict_right(target: Array) -> Array:
    """Return predictions that agree with the targets, except for x and y, which are 0."""
    prediction = np.where(target > 0.5, 50, -50).astype(np.float32)
    prediction[..., XY] = 0
    prediction[..., WH] = target[..., WH]
    return prediction


def bulk(
    seeds: NDArray[np.uint64] | int, stream: int, shape: tuple[int, ...], low: int, high: int
) -> NDArray[np.int64]:
    """Return whole numbers in [low, high], the same on every machine.

    Use SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA
    2014): for few numbers it is faster than setting up a generator.

    seeds: one seed, for a result of this shape; or seeds `[B]`, for `[B, *shape]`.
    stream: different streams of one seed give different numbers.
    """
    seeds = np.asarray(seeds, np.uint64)
    first = (seeds << _SEED) + np.uint64(stream << 32)
    counter = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    mixed = first[..., None] + counter
    mixed *= _GAMMA
    mixed ^= mixed >> _30
    mixed *= _MIX_1
    mixed ^= mixed >> _27
    mixed *= _MIX_2
    mixed ^= mixed >> _31
    mixed %= np.uint64(high - low + 1)
    numbers = mixed.view(np.int64)
    numbers += low
    return numbers.reshape((*seeds.shape, *shape))


_SEED, _30, _27, _31 = np.uint64(40), np.uint64(30), np.uint64(27), np.uint64(31)
_GAMMA, _MIX_1, _MIX_2 = (
    np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def objects_of(problem: Problem, scale: int, numbers: NDArray[np.int64]) -> Array:
    """Return targets `[..., 5 + A + C]` of objects from whole numbers `[..., 6]`.

    The numbers mean x, y, w, h, anchor and class. All 0 is the simplest object: centred in its
    cell, as large as its anchor, of anchor 0 and class 0. x and y reach into neighbouring cells; w
    and h are within a factor of e^2 of the anchor.
    """
    target = np.zeros((*numbers.shape[:-1], problem.channels(scale)), np.float32)
    target[..., XY] = 0.5 + numbers[..., 0:2] / 4
    target[..., WH] = numbers[..., 2:4] / 4
    target[..., OBJECTNESS] = 1
    anchors, classes = problem.anchor_channels(scale), problem.class_channels(scale)
    target[..., anchors] = _one_hot(numbers[..., 4], anchors.stop - anchors.start)
    target[..., classes] = _one_hot(numbers[..., 5], problem.num_classes)
    return target


def _one_hot(numbers: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Return `[..., count]`, true at each number modulo count."""
    hot: NDArray[np.bool_] = np.arange(count) == (numbers % count)[..., None]
    return hot


def bulk_targets(
    problem: Problem, scale: int, seeds: NDArray[np.uint64], shape: tuple[int, ...]
) -> Array:
    """Return targets `[B, *shape, 5 + A + C]` of objects; a quarter has a second class."""
    limits = np.array([5, 5, 8, 8])
    numbers = bulk(seeds, 10 + scale, (*shape, 8), 0, 2**16)
    numbers[..., :4] = numbers[..., :4] % (2 * limits + 1) - limits
    numbers[seeds == 0] = 0
    target = objects_of(problem, scale, numbers[..., :6])
    classes = problem.class_channels(scale)
    second = _one_hot(numbers[..., 6], problem.num_classes) & (numbers[..., 7:] % 4 == 0)
    target[..., classes] = np.maximum(target[..., classes], second)
    return target


def bulk_steps(
    problem: Problem, scale: int, seeds: NDArray[np.uint64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return the steps of `make_predictions`, `[B, *shape, 5 + A + C]`, from seeds."""
    steps = bulk(seeds, scale, (*shape, problem.channels(scale)), -STEPS, STEPS)
    steps[seeds == 0] = 0
    return steps


def bulk_object(problem: Problem, scale: int, kind: str, seed: int) -> Object:
    """Return an object from a seed, with a prediction of this kind."""
    seeds = np.array([seed], np.uint64)
    target = bulk_targets(problem, scale, seeds, ())[0]
    steps = bulk_steps(problem, scale, seeds, ())[0]
    return Object(target, _predict(kind, target, steps))


def _predict(kind: str, target: Array, steps: NDArray[np.int64]) -> Array:
    """Return predictions of this kind, from targets or from steps, `[..., 5 + A + C]` each."""
    if kind == RIGHT:
        return predict_right(target)
    return make_predictions(steps, kind, quarters=True)


def bulk_images(
    problem: Problem,
    grids: Sequence[tuple[int, int]],
    images: Sequence[int],
    objects: int,
    content: Content,
) -> Batch:
    """Return the batch of images that whole numbers mean; smaller numbers mean simpler images.

    The last digits of an image's number, in mixed radix, are its number of objects, its kind of
    predictions and its crowd. The rest is the seed of all its numbers; 0 gives zeros and the
    simplest objects.

    Even without `content.imitate`, some images imitate if the options ignore cells.

    grids: (H, W) of each scale, in cells. images: the number of each image.
    objects: the largest number of objects in an image; crowds may hold more. Grids of more than
        400 cells hold no crowds.
    """
    kinds = content.kinds
    rest, count = np.divmod(np.array(images, np.uint64), np.uint64(objects + 1))
    rest, number = np.divmod(rest, np.uint64(len(kinds)))
    seeds, crowd = np.divmod(rest, np.uint64(len(CROWDS)))
    kind_of = [kinds[n] for n in number.tolist()]
    cells = [height * width for height, width in grids]
    positive = np.zeros((len(images), sum(cells)), bool)
    if not content.empty and sum(cells) <= MOST_CROWDED:
        crowds = np.array(CROWDS)[crowd.astype(int)]
        half = bulk(seeds, 20, (sum(cells),), 0, 1) > 0
        positive |= (crowds == EVERY_CELL)[:, None] | ((crowds == SOME_CELLS)[:, None] & half)
    if not content.empty:
        image, place = np.nonzero(np.arange(objects) < count[:, None])
        positive[image, bulk(seeds, 50, (objects,), 0, 2**16)[image, place] % sum(cells)] = True
    targets, predictions = [], []
    for scale, grid in enumerate(grids):
        before = sum(cells[:scale])
        mask = positive[:, before : before + cells[scale]].reshape(-1, *grid)
        target = np.zeros((*mask.shape, problem.channels(scale)), np.float32)
        if mask.any():
            target[mask] = bulk_targets(problem, scale, seeds, grid)[mask]
        steps = bulk_steps(problem, scale, seeds, grid)
        prediction = np.empty_like(target)
        for kind in set(kind_of):
            of_kind = [k == kind for k in kind_of]
            prediction[of_kind] = _predict(kind, target[of_kind], steps[of_kind])
        if problem.options.ignore_thresh < 1:
            imitate = (seeds % 2 == 1) | (content.imitate & (seeds > 0))
            prediction[imitate] = imitate_neighbours(
                problem, scale, target[imitate], prediction[imitate], seeds[imitate]
            )
        targets.append(target)
        predictions.append(prediction)
    return Batch(tuple(targets), tuple(predictions))


_RAW = np.linspace(-40, 40, 8001)
_DECODED = phi(_RAW)


def raw_centre(decoded: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the inverse of phi, for numbers in (-0.98, 1.98)."""
    raw = np.interp(decoded, _DECODED, _RAW)
    for _ in range(2):  # Newton
        raw = raw - (phi(raw) - decoded) / phi_slope(raw)
    return np.asarray(raw)


def predict_boxes(targets: Array) -> Array:
    """Return predictions x, y, w, h `[..., 4]` that decode to the boxes of the targets."""
    raw = raw_centre(targets[..., XY].astype(np.float64))
    return np.concatenate([raw, targets[..., WH]], -1).astype(np.float32)


_DOWN, _ACROSS = np.divmod(np.arange(9), 3)  # rows and columns of a 3x3 block of cells


def imitate_neighbours(
    problem: Problem, scale: int, target: Array, prediction: Array, seeds: NDArray[np.uint64]
) -> Array:
    """Let some background cells predict a neighbouring object, so that they are ignored.

    Predictions are rounded to 1/16, so that they are exact in half precision too.

    target, prediction: `[B, H, W, 5 + A + C]`. seeds: `[B]`.
    """
    positive = target[..., OBJECTNESS] > 0.5
    if not positive.any():
        return prediction
    images, height, width = positive.shape
    padded = np.zeros((images, height + 2, width + 2), bool)
    padded[:, 1:-1, 1:-1] = positive
    picks = bulk(seeds, 40 + scale, (height, width, 3), 0, 2**16)
    cells = np.nonzero(~positive & (picks[..., 0] % 2 == 0))
    image, row, column = cells
    beside = padded[image[:, None], row[:, None] + _DOWN, column[:, None] + _ACROSS]
    counts = np.cumsum(beside, -1)
    # Choose one of the objects around each cell.
    choice = picks[..., 1][cells] % np.maximum(counts[:, -1], 1)
    neighbour = np.argmax(counts > choice[:, None], -1)
    down, across = _DOWN[neighbour] - 1, _ACROSS[neighbour] - 1
    objects = target[image, row + down, column + across]
    centres = objects[:, XY] + np.stack([across, down], -1)
    # There is an object, and its centre is near enough to be predicted.
    possible = (counts[:, -1] > 0) & (np.abs(centres - 0.5) <= 1.45).all(-1)
    anchors = np.array(problem.anchors[scale])
    object_anchors = anchors[np.argmax(objects[:, problem.anchor_channels(scale)], -1)]
    predicted_anchors = anchors[picks[..., 2][cells] % len(anchors)]
    logs = objects[:, WH] + np.log(object_anchors / predicted_anchors)
    boxes = np.concatenate([raw_centre(centres[possible]), logs[possible]], -1)
    changed = prediction.copy()
    places = image[possible], row[possible], column[possible], slice(OBJECTNESS)
    changed[places] = np.round(16 * boxes) / 16
    return changed
