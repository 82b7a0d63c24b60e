"""What is ignored among objects that are hard to tell apart.

An assignment to 3 x 3 cells lets several cells hold one object. Here targets and predictions are
of so few kinds that cells often hold the same object, or one that differs from it in one number
only: its place, its size, its anchor, its image.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.gate.losses.reference import reference
from mgspec import LAWS, Batch, Options, Problem
from mgspec.drawing.scenery import raw_centre
from mgspec.laws.cases import clear
from mgspec.laws.law import Case
from mgspec.loss.float64 import Scale, best_overlaps
from mgspec.problem.changes import transposed
from mgspec.problem.layout import OBJECTNESS, WH, XY
from mgspec.search.search import judge

ANCHORS = ((32.0, 32.0), (48.0, 24.0))  # pixels
IMAGES, HEIGHT, WIDTH = 2, 3, 4
CHANNELS = 5 + len(ANCHORS) + 1


@st.composite
def alike(draw: st.DrawFn) -> Case:
    """Two images of objects that are alike, and of background that predicts them."""
    options = Options(
        background=draw(st.sampled_from(("anchor", "objectness"))),
        ignore_thresh=draw(st.sampled_from((0.501, 0.299, 0.703))),
    )
    size = (HEIGHT * 32, WIDTH * 40)  # pixels; cells are not square
    problem = Problem((ANCHORS,), 1, size, options)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = (IMAGES, HEIGHT, WIDTH)
    target = np.zeros((*cells, CHANNELS), np.float32)
    steps = random.choice((0, -1, 1), (*cells, 2), p=(0.5, 0.25, 0.25))
    target[..., XY] = random.choice((0.3, 0.6), (*cells, 2), p=(0.8, 0.2)) + steps
    target[..., WH] = random.choice((0.0, 0.5, -0.5), (*cells, 2), p=(0.8, 0.1, 0.1))
    target[..., OBJECTNESS] = 1
    anchor = random.choice((0, 1), cells, p=(0.8, 0.2))
    np.put_along_axis(target, 5 + anchor[..., None], 1, -1)
    target[..., -1] = 1
    positive = random.random(cells) < draw(st.sampled_from((0.25, 0.5, 0.75)))
    target = np.where(positive[..., None], target, 0).astype(np.float32)
    prediction = np.ones_like(target)
    for image, row, column in np.argwhere(~positive):
        # An object of the other image excuses nothing.
        of = image if random.random() < 0.75 else 1 - image
        things = target[of][positive[of]]
        centres = things[:, XY] + (np.argwhere(positive[of]) - (row, column))[:, ::-1]
        reached = np.flatnonzero((np.abs(centres - 0.5) < 1.45).all(-1))
        if not len(reached):
            continue
        chosen = reached[random.integers(len(reached))]
        thing, centre = things[chosen], centres[chosen]
        own = np.array(ANCHORS[int(np.argmax(thing[5:7]))])
        used = np.array(ANCHORS[random.integers(2)])
        logs = thing[WH] + np.log(own / used) + random.choice((0.0, 0.0, 0.25, -0.25), 2)
        box = np.concatenate([raw_centre(centre), logs])
        prediction[image, row, column, :OBJECTNESS] = np.round(16 * box) / 16
    batch = Batch((target,), (prediction,))
    return Case(clear(problem, batch), {"X": batch})


@given(alike())
def test_cells_are_ignored_for_each_object_once(case: Case) -> None:
    found = judge(LAWS["ignoring"], reference("batch"), case)
    assert found is None, found.message


@pytest.mark.nightly
@given(alike())
def test_xla_ignores_the_same_cells(case: Case) -> None:
    candidate = reference("batch")
    compiled = replace(candidate, modes={"xla": candidate.modes["xla"]})
    found = judge(LAWS["modes"], compiled, case)
    assert found is None, found.message


@st.composite
def furthest(draw: st.DrawFn) -> Case:
    """An object, and the prediction of a cell as far from it as one that exceeds the threshold.

    A box of the object's height that just covers it from d away has the IoU w / (w + 2 d).
    """
    thresh = draw(st.sampled_from((0.299, 0.501, 0.703)))
    cells, home = 10, 4
    stride = draw(st.sampled_from((32.0, 0.5)))  # pixels, or part of one
    anchor, height = stride, 24.0  # pixels
    place = draw(st.sampled_from((0.25, 0.5, 0.75)))  # in its cell
    # The last centre that a cell before the object can predict, and the first of one after it.
    raw, step = draw(st.sampled_from(((40.0, -1), (-40.0, 1))))
    decoded = np.tanh(0.15 * raw) + 1 / (1 + np.exp(-0.15 * raw))
    cell = home + step * draw(st.integers(3 if step < 0 else 2, 4))
    apart = abs(home + place - cell - decoded) * stride
    width = 1.002 * 2 * apart * thresh / (1 - thresh)
    target = np.zeros((1, 1, cells, 7), np.float32)
    target[0, 0, home] = (place, 0.5, np.log(width / anchor), 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[..., WH] = -8
    prediction[0, 0, cell, :OBJECTNESS] = (raw, 0, np.log((width + 2 * apart) / anchor), 0)
    options = Options(ignore_thresh=thresh)
    problem = Problem((((anchor, height),),), 1, (32, int(cells * stride)), options)
    batch = Batch((target,), (prediction,))
    if draw(st.booleans()):
        problem, batch = transposed(problem, batch)
    return Case(problem, {"X": batch})


@given(furthest())
def test_the_furthest_cell_that_can_be_right_is_ignored(case: Case) -> None:
    scale = Scale.of(case.problem, case.batches["X"], 0)
    beyond = best_overlaps(scale)[scale.mask == 0] > case.problem.options.ignore_thresh
    assert beyond.sum() == 1
    found = judge(LAWS["ignoring"], reference("batch"), case)
    assert found is None, found.message


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("exchanged", [False, True])
def test_an_overlap_of_just_the_threshold_is_not_ignored(exchanged: bool, below: bool) -> None:
    # Three cells wide and one apart: two of the four cells that both take up are shared.
    target = np.zeros((1, 1, 2, 7), np.float32)
    target[0, 0, 0] = (0.5, 0.5, 0, 0, 1, 1, 1)
    thresh = 0.5 - 1e-3 * below
    problem = Problem((((96.0, 32.0),),), 1, (32, 64), Options(ignore_thresh=thresh))
    batch = Batch((target,), (np.zeros_like(target),))
    if exchanged:
        problem, batch = transposed(problem, batch)
    found = judge(LAWS["ignoring"], reference("batch"), Case(problem, {"X": batch}))
    assert found is None, found.message


@st.composite
def on_a_border(draw: st.DrawFn) -> Case:
    """A large object whose centre lies on the border of two cells, or within rounding of it.

    Both cells hold it. In float32 each may tell that the centre lies in the other.
    """
    height, width, stride = 2, 6, 32
    column = draw(st.integers(1, width - 1))  # the border is on its left
    place = column + draw(st.sampled_from((-1e-3, -1e-8, 0.0, 1e-8, 1e-3)))
    row = draw(st.integers(0, height - 1))
    held = draw(st.sampled_from(((-1, 0), (-1,), (0,))))
    target = np.zeros((1, height, width, 7), np.float32)
    for step in held:
        target[0, row, column + step] = (place - column - step, 0.5, 0, 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    # Every cell predicts it as nearly as it can, and nothing but it can excuse them.
    prediction[..., 0] = raw_centre(np.clip(place - np.arange(width), -0.9, 1.9))
    prediction[..., 1] = raw_centre(np.clip(row + 0.5 - np.arange(height), -0.9, 1.9))[:, None]
    size = (height * stride, width * stride)
    problem = Problem((((100.0, 32.0),),), 1, size, Options(ignore_thresh=0.501))
    batch = Batch((target,), (prediction,))
    if draw(st.booleans()):
        problem, batch = transposed(problem, batch)
    return Case(clear(problem, batch), {"X": batch})


@given(on_a_border())
def test_an_object_on_the_border_of_two_cells_is_not_lost(case: Case) -> None:
    scale = Scale.of(case.problem, case.batches["X"], 0)
    assert (best_overlaps(scale)[scale.mask == 0] > case.problem.options.ignore_thresh).any()
    found = judge(LAWS["ignoring"], reference("batch"), case)
    assert found is None, found.message
