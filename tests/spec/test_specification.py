"""The specification's own loss obeys its laws: the yardstick is straight."""

from __future__ import annotations

import pytest

from mgspec import LAWS, search, specification
from mgspec.search import HOLDS, SKIPPED


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("law", LAWS)
def test_the_specification_obeys_every_law_with_any_options(law: str, budget) -> None:
    claims = "per_image" if law == "density_neutral" else "batch"
    verdicts = search(
        LAWS[law], specification(claims, None), max_examples=budget.max_examples, seed=budget.seed
    )
    assert [v.message for v in verdicts if v.status not in (HOLDS, SKIPPED)] == []
    assert any(v.status == HOLDS for v in verdicts) or law == "modes"
