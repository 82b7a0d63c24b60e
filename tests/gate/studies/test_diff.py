"""`mgloss diff`: two losses, and what it says to wrong requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgloss.gate.losses.adapters.numpy_adapter import ADAPTER
from mgspec.saved.counterexample import CounterexampleError, load
from mgspec.scaling.difference import Pair, find_differences
from tests.gate.conftest import LOSSES, ROOT, Run, said
from tests.meta.faults.false_alarms import styled
from tests.meta.faults.right import NORMALIZATIONS as WRITTEN
from tests.meta.faults.right import einsums, loops


@pytest.mark.parametrize("claims", WRITTEN)
def test_one_loss_in_two_styles_of_float32_is_one_loss(claims: str) -> None:
    pair = Pair.of(*(styled(style, ADAPTER, claims) for style in (loops, einsums)))
    seen, effort = find_differences(pair, max_examples=60, seed=0)
    assert seen == []
    assert effort.comparisons > 200


def test_two_losses_that_differ_are_told_apart(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("diff", f"{LOSSES}:by_batch", f"{LOSSES}:by_cells", "--json", "out.json")
    assert result.returncode == 1, result.stderr
    text = said(result.stdout)
    assert "location: OLD gives 1, NEW gives 0.5, 0.5 times as much" in text
    assert "NEW is OLD divided by the cells of the grid" in text
    assert "OLD behaves as batch (or expected: the same up to a constant), NEW as grid" in text
    assert "they differ in location, anchor and classification" in text
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("mgloss-differences", 1)
    assert document["comparisons"] > 100
    location = document["differences"][0]
    assert (location["component"], location["factor"]) == ("location", 0.5)
    saved = json.loads((tmp_path / "mgloss-report" / "difference-location.json").read_bytes())
    assert saved == location
    target = location["batches"]["X"]["targets"][0]
    assert np.prod(target["shape"]) == len(target["values"])
    with pytest.raises(CounterexampleError, match="got 'mgloss-difference'"):
        load(tmp_path / "mgloss-report" / "difference-location.json")


def test_a_loss_is_the_same_as_itself_and_how_hard_was_looked_is_said(
    mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("diff", f"{LOSSES}:by_batch", f"{LOSSES}:by_batch", "--max-examples", 40)
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "no difference found in 60 batches, 180 comparisons; taken for rounding: up to" in text
    assert list(tmp_path.iterdir()) == []


def test_a_difference_without_objects_only_is_described(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def make(skips):\n"
        "    def loss(y_true, y_pred):\n"
        "        if skips and not any(t[..., 4].any() for t in y_true):\n"
        "            return 0.0\n"
        "        return sum(np.sum(np.logaddexp(0, p[..., 4])) / len(p) for p in y_pred)\n"
        "    return loss\n"
        "plain, skipping = make(False), make(True)\n",
        encoding="utf-8",
    )
    result = mgloss("diff", "mine.py:plain", "mine.py:skipping")
    assert result.returncode == 1, result.stderr
    text = said(result.stdout)
    assert "X: 1 image, 0 objects" in text
    assert "NEW as batch (or expected: the same up to a constant) except in batches" in text


def test_components_that_one_loss_only_returns_are_named(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def loss(y_true, y_pred):\n"
        "    return {'location': np.float32(1)}\n"
        "def more(y_true, y_pred):\n"
        "    return {'location': np.float32(1), 'anchor': np.float32(2)}\n"
        "def total(y_true, y_pred):\n"
        "    return np.float32(1)\n",
        encoding="utf-8",
    )
    few = ("--max-examples", 10)
    result = mgloss("diff", "mine.py", "mine.py:more", *few)
    assert result.returncode == 2
    text = said(result.stdout)
    assert "only NEW returns anchor: not compared" in text
    assert "no difference found" in text
    assert "but they do not return the same components" in text
    result = mgloss("diff", "mine.py", "mine.py:total", *few)
    assert result.returncode == 2
    assert "no component in common: mine.py returns location, mine.py:total returns total" in said(
        result.stderr
    )


def test_losses_that_never_answer_cannot_be_compared(mgloss: Run) -> None:
    result = mgloss("diff", f"{LOSSES}:raises", f"{LOSSES}:raises", "--max-examples", 20)
    assert result.returncode == 2
    assert "neither loss answers on any batch" in said(result.stdout)


def test_a_loss_that_no_longer_answers_differs(mgloss: Run) -> None:
    result = mgloss("diff", f"{LOSSES}:plain", f"{LOSSES}:raises", "--max-examples", 20)
    assert result.returncode == 1
    text = said(result.stdout)
    assert "NEW: the loss raised KeyError: 'no such head'; OLD gives an answer" in text
    assert "they differ in whether they answer" in text


@pytest.mark.nightly
def test_tensorflow_and_numpy_losses_can_be_compared(mgloss: Run) -> None:
    result = mgloss(
        "diff", ROOT / "examples" / "positives.py", f"{LOSSES}:by_positives", "--max-examples", 40
    )
    assert result.returncode == 2, result.stdout + result.stderr
    text = said(result.stdout)
    assert "gradients are not compared: one of the losses has none" in text
    assert "no difference found" in text
    assert "only NEW returns anchor: not compared" in text


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--max-examples", 0], "--max-examples 0: expected 1 or more"),
        (["--seed", -1], "--seed -1: expected 0 or more"),
        (["--json", "missing/out.json"], "there is no folder missing"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(
    option: list[Any], says: str, mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("diff", f"{LOSSES}:plain", f"{LOSSES}:plain", *option)
    assert result.returncode == 2
    assert says in said(result.stderr)
    assert list(tmp_path.iterdir()) == []
