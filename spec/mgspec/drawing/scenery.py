"""What stands in the arrays of drawn images: targets and predictions made from whole numbers.

Pure functions. Bulk numbers come from a seed, which SplitMix64 spreads over as many as are wanted;
the seed 0 stands for the simplest there is. Where `seeds` are asked for, `[B]`, what comes of each
stands along a first axis: the images of a batch are made in one go.
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
LARGEST = 1e4  # magnitude of a prediction
_DECADES = (0.0, 10.0, 100.0, 1_000.0, LARGEST)


@dataclass(frozen=True)
class Object:
    """One positive cell of an image: what its target and its prediction hold."""

    target: Array
    prediction: Array


def predicted(steps: NDArray[np.integer], kind: str, *, quarters: bool) -> Array:
    """Predictions of this kind from integers in [-16, 16]; 0 is always 0.

    ordinary: in [-4, 4], quarters or whole numbers; saturated: -50, 0 or 50; extreme: powers of
    ten up to 1e4.
    """
    whole = np.sign(steps) * ((np.abs(steps) + 3) // 4)
    if kind == SATURATED:
        values = 50.0 * np.sign(steps)
    elif kind == EXTREME:
        values = np.sign(steps) * np.take(_DECADES, np.abs(whole))
    else:
        values = steps / 4 if quarters else whole * 1.0
    return np.asarray(values, np.float32)


def right(target: Array) -> Array:
    """Predictions that agree with their targets, the centre's place in its cell apart."""
    prediction = np.where(target > 0.5, 50, -50).astype(np.float32)
    prediction[..., XY] = 0
    prediction[..., WH] = target[..., WH]
    return prediction


def bulk(
    seeds: NDArray[np.uint64] | int, stream: int, shape: tuple[int, ...], low: int, high: int
) -> NDArray[np.int64]:
    """Integers in [low, high], `shape` or `[B, *shape]`, the same on every machine.

    The numbers of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
    generators, OOPSLA 2014), which need no generator to be set up for the few that are wanted.
    """
    seeds = np.asarray(seeds, np.uint64)
    first = (seeds << _SEED) + np.uint64(stream << 32)
    number = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    mixed = first[..., None] + number
    mixed *= _GAMMA
    mixed ^= mixed >> _30
    mixed *= _MIX_1
    mixed ^= mixed >> _27
    mixed *= _MIX_2
    mixed ^= mixed >> _31
    mixed %= np.uint64(high - low + 1)
    found = mixed.view(np.int64)
    found += low
    return found.reshape((*seeds.shape, *shape))


