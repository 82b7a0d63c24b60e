"""A right loss is never accused: every style, under every claim that it meets, at many seeds."""

from __future__ import annotations

import pytest

from mgloss.testing import judge_loss
from tests.gate.verdicts.right_losses import CLAIMS, STYLES

AT_NIGHT = pytest.mark.nightly
QUICK = [("layout_in_numpy", "per_image"), ("anchors_in_torch", "batch")]
EVERY = [
    pytest.param(
        style, claim, seed, marks=() if (style, claim) in QUICK and seed == 0 else AT_NIGHT
    )
    for style in STYLES
    for claim in CLAIMS
    for seed in range(4)
]


@pytest.mark.parametrize(("style", "claim", "seed"), EVERY)
def test_a_right_loss_is_not_accused(style: str, claim: str, seed: int) -> None:
    write, problem = STYLES[style]
    judgement = judge_loss(write(claim), claims=claim, problem=problem, seed=seed)
    accused = [v for v in judgement.verdicts if v.status not in ("holds", "skipped")]
    assert not accused, "\n".join(f"{v.law} {v.component}: {v.message}" for v in accused)
