"""What is ignored among objects that are hard to tell apart.

An assignment to 3 x 3 cells lets several cells hold one object. Here targets and predictions are
of so few kinds that cells often hold the same object, or one that differs from it in one number
only: its place, its size, its anchor, its image.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from mgloss.gate.tensorflow_adapter import reference
from mgspec import LAWS, Batch, Options, Problem
from mgspec.laws.cases import clear
from mgspec.laws.law import Case
from mgspec.layout import OBJECTNESS, WH, XY
from mgspec.search import judge
from mgspec.strategies import raw_centre

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
    target[..., XY] = random.choice((0.3, 0.6), (*cells, 2)) + random.integers(-1, 2, (*cells, 2))
    target[..., WH] = random.choice((0.0, 0.5, -0.5), (*cells, 2), p=(0.6, 0.2, 0.2))
    target[..., OBJECTNESS] = 1
    np.put_along_axis(target, 5 + random.integers(0, 2, cells)[..., None], 1, -1)
    target[..., -1] = 1
    positive = random.random(cells) < draw(st.sampled_from((0.25, 0.5, 0.75)))
    target = np.where(positive[..., None], target, 0).astype(np.float32)
    prediction = np.ones_like(target)
    for image, row, column in np.argwhere(~positive):
        objects = np.argwhere(positive[image])
        if not len(objects):
            continue
        there = objects[random.integers(len(objects))]
        thing = target[image][tuple(there)]
        centre = thing[XY] + (there - (row, column))[::-1]
        own = np.array(ANCHORS[int(np.argmax(thing[5:7]))])
        used = np.array(ANCHORS[random.integers(2)])
        logs = thing[WH] + np.log(own / used) + random.choice((0.0, 0.0, 0.25, -0.25), 2)
        box = np.concatenate([raw_centre(np.clip(centre, -0.9, 1.9)), logs])
        prediction[image, row, column, :OBJECTNESS] = np.round(16 * box) / 16
    batch = Batch((target,), (prediction,))
    return Case(clear(problem, batch), {"X": batch})


@given(alike())
def test_cells_are_ignored_for_each_object_once(case: Case) -> None:
    found = judge(LAWS["ignoring"], reference("batch"), case)
    assert found is None, found.message


@given(alike())
def test_xla_ignores_the_same_cells(case: Case) -> None:
    candidate = reference("batch")
    compiled = replace(candidate, modes={"xla": candidate.modes["xla"]})
    found = judge(LAWS["modes"], compiled, case)
    assert found is None, found.message