_SEED, _30, _27, _31 = np.uint64(40), np.uint64(30), np.uint64(27), np.uint64(31)
_GAMMA, _MIX_1, _MIX_2 = (
    np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def objects_of(problem: Problem, scale: int, numbers: NDArray[np.int64]) -> Array:
    """Targets `[..., 5 + A + C]` of objects from integers `[..., 6]`; all 0 is the simplest one.

    The simplest object is centred in its cell, as large as its anchor, of anchor 0 and class 0.
    x, y reach into the neighbouring cells; w, h are within a factor of e squared of the anchor.
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
    """`[...]` to `[..., count]`, true where the place is the number modulo count."""
    hot: NDArray[np.bool_] = np.arange(count) == (numbers % count)[..., None]
    return hot


def bulk_targets(
    problem: Problem, scale: int, seeds: NDArray[np.uint64], shape: tuple[int, ...]
) -> Array:
    """Objects `[B, *shape, 5 + A + C]` from seeds; one in four also has a second class."""
    limits = np.array([5, 5, 8, 8])
    numbers = bulk(seeds, 10 + scale, (*shape, 8), 0, 2**16)
    numbers[..., :4] = numbers[..., :4] % (2 * limits + 1) - limits
    numbers[seeds == 0] = 0
    target = objects_of(problem, scale, numbers[..., :6])
    classes = problem.class_channels(scale)
    also = _one_hot(numbers[..., 6], problem.num_classes) & (numbers[..., 7:] % 4 == 0)
    target[..., classes] = np.maximum(target[..., classes], also)
    return target


def bulk_steps(
    problem: Problem, scale: int, seeds: NDArray[np.uint64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """What `predicted` takes, `[B, *shape, 5 + A + C]`, from seeds."""
    steps = bulk(seeds, scale, (*shape, problem.channels(scale)), -STEPS, STEPS)
    steps[seeds == 0] = 0
    return steps


def bulk_object(problem: Problem, scale: int, kind: str, seed: int) -> Object:
    """An object from a seed, predicted in this way."""
    seeds = np.array([seed], np.uint64)
    target = bulk_targets(problem, scale, seeds, ())[0]
    steps = bulk_steps(problem, scale, seeds, ())[0]
    return Object(target, right(target) if kind == RIGHT else predicted(steps, kind, quarters=True))


def bulk_images(
    problem: Problem,
    grids: Sequence[tuple[int, int]],
    images: Sequence[int],
    *,
    objects: int,
    kinds: Sequence[str],
    empty: bool,
    imitate: bool,
) -> Batch:
    """The images that whole numbers stand for; the smaller, the simpler.

    An image's last digits say how many objects, of which kind, in which crowd; the rest is the seed
    of all its numbers, 0 for an image of zeros and the simplest objects.

    grids: (H, W) of each scale. objects: the most of an image, crowds apart. kinds: what
    predictions may be. empty: without any object. imitate: cells beside an object predict it, some
    of them; else this happens in some images, where there is a threshold for it.
    """
    rest, count = np.divmod(np.array(images, np.uint64), np.uint64(objects + 1))
    rest, number = np.divmod(rest, np.uint64(len(kinds)))
    seeds, crowd = np.divmod(rest, np.uint64(len(CROWDS)))
    kind_of = [kinds[n] for n in number.tolist()]
    cells = [height * width for height, width in grids]
    held = np.zeros((len(images), sum(cells)), bool)
    if not empty:
        crowds = np.array(CROWDS)[crowd.astype(int)]
        some = bulk(seeds, 20, (sum(cells),), 0, 1) > 0
        held |= (crowds == EVERY_CELL)[:, None] | ((crowds == SOME_CELLS)[:, None] & some)
        image, which = np.nonzero(np.arange(objects) < count[:, None])
        held[image, bulk(seeds, 50, (objects,), 0, 2**16)[image, which] % sum(cells)] = True
    targets, predictions = [], []
    for scale, grid in enumerate(grids):
        before = sum(cells[:scale])
        mask = held[:, before : before + cells[scale]].reshape(-1, *grid)
        target = np.zeros((*mask.shape, problem.channels(scale)), np.float32)
        if mask.any():
            target[mask] = bulk_targets(problem, scale, seeds, grid)[mask]
        steps = bulk_steps(problem, scale, seeds, grid)
        prediction = np.empty_like(target)
        for kind in set(kind_of):
            of_kind = [k == kind for k in kind_of]
            prediction[of_kind] = (
                right(target[of_kind])
                if kind == RIGHT
                else predicted(steps[of_kind], kind, quarters=True)
            )
        if problem.options.ignore_thresh < 1:
            some = (seeds % 2 == 1) | (imitate & (seeds > 0))
            prediction[some] = imitating_neighbours(
                problem, scale, target[some], prediction[some], seeds[some]
            )
        targets.append(target)
        predictions.append(prediction)
    return Batch(tuple(targets), tuple(predictions))


_RAW = np.linspace(-40, 40, 8001)
_DECODED = phi(_RAW)


def raw_centre(decoded: NDArray[np.floating]) -> NDArray[np.float64]:
    """What must be predicted for phi to give these numbers, in (-0.98, 1.98)."""
    raw = np.interp(decoded, _DECODED, _RAW)
    for _ in range(2):  # Newton
        raw = raw - (phi(raw) - decoded) / phi_slope(raw)
    return np.asarray(raw)


def decoding_to(targets: Array) -> Array:
    """Predictions x, y, w, h `[..., 4]` that decode to the targets' boxes, of the same cells."""
    raw = raw_centre(targets[..., XY].astype(np.float64))
    return np.concatenate([raw, targets[..., WH]], -1).astype(np.float32)


_DOWN, _ACROSS = np.divmod(np.arange(9), 3)  # of a cell and those around it, from the first


def imitating_neighbours(
    problem: Problem, scale: int, target: Array, prediction: Array, seeds: NDArray[np.uint64]
) -> Array:
    """Predictions in which background cells predict a neighbour's object, nearly, some of them.

    So there is what to ignore. Steps of 1/16 keep the numbers exact in half precision too.

    target, prediction: `[B, H, W, 5 + A + C]`.
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
    wanted = picks[..., 1][cells] % np.maximum(counts[:, -1], 1)
    chosen = np.argmax(counts > wanted[:, None], -1)
    down, across = _DOWN[chosen] - 1, _ACROSS[chosen] - 1
    things = target[image, row + down, column + across]
    centres = things[:, XY] + np.stack([across, down], -1)
    # Of an object there is, and near enough for its centre to be predicted.
    can = (counts[:, -1] > 0) & (np.abs(centres - 0.5) <= 1.45).all(-1)
    anchors = np.array(problem.anchors[scale])
    own = anchors[np.argmax(things[:, problem.anchor_channels(scale)], -1)]
    logs = things[:, WH] + np.log(own / anchors[picks[..., 2][cells] % len(anchors)])
    boxes = np.concatenate([raw_centre(centres[can]), logs[can]], -1)
    imitating = prediction.copy()
    imitating[image[can], row[can], column[can], :OBJECTNESS] = np.round(16 * boxes) / 16
    return imitating
