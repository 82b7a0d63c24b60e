"""Each law as a statement about raw sums and counts: once, for every normalization.

A statement says what batches it speaks of, what else is given, and what must follow. `value` is a
normalization's formula on symbols. `pure` is not here: a formula has no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from mgspec.laws.comparison import ABOVE, AT_LEAST, EQUAL
from mgspec.problem.normalizations import Sums, batch
from tests.meta.proofs.symbols import (
    EXACT,
    LOCATION,
    NOT_EQUAL,
    Relation,
    World,
    concatenate,
    divisors,
    take,
)

Value = Callable[[Sums], Any]


@dataclass(frozen=True)
class Statement:
    """Of these batches, what is given implies what must follow."""

    batches: list[Sums]
    given: list[Relation]
    follows: list[Relation]


def _nothing_divides_by_zero(value: Value, x: Sums) -> list[Relation]:
    found = divisors(value(x))
    return [Relation(f"divisor {k + 1}", d, NOT_EQUAL, 0) for k, d in enumerate(found)]


def finite(world: World, value: Value, images: int) -> Statement:
    """No divisor of L(X) is 0."""
    x = world.batch("X", images)
    return Statement([x], [], _nothing_divides_by_zero(value, x))


def empty(world: World, value: Value, images: int) -> Statement:
    """Without positive cells: 0/0 nowhere, an object term is 0, the background's is positive."""
    x = world.batch("X", images)
    given = [Relation("positive cells", p, EQUAL, 0) for p in x.positive]
    follows = _nothing_divides_by_zero(value, x)
    if world.counting == LOCATION:
        return Statement([x], given, [*follows, Relation("L(X)", value(x), EQUAL, 0)])
    given.append(Relation("raw sum of the background", x.raw.sum(), ABOVE, 0))
    weights = [
        Relation(f"weight of image {i + 1}", w, ABOVE, 0)
        for i, w in enumerate(world.weights(value, x))
    ]
    return Statement([x], given, [*follows, *weights, Relation("L(X)", value(x), ABOVE, 0)])


def nonnegative(world: World, value: Value, images: int) -> Statement:
    """L(X) >= 0."""
    x = world.batch("X", images)
    return Statement([x], [], [Relation("L(X)", value(x), AT_LEAST, 0)])


def empty_image(world: World, value: Value, images: int, image: int) -> Statement:
    """Other predictions in an image without positive cells: L stays as it is."""
    x = world.batch("X", images)
    raw = x.raw.copy()
    raw[image] = world.number("raw sum of the other predictions")
    other = replace(x, raw=raw)
    given = [Relation("positive cells", x.positive[image], EQUAL, 0)]
    return Statement([x, other], given, [Relation("L(other)", value(other), EQUAL, value(x))])


def responsive(world: World, value: Value, images: int, image: int) -> Statement:
    """Other predictions cost one image more: L rises, and the image has a weight in it."""
    x = world.batch("X", images)
    more = world.number("cost of the other predictions")
    raw = x.raw.copy()
    raw[image] = raw[image] + more
    other = replace(x, raw=raw)
    return Statement(
        [x, other],
        [Relation("cost", more, ABOVE, 0)],
        [
            Relation("L(other)", value(other), ABOVE, value(x)),
            Relation("weight of the image", world.weights(value, x)[image], ABOVE, 0),
        ],
    )


def permutation(world: World, value: Value, images: int) -> Statement:
    """L(X in another order) = L(X), and each image keeps its weight."""
    x = world.batch("X", images)
    weights = world.weights(value, x)
    follows = []
    for order in permutations(range(images)):
        other = take(x, order)
        follows.append(Relation(f"L(X in the order {order})", value(other), EQUAL, value(x)))
        for place, weight in enumerate(world.weights(value, other)):
            follows.append(
                Relation(f"weight in the order {order}", weight, EQUAL, weights[order[place]])
            )
    return Statement([x], [], follows)


def _counted(x: Sums, image: int) -> Relation:
    # An image whose count is 0 has no gradient, whatever its weight.
    return Relation("count", x.count[image], ABOVE, 0)


def replication(world: World, value: Value, images: int, times: int) -> Statement:
    """L(X repeated) = L(X), and each copy has its part of the gradient."""
    x = world.batch("X", images)
    many = concatenate(*[x] * times)
    alone, repeated = world.weights(value, x), world.weights(value, many)
    return Statement(
        [x],
        [],
        [
            Relation(f"L(X repeated {times} times)", value(many), EQUAL, value(x)),
            *(
                Relation(f"{times} times the weight", times * w, EQUAL, alone[i], _counted(x, i))
                for i, w in enumerate(repeated[:images])
            ),
        ],
    )


def partition(world: World, value: Value, images_of_x: int, images_of_y: int) -> Statement:
    """L(X + Y) = (B_X L(X) + B_Y L(Y)) / (B_X + B_Y)."""
    x, y = world.batch("X", images_of_x), world.batch("Y", images_of_y)
    both = concatenate(x, y)
    mean = (x.images * value(x) + y.images * value(y)) / both.images
    return Statement([x, y], [], [Relation("L(X + Y)", value(both), EQUAL, mean)])


def locality(world: World, value: Value, images_of_x: int, images_of_y: int) -> Statement:
    """(B_X + B_Y) times an image's weight in X + Y is B_X times its weight in X."""
    x, y = world.batch("X", images_of_x), world.batch("Y", images_of_y)
    both = concatenate(x, y)
    alone, together = world.weights(value, x), world.weights(value, both)
    return Statement(
        [x, y],
        [],
        [
            Relation(
                f"{both.images} times the weight of image {i + 1}",
                both.images * together[i],
                EQUAL,
                x.images * alone[i],
                _counted(x, i),
            )
            for i in range(x.images)
        ],
    )


