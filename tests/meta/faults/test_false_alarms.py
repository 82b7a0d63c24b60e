"""A right loss, in whatever style it is written, is accused by no law that it claims."""

from __future__ import annotations

import pytest

from tests.meta.faults.false_alarms import STYLES, accusations, judged
from tests.meta.faults.right import NORMALIZATIONS

CHEAPER = 20  # the whole budget divided by this: each style is judged by all laws that it claims


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(name, marks=[] if name == "batch" else pytest.mark.nightly)
        for name in NORMALIZATIONS
    ],
)
@pytest.mark.parametrize(
    "style",
    [
        # TensorFlow traces it; the losses of the gate's tests of TensorFlow are right ones too.
        pytest.param(style, marks=pytest.mark.nightly if style == "keras style" else [])
        for style in STYLES
    ],
)
def test_a_right_loss_is_not_accused(style: str, claims: str, budget) -> None:
    candidate = STYLES[style](claims)
    examples = max(1, budget.to_find // CHEAPER)

    searched = list(judged(candidate, examples, budget.seed))

    assert len(searched) >= 15
    assert not [v.message for verdicts in searched for v in accusations(verdicts)]
