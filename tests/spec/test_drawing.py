"""A case as text, and what a finding says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mgspec import LAWS, Batch, Case, Problem, judge, specification
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.page.case_text import count, draw_case

SHARDING = """\
input 32 x 32 px, 1 scale, 1 anchor, 1 class
X: 2 images, 1 object (# = cell with an object)
  image 0, scale 0: 1 x 1 cells
    .
  image 1, scale 0: 1 x 1 cells
    #
    row 0, column 0  target x=0.5 y=0.5 w=0 h=0 anchor 0 class 0
                     predicted h=1, else 0
with shards = 2"""


def two_images_and_one_object() -> Case:
    target = np.zeros((2, 1, 1, 7), np.float32)
    target[1] = (0.5, 0.5, 0, 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[1, 0, 0, 3] = 1
    problem = Problem((((48.0, 32.0),),), 1, (32, 32), PLAIN_OPTIONS)
    return Case(problem, {"X": Batch((target,), (prediction,))}, {"shards": 2})


def test_a_case_is_drawn_with_its_objects_and_the_numbers_that_matter() -> None:
    assert "\n".join(draw_case(two_images_and_one_object())) == SHARDING


def test_a_finding_says_what_came_and_what_was_expected() -> None:
    found = judge(LAWS["sharding"], specification("positives"), two_images_and_one_object())
    assert found is not None
    assert found.message == "location: L(X) = 1, expected 0.5 (L(X_1) = 0, L(X_2) = 1)"


def test_a_crowd_is_cut_short() -> None:
    target = np.zeros((1, 5, 5, 7), np.float32)
    target[..., 4] = 1
    problem = Problem((((48.0, 32.0),),), 1, (160, 160), PLAIN_OPTIONS)
    lines = draw_case(Case(problem, {"X": Batch((target,), (target * 3,))}))
    assert lines[3:8] == ["    #####"] * 5
    assert lines[-1] == "    and 13 objects more"


def test_options_are_told_where_they_are_not_plain() -> None:
    options = replace(PLAIN_OPTIONS, location="giou", coord_scale=2)
    case = two_images_and_one_object()
    chosen = replace(case, problem=replace(case.problem, options=options))
    assert "options: location = giou, coord_scale = 2.0" in draw_case(chosen)


def test_nouns_are_counted_in_english() -> None:
    counted = [count(1, "class"), count(2, "class"), count(0, "image")]
    assert counted == ["1 class", "2 classes", "0 images"]