def sharding(world: World, value: Value, images: int, shards: int) -> Statement:
    """L(X) is the mean over equal shards, and so is each image's weight."""
    x = world.batch("X", images)
    size = images // shards
    parts = [take(x, range(k * size, (k + 1) * size)) for k in range(shards)]
    mean = sum(value(part) for part in parts) / shards
    whole = world.weights(value, x)
    pieces = [w / shards for part in parts for w in world.weights(value, part)]
    return Statement(
        [x],
        [],
        [
            Relation("L(X)", value(x), EQUAL, mean),
            *(
                Relation(f"weight of image {i + 1}", w, EQUAL, piece, _counted(x, i))
                for i, (w, piece) in enumerate(zip(whole, pieces, strict=True))
            ),
        ],
    )


def object_monotone(world: World, value: Value, images: int, image: int) -> Statement:
    """One more positive cell in this image, with any loss of its own: L does not fall."""
    x = world.batch("X", images)
    loss = world.number("loss of the new cell")
    raw, count = x.raw.copy(), x.count.copy()
    raw[image], count[image] = raw[image] + loss, count[image] + 1
    more = replace(x, raw=raw, count=count, positive=count)
    return Statement(
        [x, more],
        [Relation("loss", loss, AT_LEAST, 0)],
        [Relation("L(X with the object)", value(more), AT_LEAST, value(x))],
    )


def _same_raw_sum(world: World, images: int) -> tuple[Sums, Sums, list[Relation]]:
    dense, sparse = world.batch("X", images), world.batch("Y", images)
    return (
        dense,
        sparse,
        [
            Relation("S(X)", dense.raw.sum(), EQUAL, sparse.raw.sum()),
            Relation("n(X)", dense.count.sum(), ABOVE, sparse.count.sum()),
        ],
    )


def density_monotone(world: World, value: Value, images: int) -> Statement:
    """The same raw sum over more positive cells: L does not fall."""
    dense, sparse, given = _same_raw_sum(world, images)
    follows = [Relation("L(X)", value(dense), AT_LEAST, value(sparse))]
    return Statement([dense, sparse], given, follows)


def density_weighted(world: World, value: Value, images: int) -> Statement:
    """What `hybrid` promises on top: a strict rise, within one to two times `batch`."""
    dense, sparse, given = _same_raw_sum(world, images)
    given.append(Relation("S(X)", dense.raw.sum(), ABOVE, 0))
    plain = batch(dense, EXACT)
    return Statement(
        [dense, sparse],
        given,
        [
            Relation("L(X)", value(dense), ABOVE, value(sparse)),
            Relation("2 L(Y)", 2 * value(sparse), AT_LEAST, value(dense)),
            Relation("L(X)", value(dense), AT_LEAST, plain),
            Relation("2 S/B", 2 * plain, AT_LEAST, value(dense)),
        ],
    )


def density_neutral(world: World, value: Value, images: int) -> Statement:
    """The same loss in every positive cell, objects in every image: L is the same."""
    x, y = world.batch("X", images), world.batch("Y", images)
    loss = world.number("loss of a cell")
    given = [Relation("loss", loss, AT_LEAST, 0)]
    for q in (x, y):
        given += [Relation("count", n, AT_LEAST, 1) for n in q.count]
        given += [
            Relation("raw sum", s, EQUAL, loss * n) for s, n in zip(q.raw, q.count, strict=True)
        ]
    return Statement([x, y], given, [Relation("L(Y)", value(y), EQUAL, value(x))])


def resolution(world: World, value: Value, images: int) -> Statement:
    """More cells, all of them background: L is the same."""
    x = world.batch("X", images)
    larger = replace(x, cells=world.number("cells of the larger grid"))
    return Statement(
        [x, larger],
        [Relation("cells", larger.cells, ABOVE, x.cells)],
        [Relation("L(X with background)", value(larger), EQUAL, value(x))],
    )


SIZES = range(1, 5)
ONE_BATCH = [(images,) for images in SIZES]
TWO_BATCHES = [(x, y) for x in SIZES for y in SIZES]

# Every statement with the numbers of images, copies, shards that it is proved for.
STATEMENTS: dict[str, tuple[Callable[..., Statement], list[tuple[int, ...]]]] = {
    "finite": (finite, ONE_BATCH),
    "empty": (empty, ONE_BATCH),
    "nonnegative": (nonnegative, ONE_BATCH),
    "empty_image": (empty_image, [(b, image) for b in SIZES for image in range(b)]),
    "responsive": (responsive, [(b, image) for b in SIZES for image in range(b)]),
    "permutation": (permutation, ONE_BATCH),
    "replication": (replication, [(images, times) for images in SIZES for times in (2, 3, 4)]),
    "partition": (partition, TWO_BATCHES),
    "locality": (locality, TWO_BATCHES),
    "sharding": (sharding, [(2, 2), (3, 3), (4, 2), (4, 4)]),
    "object_monotone": (object_monotone, [(b, image) for b in SIZES for image in range(b)]),
    "density_monotone": (density_monotone, ONE_BATCH),
    "density_weighted": (density_weighted, ONE_BATCH),
    "density_neutral": (density_neutral, ONE_BATCH),
    "resolution": (resolution, ONE_BATCH),
}
