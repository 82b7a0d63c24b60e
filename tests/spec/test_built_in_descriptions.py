"""The built-in descriptions: what they draw, what they do to an image, what the laws then see."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgspec import (
    LAWS,
    NORMALIZATIONS,
    Candidate,
    Described,
    Description,
    Evaluation,
    judge,
    search,
)
from mgspec.drawing.problems import draw_described
from mgspec.drawing.variety import FULL, PLAIN
from mgspec.page.case_text import draw_case
from mgspec.problem.description import Images, flat, nested
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.normalizations import NUMPY, Sums
from mgspec.saved.counterexample import (
    CounterexampleError,
    from_document,
    from_verdict,
    load,
    save,
    to_document,
)
from mgspec.search.verdicts import BROKEN, HOLDS, Verdict

IN_PLACE = ("anchors", "grids")
EVERY = tuple(BUILT_IN)
FIRST_CLASS = {"proposals": 1}  # of the labels; 0 elsewhere


def cross_entropy(target: np.ndarray, logit: np.ndarray) -> np.ndarray:
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-np.abs(logit)))


def dense(name: str, predictions: Any, targets: Any) -> dict[str, float]:
    """A RetinaNet-like loss of anchors or cells, under the normalization of this name."""
    labels = targets["labels"]
    logits = next(a for n, a in predictions.items() if "logits" in n).astype(np.float64)
    boxes = next(a for n, a in predictions.items() if "box" in n).astype(np.float64)
    wanted = next(a for n, a in targets.items() if "box" in n)
    size = len(labels)
    labelled = (labels >= 0).reshape(size, -1)
    hot = labels[..., None] == np.arange(logits.shape[-1])
    errors = np.square(boxes - wanted).sum(-1).reshape(size, -1) * labelled
    raw = {
        "classification": cross_entropy(hot, logits).reshape(size, -1).sum(1),
        "bbox_regression": errors.sum(1),
    }
    count = labelled.sum(1)
    cells = labelled.shape[1]
    return {
        term: float(NORMALIZATIONS[name].formula(Sums(sums, count, count, size, cells, 2.0), NUMPY))
        for term, sums in raw.items()
    }


def candidate(description: Description, name: str) -> Candidate:
    def run(problem: Described, batch: Images, gradients: bool) -> Evaluation:
        images = [nested(image) for image in batch.arrays]
        return Evaluation(dense(name, *problem.description.arguments(images, np.stack)))

    return Candidate(
        name,
        run,
        ("classification", "bbox_regression"),
        has_gradients=False,
        claims=name,
        description=description,
    )


JUDGED = (
    "replication",
    "partition",
    "sharding",
    "object_monotone",
    "density_neutral",
    "resolution",
    "empty",
    "permutation",
)


@pytest.mark.parametrize("problem", IN_PLACE)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("batch", "positives") else pytest.mark.nightly)
        for name in NORMALIZATIONS
    ],
)
def test_the_truth_table_is_that_of_this_projects_layout(problem: str, name: str) -> None:
    judged = candidate(BUILT_IN[problem], name)
    for law in JUDGED:
        expected = HOLDS if NORMALIZATIONS[name].obeys(law) else BROKEN
        examples = 15 if expected == HOLDS else 40
        found = search(LAWS[law], judged, max_examples=examples, seed=0, shrink=False)
        status = {v.component: v.status for v in found}["bbox_regression"]
        assert status == expected, (law, found)


def drawn(problem: str) -> st.SearchStrategy[Images]:
    description = BUILT_IN[problem]

    @st.composite
    def batch(draw: st.DrawFn) -> Images:
        described = Described(description, draw(description.shared))
        return draw_described(draw, FULL, described)

    return batch()


@pytest.mark.parametrize("problem", EVERY)
@given(data=st.data())
def test_images_hold_as_many_objects_as_they_say(problem: str, data: st.DataObject) -> None:
    batch = data.draw(drawn(problem))
    for image, objects in zip(batch.arrays, batch.objects, strict=True):
        labels = image["targets/labels"]
        assert (labels >= FIRST_CLASS.get(problem, 0)).sum() == objects
        assert labels.dtype == np.int64
        predicted = [array for name, array in image.items() if name in batch.predicted]
        assert all(np.abs(array).max() <= 1e4 for array in predicted)


@given(data=st.data())
def test_boxes_of_queries_are_boxes_within_reach_of_the_image(data: st.DataObject) -> None:
    for image in data.draw(drawn("queries")).arrays:
        for name in ("targets/boxes", "outputs/pred_boxes"):
            assert ((image[name] > 0) & (image[name] < 1)).all()


@pytest.mark.parametrize("problem", IN_PLACE)
@given(data=st.data())
def test_an_object_is_taken_away_and_its_predictions_stay(
    problem: str, data: st.DataObject
) -> None:
    description = BUILT_IN[problem]
    batch = data.draw(drawn(problem).filter(lambda b: b.objects[0] > 0))
    before = nested(batch.arrays[0])
    number = data.draw(st.integers(0, batch.objects[0] - 1))
    assert description.without_object is not None
    after = flat(description.without_object(before, number))
    places = np.flatnonzero(batch.arrays[0]["targets/labels"] >= 0)
    left = np.flatnonzero(after["targets/labels"] >= 0)
    assert list(left) == [place for k, place in enumerate(places) if k != number]
    for name in batch.predicted:
        assert (after[name] == batch.arrays[0][name]).all()
    assert (flat(before)["targets/labels"] == batch.arrays[0]["targets/labels"]).all()


@pytest.mark.parametrize("problem", IN_PLACE)
@given(data=st.data())
def test_copies_are_of_one_object_and_are_predicted_alike(
    problem: str, data: st.DataObject
) -> None:
    description = BUILT_IN[problem]
    batch = data.draw(drawn(problem).filter(lambda b: b.objects[0] > 0))
    copies = data.draw(st.integers(1, description.most_objects))
    assert description.with_copies is not None
    image = flat(description.with_copies(nested(batch.arrays[0]), copies))
    labels = image["targets/labels"]
    assert (labels >= 0).sum() == copies
    for array in (labels, *(a for n, a in image.items() if n != "targets/labels")):
        assert len(np.unique(array[labels >= 0], axis=0)) == 1


@given(data=st.data())
def test_proposals_are_copied_and_added_and_taken_away(data: st.DataObject) -> None:
    description = BUILT_IN["proposals"]
    batch = data.draw(drawn("proposals").filter(lambda b: b.objects[0] > 0))
    image = nested(batch.arrays[0])
    before = image["targets"]["labels"]
    assert description.with_copies is not None
    assert description.with_background is not None
    assert description.without_object is not None
    copied = description.with_copies(image, 7)["targets"]["labels"]
    assert (copied > 0).sum() == 7
    assert set(copied[copied > 0]) == {before[before > 0][0]}
    larger = description.with_background(image, 2)["targets"]["labels"]
    assert larger.tolist() == [*before, 0, 0]
    fewer = description.without_object(image, 0)["targets"]["labels"]
    assert (fewer > 0).sum() == (before > 0).sum() - 1


@pytest.mark.parametrize("problem", IN_PLACE)
@given(data=st.data())
def test_background_is_added_and_nothing_else_changes(problem: str, data: st.DataObject) -> None:
    description = BUILT_IN[problem]
    batch = data.draw(drawn(problem))
    assert description.with_background is not None
    image = flat(description.with_background(nested(batch.arrays[0]), 2))
    assert (image["targets/labels"] >= 0).sum() == batch.objects[0]
    for name, array in batch.arrays[0].items():
        assert (image[name][: len(array)] == array).all()
        assert len(image[name]) == len(array) + 2


@cache
def verdict_of(problem: str) -> Verdict:
    found = search(LAWS["partition"], candidate(BUILT_IN[problem], "positives"), seed=0)
    return {v.component: v for v in found}["bbox_regression"]


@pytest.mark.parametrize("problem", IN_PLACE)
def test_a_counterexample_of_a_described_problem_travels(problem: str, tmp_path: Path) -> None:
    verdict = verdict_of(problem)
    stored = from_verdict(verdict, "mine.py:loss", "batch", 0, {})
    assert stored is not None
    save(stored, tmp_path / "x.json")
    back = load(tmp_path / "x.json")
    assert to_document(back) == to_document(stored)
    for name, batch in stored.case.batches.items():
        again: Any = back.case.batches[name]
        assert again.objects == batch.objects  # type: ignore[union-attr]
        for one, other in zip(batch.arrays, again.arrays, strict=True):  # type: ignore[union-attr]
            assert all(one[n].tobytes() == other[n].tobytes() for n in one)
            assert all(one[n].dtype == other[n].dtype for n in one)
    finding = judge(LAWS["partition"], candidate(BUILT_IN[problem], "positives"), back.case)
    assert finding is not None
    assert judge(LAWS["partition"], candidate(BUILT_IN[problem], "batch"), back.case) is None


def test_a_persons_own_description_is_named_and_not_taken_from_the_file() -> None:
    stored = from_verdict(verdict_of("anchors"), "", "batch", 0, {})
    assert stored is not None
    document = to_document(stored)
    document["problem"]["description"] = "mine"
    said = "problem 'mine': say where it is described, with --problem"
    for described in (None, BUILT_IN["anchors"]):
        with pytest.raises(CounterexampleError, match=said):
            from_document(document, described)


def _image(document: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] = document["batches"]["X"]["images"][0]
    return image


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "images: missing": lambda d: d["batches"]["X"].pop("images"),
    "expected 1 to": lambda d: d["batches"]["X"].update(images=[]),
    "objects: expected 0 or more": lambda d: _image(d).update(objects=-1),
    "objects: expected int": lambda d: _image(d).update(objects=None),
    "arrays: expected dict": lambda d: _image(d).update(arrays=[]),
    "dtype: expected one of": lambda d: _labels(d).update(dtype="object"),
    "needs 6 values": lambda d: _labels(d).update(shape=[2, 3]),
    "shape: expected up to 8 sizes": lambda d: _labels(d).update(shape=[1] * 9),
    "shape: expected up to 8": lambda d: _labels(d).update(shape=[-1, 3]),
    "values: expected numbers of dtype int64": lambda d: _labels(d).update(values=["a", 0, 0]),
    "a number is too large": lambda d: _labels(d).update(values=[10**30, 0, 0]),
    "no array 'predictions/cls_logits'": lambda d: _image(d)["arrays"].pop(
        "predictions/cls_logits"
    ),
    "problem.shared": lambda d: d["problem"].update(shared={"a": 1}),
    "problem.description: expected str": lambda d: d["problem"].update(description=[]),
}


def _labels(document: dict[str, Any]) -> dict[str, Any]:
    labels: dict[str, Any] = _image(document)["arrays"]["targets/labels"]
    return labels


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_file_of_a_described_problem_is_refused(message: str) -> None:
    stored = from_verdict(verdict_of("anchors"), "", "batch", 0, {})
    assert stored is not None
    document = json.loads(json.dumps(to_document(stored)))
    WRONG[message](document)
    with pytest.raises(CounterexampleError, match=message):
        from_document(document)


def test_a_case_that_fits_no_law_of_its_description_is_refused() -> None:
    stored = from_verdict(verdict_of("anchors"), "", "batch", 0, {})
    assert stored is not None
    judged = candidate(BUILT_IN["anchors"], "batch")
    for law, message in (
        ("object_monotone", "image: expected a whole number"),
        ("masking", "this law needs the project's own layout|not of the project's own"),
        ("resolution", "amount: expected a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            judge(LAWS[law], judged, stored.case, ("bbox_regression",))


def test_what_is_drawn_of_a_case_names_its_arrays() -> None:
    verdict = verdict_of("anchors")
    assert verdict.finding is not None
    lines = draw_case(verdict.finding.case)
    assert lines[0] == "the problem 'anchors', of which its images share (3, 1)"
    assert "  image 0: 1 object" in lines
    assert "    predictions/cls_logits predicted [3, 1]: all 0" in lines
    assert any(line.startswith("    targets/labels [3]: ") for line in lines)


def test_plain_images_are_few_and_hold_few_objects() -> None:
    described = Described(BUILT_IN["anchors"], (6, 1))
    seen: list[Images] = []

    @given(st.data())
    def look(data: st.DataObject) -> None:
        seen.append(draw_described(data.draw, PLAIN, described))  # type: ignore[arg-type]

    look()
    assert max(objects for batch in seen for objects in batch.objects) == 2
    assert max(batch.images for batch in seen) == 2


def test_images_that_all_hold_the_same_objects_get_no_further_one() -> None:
    full = BUILT_IN["anchors"]
    always = replace(full, fewest_objects=full.most_objects)
    candidate = Candidate("any", lambda *_: Evaluation({"loss_bbox": 0.0}), ("loss_bbox",), False)
    (verdict,) = search(LAWS["object_monotone"], replace(candidate, description=always))
    assert verdict.message == "needs images that differ in the number of objects"
