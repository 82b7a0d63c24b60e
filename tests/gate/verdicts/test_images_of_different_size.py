"""Images of a batch may differ in what is predicted for them, as proposals of a detector do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest

from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Candidate, Description, Verdict, judge, search
from mgspec.problem.description import Images, images_of, join_padded, nested, stack_padded
from mgspec.problem.descriptions import BUILT_IN
from mgspec.saved.counterexample import from_document, from_verdict, to_document
from mgspec.search.verdicts import BROKEN, HOLDS

LOSSES = Path(__file__).parent / "losses" / "second_stage.py"
HOLD_FOR_IMAGES = ("permutation", "replication", "partition", "locality", "sharding", "gradient")


def loaded(name: str) -> Candidate:
    return load(LossRequest(f"{LOSSES}:{name}", problem="proposals")).candidate


def verdicts(name: str, law: str, examples: int = 40) -> dict[str | None, Verdict]:
    found = search(LAWS[law], loaded(name), max_examples=examples, seed=0)
    return {verdict.component: verdict for verdict in found}


@pytest.mark.parametrize("law", HOLD_FOR_IMAGES)
@pytest.mark.parametrize("name", ["by_images", "by_proposals_of_each_image"])
def test_a_loss_that_divides_by_images_holds(name: str, law: str) -> None:
    assert {v.status for v in verdicts(name, law, examples=16).values()} == {HOLDS}


@pytest.mark.parametrize("law", ["partition", "locality", "sharding"])
def test_a_loss_that_divides_by_the_proposals_of_the_batch_is_caught(law: str) -> None:
    broken = verdicts("by_all_proposals", law)
    assert {c: v.status for c, v in broken.items()} == {"loss_classifier": BROKEN, "box": BROKEN}
    finding = broken["loss_classifier"].finding
    assert finding is not None
    batches = finding.case.batches.values()
    assert sum(batch.images for batch in batches) <= 3
    assert sum(batch.positives for batch in batches) == 0  # one more proposal is enough


def test_images_of_one_number_of_proposals_hide_it() -> None:
    alike = replace(
        BUILT_IN["proposals"],
        image=lambda objects, shared: (
            BUILT_IN["proposals"]
            .image(objects, shared)
            .filter(lambda image: len(image["targets"]["labels"]) == 4)
        ),
    )
    hidden = replace(loaded("by_all_proposals"), description=alike)
    found = search(LAWS["partition"], hidden, max_examples=20, seed=0)
    assert {v.status for v in found} == {HOLDS}


def test_a_counterexample_is_saved_and_replayed_with_images_of_both_sizes() -> None:
    wrong = loaded("by_all_proposals")
    (verdict,) = (v for v in search(LAWS["locality"], wrong, seed=0) if v.component == "box")
    kept = from_verdict(verdict, "", "batch", 0, {})
    assert kept is not None
    back = from_document(to_document(kept)).case
    sizes = {len(a["targets/labels"]) for b in back.batches.values() for a in b.arrays}
    assert len(sizes) == 2
    again = judge(LAWS["locality"], wrong, back, ("box",))
    assert again is not None
    assert again.message == verdict.message
    assert judge(LAWS["locality"], loaded("by_images"), back) is None


def lines(objects: int, shared: Any) -> st.SearchStrategy[dict[str, Any]]:
    numbers = st.lists(st.integers(-4, 4), min_size=1, max_size=4)
    return numbers.map(lambda n: {"line": np.array(n, np.float32), "objects": np.zeros(objects)})


LINES = Description("lines", lines, ("line",))


def batch(*rows: list[float]) -> Images:
    images = [{"line": np.array(r, np.float32), "objects": np.zeros(0)} for r in rows]
    return images_of(LINES, images, [0] * len(rows))


def test_predictions_are_filled_up_with_zeros_and_cut_again() -> None:
    two = batch([1.0, 2.0, 3.0], [4.0])
    (predictions,) = two.predictions
    assert predictions.tolist() == [[1, 2, 3], [4, 0, 0]]
    moved = two.with_predictions([predictions + 1])
    assert [image["line"].tolist() for image in moved.arrays] == [[2, 3, 4], [5]]
    assert nested(moved.arrays[1])["line"].dtype == np.float32


def test_batches_of_different_width_are_joined_at_the_larger_one() -> None:
    joined = join_padded([np.ones((1, 2)), np.full((2, 1), 3.0)])
    assert joined.tolist() == [[1, 1], [3, 0], [3, 0]]
    assert stack_padded([np.ones((1, 2)), np.ones((2, 1))]).tolist() == [
        [[1, 1], [0, 0]],
        [[1, 0], [1, 0]],
    ]


def test_images_that_differ_in_the_number_of_axes_are_refused() -> None:
    flat = {"line": np.zeros(2, np.float32), "objects": np.zeros(0)}
    square = {"line": np.zeros((2, 2), np.float32), "objects": np.zeros(0)}
    with pytest.raises(ValueError, match="may differ in size, not in the number of axes"):
        images_of(LINES, [flat, square], [0, 0])
