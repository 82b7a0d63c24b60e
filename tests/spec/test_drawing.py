"""A case as text."""

from __future__ import annotations

from mgspec import LAWS, search, specification
from mgspec.drawing import count, draw_case

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


def test_a_counterexample_is_drawn_with_its_objects_and_the_numbers_that_matter() -> None:
    verdict = search(LAWS["sharding"], specification("positives"), seed=0)[0]
    assert verdict.finding is not None
    assert "\n".join(draw_case(verdict.finding.case)) == SHARDING
    assert verdict.message == "location: L(X) = 1, expected 0.5 (L(X_1) = 0, L(X_2) = 1)"


def test_nouns_are_counted_in_english() -> None:
    assert [count(1, "class"), count(2, "class"), count(0, "image")] == [
        "1 class",
        "2 classes",
        "0 images",
    ]
