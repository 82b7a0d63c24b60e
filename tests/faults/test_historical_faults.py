"""Faults that the detector's own code has had, each planted alone in a copy of the reference.

A copy is the source of the reference with one piece of text replaced, in a package of its own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mgloss
from mgloss.gate.tensorflow_adapter import reference
from mgspec import LAWS, Candidate, search
from mgspec.search import BROKEN, HOLDS

SOURCE = Path(mgloss.__file__).parent
MODULES = ("arrays", "boxes", "cells", "ignoring", "loss", "terms")

# What was wrong: the law that must catch it, the module, the text there, what stands in its place.
FAULTS = {
    "non-square grids crash": (
        "finite",
        "terms",
        "tf.stack([grid.images, grid.height, grid.width])",
        "tf.stack([grid.images, grid.height, grid.height])",
    ),
    "the ignore mask has rows and columns exchanged": (
        "ignoring",
        "ignoring",
        "[cell_column - tf.gather(column, which), cell_row - tf.gather(row, which)], -1",
        "[cell_row - tf.gather(row, which), cell_column - tf.gather(column, which)], -1",
    ),
    "anchors are multiplied by the stride": (
        "ignoring",
        "terms",
        "Grid(images, height, width, tf.cast(anchors, dtype), stride)",
        "Grid(images, height, width, tf.cast(anchors, dtype) * stride, stride)",
    ),
    "IoU is that of the logarithms of sizes": (
        "finite",
        "boxes",
        """        half_sizes(prediction[..., WH], anchors),
        half_sizes(target[..., WH], anchors),
""",
        """        prediction[..., WH],
        target[..., WH],
""",
    ),
    "a mask with one axis more is broadcast": (
        "locality",
        "terms",
        "weight * summed(tf.nn.softplus(logits))",
        "summed(tf.transpose(weight[:, tf.newaxis] * summed(tf.nn.softplus(logits))))",
    ),
    "scales are applied twice": (
        "scales",
        "loss",
        "factors[term] * value",
        "factors[term] * factors[term] * value",
    ),
}


@pytest.fixture
def copy_of_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    def build(module: str = "", text: str = "", wrong: str = "") -> Candidate:
        package = tmp_path / "copied_loss"
        package.mkdir()
        (package / "__init__.py").touch()
        for name in MODULES:
            source = (SOURCE / f"{name}.py").read_text(encoding="utf-8")
            source = source.replace("from mgloss.", "from copied_loss.")
            if name == module:
                assert source.count(text) == 1
                source = source.replace(text, wrong)
            (package / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return reference("batch", compute=importlib.import_module("copied_loss.loss").components)

    yield build
    for name in [name for name in sys.modules if name.partition(".")[0] == "copied_loss"]:
        del sys.modules[name]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_old_is_caught_by_a_named_law(fault: str, copy_of_the_reference, budget) -> None:
    law, *planted = FAULTS[fault]

    verdicts = search(
        LAWS[law],
        copy_of_the_reference(*planted),
        max_examples=2 * budget.max_examples,
        seed=budget.seed,
    )

    caught = [v for v in verdicts if v.status == BROKEN]
    assert caught
    for verdict in caught:
        assert verdict.finding is not None
        assert sum(batch.images for batch in verdict.finding.case.batches.values()) <= 2


def test_the_copy_without_a_fault_holds(copy_of_the_reference, budget) -> None:
    right = copy_of_the_reference()
    for law in dict.fromkeys(law for law, *_ in FAULTS.values()):
        verdicts = search(LAWS[law], right, max_examples=budget.max_examples, seed=budget.seed)
        assert {v.status for v in verdicts} == {HOLDS}
