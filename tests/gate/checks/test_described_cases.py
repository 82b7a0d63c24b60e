"""Counterexamples of described problems among those of this project's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgloss.gate.checks.stored import Stored, judge_stored
from mgloss.gate.losses.form import Style
from mgloss.gate.reports.page.grids import figure
from mgloss.gate.reports.reproduction.snippet import why_none
from mgspec import specification
from mgspec.page.case_text import draw_case
from mgspec.saved.counterexample import Counterexample
from tests.spec.test_built_in_descriptions import verdict_of


def described() -> Counterexample:
    finding = verdict_of("anchors").finding
    assert finding is not None
    return Counterexample("finite", None, "mine.py:loss", "batch", "it raised", finding.case)


def test_one_is_passed_over_for_a_loss_of_another_layout() -> None:
    with pytest.raises(ValueError, match=r"x\.json: is about a problem of another layout"):
        judge_stored(specification("batch"), Stored(Path("x.json"), described()))


def test_it_has_no_snippet_and_the_reason_is_told() -> None:
    reason = why_none(described(), Style("numpy", is_factory=False, per_scale=False))
    assert reason is not None
    assert "description" in reason


def test_a_page_shows_its_lines_for_it_has_no_grids() -> None:
    case = described().case
    shown = figure(case)
    assert list(shown.lines) == draw_case(case)
    assert shown.batches == ()
