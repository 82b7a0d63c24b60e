"""Which objects are compared, of those that several cells hold: each once, and none is lost."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given

from mgloss.ignoring import Grid, Objects, distinct

IMAGES, HEIGHT, WIDTH = 3, 3, 4
ANCHORS = np.array([(32, 32), (32, 48), (48, 32)], np.float32)  # pixels
LOGS = np.array([(0, 0), (0, 0.5), (0.5, 0)], np.float32)
GRID = Grid(IMAGES, HEIGHT, WIDTH, tf.convert_to_tensor(ANCHORS), tf.constant([32.0, 40.0]))
NOISE = 1e-5  # cells; what rounding leaves of a place is less, and other places are further apart

Thing = tuple[int, float, float, int, int]  # image, x and y in the image, which size, which anchor


@st.composite
def holdings(draw: st.DrawFn, inside: tuple[float, ...]) -> tuple[list[int], list[Thing]]:
    """Cells that hold an object each, by their position, and the object.

    Objects are of few kinds, which differ in one number: often several cells hold the same one.
    inside: where in its cell a centre may lie, in x and in y.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from((0.2, 0.6, 1.0)))
    alike = draw(st.sampled_from((0.5, 0.9, 1.0)))
    cells = np.flatnonzero(random.random(IMAGES * HEIGHT * WIDTH) < share)
    things = []
    for cell in cells:
        image, row, column = np.unravel_index(cell, (IMAGES, HEIGHT, WIDTH))
        step_x, step_y = random.integers(-1, 2, 2)
        x, y = random.choice(inside[:1] if random.random() < alike else inside, 2)
        size, anchor = random.integers(0, 3, 2) * (random.random(2) > alike)
        thing = (int(image), column + step_x + x, row + step_y + y, int(size), int(anchor))
        things.append(thing)
    return cells.tolist(), things


def kept(cells: list[int], things: list[Thing]) -> list[int]:
    """The cells whose objects are kept."""
    table = np.array(things, np.float64).reshape(-1, 5)
    corners = np.stack([np.array(cells, int) % WIDTH, np.array(cells, int) // WIDTH % HEIGHT], -1)
    left = distinct(
        Objects(
            tf.constant(cells, tf.int32),
            tf.constant((table[:, 1:3] - corners).astype(np.float32)),
            tf.constant(LOGS[table[:, 3].astype(int)]),
            tf.constant(ANCHORS[table[:, 4].astype(int)]),
        ),
        GRID,
    )
    return left.index.numpy().tolist()


def are_one(one: Thing, other: Thing) -> bool:
    """Whether two cells hold the very same object of the same image."""
    same_place = np.allclose(one[1:3], other[1:3], rtol=0, atol=NOISE)
    return one[0] == other[0] and one[3:] == other[3:] and same_place


@given(holdings(inside=(0.3, 0.6)))
def test_an_object_is_kept_where_its_centre_lies_and_left_out_elsewhere(
    held: tuple[list[int], list[Thing]],
) -> None:
    cells, things = held
    homes = {}
    for cell, thing in zip(cells, things, strict=True):
        image, x, y = thing[:3]
        if 0 <= x < WIDTH and 0 <= y < HEIGHT:
            homes[cell] = (image * HEIGHT + int(y)) * WIDTH + int(x)
    of_cell = dict(zip(cells, things, strict=True))
    left_out = {
        cell
        for cell, home in homes.items()
        if home != cell and home in of_cell and are_one(of_cell[home], of_cell[cell])
    }
    assert kept(cells, things) == [cell for cell in cells if cell not in left_out]


@given(holdings(inside=(0.0, 1e-8, -1e-8, 1e-3, 0.5)))
def test_no_object_is_lost_wherever_its_centre_lies(held: tuple[list[int], list[Thing]]) -> None:
    cells, things = held
    remain = [things[cells.index(cell)] for cell in kept(cells, things)]
    for thing in things:
        assert any(are_one(thing, other) for other in remain)


def test_of_two_cells_that_each_take_the_other_for_home_both_are_kept() -> None:
    # On the border between them: in float32, 1 - 1e-8 is 1, and -1e-8 is below 0.
    thing = (0, 1 - 1e-8, 0.5, 0, 0)
    assert kept([0, 1], [thing, thing]) == [0, 1]
