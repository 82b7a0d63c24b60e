"""The specification's own loss obeys its laws: the yardstick is straight."""

from __future__ import annotations

import numpy as np
import pytest

from mgspec import LAWS, Batch, Options, Problem, search, specification
from mgspec.loss.float64 import evaluate
from mgspec.search.verdicts import HOLDS, SKIPPED


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("law", LAWS)
def test_the_specification_obeys_every_law_with_any_options(law: str, budget) -> None:
    claims = "per_image" if law == "density_neutral" else "batch"
    verdicts = search(
        LAWS[law], specification(claims, None), max_examples=budget.to_hold, seed=budget.seed
    )
    assert [v.message for v in verdicts if v.status not in (HOLDS, SKIPPED)] == []
    assert any(v.status == HOLDS for v in verdicts) or law == "modes"


def test_how_well_a_tiny_box_fits_is_the_same_number_anywhere_in_the_image() -> None:
    # Far from the origin, corners would keep less of a box of a millionth of a pixel.
    options = Options(
        background="objectness", ignore_thresh=1, iou_aware_ratio=0.5, iou_aware_power=0.5
    )
    problem = Problem((((16.0, 24.0),),), 1, (32, 32 * 30), options)
    values = set()
    for column in range(30):
        target, prediction = np.zeros((2, 1, 1, 30, 7), np.float32)
        target[0, 0, column] = (0.5, 0.5, 2, -1.25, 1, 1, 1)
        prediction[0, 0, :, 4] = -1000  # which costs nothing, so that nothing else is summed
        prediction[0, 0, column] = (1, 0, -50, -50, 50, 0, 0)
        value = evaluate(problem, Batch((target,), (prediction,)))
        values.add(value.components["objectness"])
    assert len(values) == 1
