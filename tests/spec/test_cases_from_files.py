"""A case that a file holds and its law cannot have drawn is refused, and says why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from mgspec import LAWS, Batch, Problem, judge, specification
from mgspec.laws import Case
from mgspec.laws.law import Choice

GRIDS = ((2, 3), (4, 6))  # two images of these scales, an object in every cell
CELL = {"image": 0, "scale": 0, "row": 0, "column": 0}
ORDERS = {"classes": (2, 0, 1), "anchors 0": (1, 0), "anchors 1": (0,)}
MOVED = {"rows": 2, "columns": 3, "row": 0, "column": 0}
ADDED = {"rows": 1, "columns": 1, "prediction": 0.0}
SPOILT = CELL | {"channel": 0, "away": 1.0}

# law, its choices, one of them, and the least and the most that it may be
BOUNDS = [
    ("replication", {"times": 2}, "times", 1, 100),
    ("sharding", {"shards": 2}, "shards", 1, 2),
    *(
        (law, more, name, 0, most)
        for law, more in (
            ("object_monotone", CELL),
            ("density_monotone", CELL),
            ("participation", SPOILT),
        )
        for name, most in (("image", 1), ("scale", 1), ("row", 1), ("column", 2))
    ),
    ("object_monotone", CELL | {"scale": 1}, "row", 0, 3),
    ("object_monotone", CELL | {"scale": 1}, "column", 0, 5),
    ("resolution", ADDED, "rows", 0, 100),
    ("resolution", ADDED, "columns", 0, 100),
    ("resolution", ADDED, "prediction", -10_000, 10_000),
    ("participation", SPOILT, "channel", 0, 9),
    ("participation", SPOILT | {"scale": 1}, "channel", 0, 8),
    ("participation", SPOILT, "away", -100, 100),
    ("translation", MOVED, "rows", 0, 8),
    ("translation", MOVED, "columns", 0, 8),
    ("translation", MOVED, "row", 0, 2),
    ("translation", MOVED, "column", 0, 3),
]
NO_ORDERS = (None, 1, (), (0,), (0, 0), (0, 2), (0, 1, 2, 3), "01")
WRONG = [
    *(("permutation", {}, "order", order) for order in NO_ORDERS),
    *(("relabelling", ORDERS, "classes", order) for order in NO_ORDERS),
    *(("relabelling", ORDERS, "anchors 0", order) for order in NO_ORDERS),
    *(
        ("gradient", {}, "signs", signs)
        for signs in (None, 1, "1", (), (9,), (-9,), (1, 9), (-9, 1))
    ),
]
RIGHT = [
    ("permutation", {"order": (1, 0)}),
    ("permutation", {"order": (0, 1)}),
    ("relabelling", ORDERS),
    ("relabelling", ORDERS | {"classes": (0, 1, 2)}),
    ("gradient", {"signs": (8, -8)}),
    ("gradient", {"signs": (1,)}),
    ("gradient", {"signs": (0,)}),
]


def a_case(choices: Mapping[str, Choice | None], empty: tuple[int, ...] | None = None) -> Case:
    """An object in every cell, but in the named one of scale 0; the logits are not right."""
    problem = Problem((((32.0, 32.0), (48.0, 24.0)), ((16.0, 16.0),)), 3, (64, 96))
    targets = []
    for scale, (height, width) in enumerate(GRIDS):
        target = np.zeros((2, height, width, problem.channels(scale)), np.float32)
        target[..., :2] = 0.5
        target[..., 4:6] = 1
        target[..., -1] = 1
        targets.append(target)
    if empty is not None:
        targets[0][empty] = 0
    batch = Batch(tuple(targets), tuple(np.zeros_like(target) for target in targets))
    chosen = {name: choice for name, choice in choices.items() if choice is not None}
    return Case(problem, {"X": batch}, chosen)


def refused(law: str, case: Case, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(LAWS[law], specification(), case)


@pytest.mark.parametrize(("law", "choices", "name", "least", "most"), BOUNDS)
def test_a_number_is_taken_up_to_its_bounds_and_refused_beyond(
    law: str, choices: dict[str, Choice], name: str, least: int, most: int
) -> None:
    for bound in (least, most):
        judge(LAWS[law], specification(), a_case(choices | {name: bound}))
    for beyond in (least - 1, most + 1):
        refused(law, a_case(choices | {name: beyond}), f"^{name}: expected .*, got {beyond}")
    for wrong in (None, "1", (1,)):
        refused(law, a_case(choices | {name: wrong}), f"^{name}: expected")


@pytest.mark.parametrize(("law", "choices", "name", "wrong"), WRONG)
def test_a_wrong_list_of_numbers_is_refused(
    law: str, choices: dict[str, Choice], name: str, wrong: Choice | None
) -> None:
    refused(law, a_case(choices | {name: wrong}), f"^{name}: expected ")


@pytest.mark.parametrize(("law", "choices"), RIGHT)
def test_a_right_list_of_numbers_is_taken(law: str, choices: dict[str, Choice]) -> None:
    assert judge(LAWS[law], specification(), a_case(choices)) is None


@pytest.mark.parametrize("law", ["object_monotone", "density_monotone", "participation"])
def test_a_cell_without_an_object_is_refused(law: str) -> None:
    choices = SPOILT | {"image": 1, "row": 1, "column": 2}
    refused(law, a_case(choices, (1, 1, 2)), "row 1, column 2 of image 1 holds no object")
