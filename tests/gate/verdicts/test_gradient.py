"""A gradient that leaves a weight out is found, kinks and jumps are not taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Verdict, search
from mgspec.loss.roles import Roles
from mgspec.search.verdicts import BROKEN, HOLDS, SKIPPED
from tests.gate.conftest import Run

losses: Any = pytest.importorskip("tests.gate.verdicts.gradient_losses", exc_type=ImportError)
RIGHT = (
    "quality_in_full",
    "weights_in_full",
    "assignment_in_full",
    "hardest_half",
    "leaves_out_the_likely",
)
WRONG = ("quality_held_constant", "weights_held_constant", "assignment_held_constant")
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 20)))


def judged(loss: str, seed: int, examples: int, **roles: Any) -> list[Verdict]:
    asked = LossRequest(getattr(losses, loss), problem="anchors", roles=Roles(**roles))
    candidate = load(asked).candidate
    law = LAWS["gradient"]
    return search(law, candidate, max_examples=examples, seed=seed, shrink=False)


@pytest.mark.parametrize("loss", RIGHT)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_that_is_differentiated_in_full_is_not_accused(loss: str, seed: int) -> None:
    (verdict,) = judged(loss, seed, examples=16)
    assert verdict.status == HOLDS


@pytest.mark.parametrize("loss", WRONG)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_weight_that_is_held_constant_is_found_at_the_default_budget(
    loss: str, seed: int
) -> None:
    (verdict,) = judged(loss, seed, examples=100)
    assert verdict.status == BROKEN
    assert "holds an assignment or a weight constant by design" in verdict.message
    assert f"--detached {verdict.component}" in verdict.message


def test_what_is_held_constant_by_design_is_left_out_with_that_reason() -> None:
    (verdict,) = judged("weights_held_constant", 0, examples=1, detached=("loss_bbox",))
    assert verdict.status == SKIPPED
    assert "held constant by design, as --detached says" in verdict.message


def test_a_total_holds_constant_what_its_terms_do() -> None:
    asked = LossRequest(
        losses.assignment_held_constant, problem="anchors", roles=Roles(detached=("total",))
    )
    assert load(asked).candidate.is_detached("total")
    assert "gradient says nothing of total, as --detached says" in load(asked).notes


def test_a_report_of_what_is_left_out_fits_its_schema(mgloss: Run, tmp_path: Path) -> None:
    loss = f"{Path(__file__).with_name('role_losses.py')}:dense"
    said = ("--problem", "anchors", "--detached", "loss_bbox", "--law", "gradient", "--law", "pure")
    result = mgloss("check", loss, *said, "--max-examples", 4, "--json", "out.json")
    assert result.returncode == 0, result.stdout
    verdicts = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["verdicts"]
    assert ("gradient", "loss_bbox", "skipped") in {
        (v["law"], v["component"], v["status"]) for v in verdicts
    }
