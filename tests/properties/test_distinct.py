"""Which objects are compared, of those that several cells hold: each once, and none is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given

from mgloss.reference.cells import Grid, Objects
from mgloss.reference.ignoring import distinct

ANCHORS = np.array([(32, 32), (32, 48), (48, 32)], np.float32)  # pixels
LOGS = np.array([(0, 0), (0, 0.5), (0.5, 0)], np.float32)
STRIDE = np.array((32, 40), np.float32)  # pixels
NOISE = 1e-5  # cells; what rounding leaves of a place is less, and other places are further apart


@dataclass(frozen=True)
class Thing:
    """An object: image, centre in cells from the image's corner, which size, which anchor."""

    image: int
    x: float
    y: float
    size: int
    anchor: int

    def is_one_with(self, other: Thing) -> bool:
        """Whether it is the very same object of the same image, but for rounding."""
        near = abs(self.x - other.x) < NOISE and abs(self.y - other.y) < NOISE
        mine, yours = (self.image, self.size, self.anchor), (other.image, other.size, other.anchor)
        return near and mine == yours


@dataclass(frozen=True)
class Held:
    """What cells hold, by their position among those of all images."""

    images: int
    height: int
    width: int
    things: dict[int, Thing]

    def kept(self) -> list[int]:
        """The cells whose objects `distinct` keeps."""
        cells, things = list(self.things), list(self.things.values())
        shape = (self.images, self.height, self.width)
        places = np.stack(np.unravel_index(np.array(cells, int), shape), -1)
        centres = np.array([(thing.x, thing.y) for thing in things]).reshape(-1, 2)
        logs = LOGS[np.array([thing.size for thing in things], int)]
        objects = Objects(
            tf.constant(places, tf.int32),
            tf.constant(np.concatenate([centres - places[:, :0:-1], logs], 1), tf.float32),
            tf.constant(ANCHORS[np.array([thing.anchor for thing in things], int)]),
        )
        grid = Grid(*shape, tf.constant(ANCHORS), tf.constant(STRIDE))
        found = distinct(objects, grid).places.numpy()
        return [int(cell) for cell in np.ravel_multi_index(found.T, shape)]

    def home(self, thing: Thing) -> int | None:
        """The cell that an object's centre lies in, if it is in the image."""
        if not (0 <= thing.x < self.width and 0 <= thing.y < self.height):
            return None
        return (thing.image * self.height + int(thing.y)) * self.width + int(thing.x)


@st.composite
def held(draw: st.DrawFn, inside: tuple[float, ...]) -> Held:
    """Small images. Half of the cells hold any object, the others that of the cell in the middle
    of 3 x 3 around them, or one that differs from it in one number.

    inside: where in its cell a centre may lie, in x and in y.
    """
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)))
    share = draw(st.sampled_from((1.0, 0.6, 0.2)))  # of the cells that hold an object
    random = np.random.default_rng(draw(st.integers(0, 2**32)))

    def somewhere(image: int, row: int, column: int) -> Thing:
        return Thing(image, column + random.choice(inside), row + random.choice(inside), 0, 0)

    middles = {place: somewhere(*place) for place in np.ndindex(shape) if random.random() < share}
    things = {}
    for place, middle in middles.items():
        image, row, column = place
        step_row, step_column = (int(step) for step in random.integers(-1, 2, 2))
        near = (image, row + step_row, column + step_column)
        thing = middle if random.random() < 0.4 else middles.get(near) or somewhere(*near)
        other = {"size": int(random.integers(3)), "anchor": int(random.integers(3))}
        other |= {"x": somewhere(*near).x, "y": somewhere(*near).y} if thing != middle else {}
        changed = random.choice(sorted(other)) if random.random() < 0.3 else None
        things[place] = replace(thing, **{changed: other[changed]}) if changed else thing
    cells = {place: int(np.ravel_multi_index(place, shape)) for place in things}
    return Held(*shape, {cells[place]: thing for place, thing in things.items()})


@given(held(inside=(0.3, 0.6)))
def test_an_object_is_left_out_where_the_cell_of_its_centre_holds_it_too(those: Held) -> None:
    left_out = set()
    for cell, thing in those.things.items():
        home = those.home(thing)
        at_home = those.things.get(home) if home not in (None, cell) else None
        if at_home is not None and thing.is_one_with(at_home):
            left_out.add(cell)
    assert those.kept() == [cell for cell in those.things if cell not in left_out]


@given(held(inside=(0.0, 1e-8, -1e-8, 1e-3, 0.5)))
def test_no_object_is_lost_wherever_its_centre_lies(those: Held) -> None:
    remain = [those.things[cell] for cell in those.kept()]
    for thing in those.things.values():
        assert any(thing.is_one_with(other) for other in remain)


@given(st.data())
def test_a_neighbour_that_holds_the_same_object_or_one_that_differs(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 3), st.integers(2, 3)))
    cells = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    row, column = data.draw(cells)
    near = cells.filter(lambda c: 0 < max(abs(c[0] - row), abs(c[1] - column)) < 2)
    thing = Thing(0, column + 0.5, row + 0.5, 0, 0)
    changes = {"x": (-0.25, 0.25), "y": (-0.25, 0.25), "size": (1, 2), "anchor": (1, 2)}
    name = data.draw(st.sampled_from((None, *changes)))
    other = thing
    if name is not None:
        change = data.draw(st.sampled_from(changes[name]))
        other = replace(thing, **{name: getattr(thing, name) + change})
    home, neighbour = (c[0] * width + c[1] for c in ((row, column), data.draw(near)))
    held = Held(1, height, width, dict(sorted({home: thing, neighbour: other}.items())))
    assert held.kept() == ([home] if name is None else sorted((home, neighbour)))


@given(st.data())
def test_an_object_whose_centre_is_outside_its_image_is_kept(data: st.DataObject) -> None:
    # Every other cell holds an object at the same place in it: wherever a wrong step leads to.
    shape = images, height, width = 2, 2, 3
    outside = data.draw(st.integers(0, images * height * width - 1))
    _, row, column = (int(number) for number in np.unravel_index(outside, shape))
    steps = [
        (step_row, step_column)
        for step_row in (-1, 0, 1)
        for step_column in (-1, 0, 1)
        if not (0 <= row + step_row < height and 0 <= column + step_column < width)
    ]
    step_row, step_column = data.draw(st.sampled_from(steps))
    things = {
        int(np.ravel_multi_index(place, shape)): Thing(
            place[0], place[2] + 0.3, place[1] + 0.3, 0, 0
        )
        for place in np.ndindex(shape)
    }
    moved = things[outside]
    things[outside] = replace(moved, x=moved.x + step_column, y=moved.y + step_row)
    assert Held(*shape, things).kept() == list(things)


def test_of_two_cells_that_each_take_the_other_for_home_both_are_kept() -> None:
    # On the border between them: in float32, 1 - 1e-8 is 1, and -1e-8 is below 0.
    thing = Thing(0, 1 - 1e-8, 0.5, 0, 0)
    assert Held(1, 1, 2, {0: thing, 1: thing}).kept() == [0, 1]
