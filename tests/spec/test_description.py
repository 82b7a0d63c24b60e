"""Problems told by what one image is: what is refused, and which laws apply."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest

from mgspec import LAWS, Candidate, Described, Description, Evaluation, search
from mgspec.laws.comparison import Rounding
from mgspec.laws.law import OBJECT_TERMS
from mgspec.laws.needs import LAYOUT
from mgspec.loss.roles import Roles
from mgspec.problem.description import flat, images_of, nested
from mgspec.problem.descriptions import BUILT_IN
from mgspec.search.verdicts import BROKEN, HOLDS, SKIPPED

WHOLE = st.integers(-4, 4)


def points(objects: int, shared: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Images of two numbers predicted, and one target for each object."""
    numbers = st.lists(WHOLE, min_size=2, max_size=2)
    targets = st.lists(WHOLE, min_size=objects, max_size=objects)
    return st.builds(
        lambda p, t: {"predicted": np.array(p, np.float32), "targets": np.array(t, np.float32)},
        numbers,
        targets,
    )


POINTS = Description("points", points, ("predicted",))


def by_images(images: list[dict[str, Any]]) -> float:
    return sum(float(np.square(i["predicted"]).sum()) + len(i["targets"]) for i in images) / len(
        images
    )


def by_objects(images: list[dict[str, Any]]) -> float:
    return by_images(images) * len(images) / max(1, sum(len(i["targets"]) for i in images))


def candidate(loss: Any, description: Description = POINTS) -> Candidate:
    def run(problem: Any, batch: Any, gradients: bool) -> Evaluation:
        images = [nested(image) for image in batch.arrays]
        return Evaluation({"total": loss(*problem.description.arguments(images, np.stack))})

    return Candidate("points", run, ("total",), has_gradients=False, description=description)


def statuses(law: str, loss: Any, description: Description = POINTS) -> set[str]:
    found = search(LAWS[law], candidate(loss, description), max_examples=50, seed=0)
    return {verdict.status for verdict in found}


ABOUT_BATCHES = ("finite", "nonnegative", "pure", "permutation", "replication", "partition")


@pytest.mark.parametrize("law", [*ABOUT_BATCHES, "sharding"])
def test_laws_about_batches_need_no_more_than_images(law: str) -> None:
    assert statuses(law, by_images) == {HOLDS}
    broken = law in ("replication", "partition", "sharding")
    # `replication` holds for objects, and not for images that have none.
    assert statuses(law, by_objects) == {BROKEN if broken else HOLDS}


def test_what_breaks_a_law_is_as_small_as_of_this_projects_layout() -> None:
    (verdict,) = search(LAWS["partition"], candidate(by_objects), seed=0)
    assert verdict.finding is not None
    batches = verdict.finding.case.batches.values()
    assert [batch.images for batch in batches] == [1, 1]
    assert sum(batch.positives for batch in batches) <= 2


def test_how_exact_a_loss_can_be_depends_on_all_that_its_images_hold() -> None:
    def image(predicted: float, targets: int) -> dict[str, Any]:
        return {"predicted": np.full(2, predicted, np.float32), "targets": np.zeros(targets)}

    small, large = image(0.5, 0), image(-3.0, 4)
    two = images_of(POINTS, [small, large], [0, 4])
    one = images_of(POINTS, [small], [0])
    value = Evaluation({"total": 1.0})
    rounding = Rounding.of(Described(POINTS), [one, two], value)
    assert rounding.terms == 2 + 2 + 4
    assert rounding.floor == POINTS.largest_factor * (8**2 + 8 * 3)
    assert Rounding.of(Described(POINTS), [one], value).floor == POINTS.largest_factor * (64 + 8)
    heavier = replace(POINTS, largest_factor=100.0)
    assert Rounding.of(Described(heavier), [one], value).floor == 100 * (64 + 8)


def test_a_fault_of_one_in_a_thousand_in_one_image_is_seen() -> None:
    def by_position(images: list[dict[str, Any]]) -> float:
        return by_images(images) + 0.001 * by_images(images[:1]) / len(images)

    assert statuses("permutation", by_position) == {BROKEN}
    assert statuses("permutation", by_images) == {HOLDS}


def test_laws_that_read_cells_say_that_they_do() -> None:
    for name, law in LAWS.items():
        (reason,) = {v.message for v in search(law, candidate(by_images), max_examples=1, seed=0)}
        if LAYOUT in law.needs:
            assert reason == "needs this project's own layout of cells and channels", name
        elif any("of a described problem" in need.phrase for need in law.needs):
            assert re.fullmatch(r"needs with\w+, which 'points' does not describe", reason), name


def test_laws_of_objects_leave_out_what_holds_background() -> None:
    everything = BUILT_IN["anchors"]
    loss = replace(
        candidate(by_images, everything), components=("bbox_regression", "classification")
    )
    for law in LAWS.values():
        if LAYOUT not in law.needs and law.speaks_of == OBJECT_TERMS:
            assert law.components_of(loss) == ("bbox_regression",)
    assert LAWS["partition"].components_of(loss) == loss.components


def test_a_total_with_background_in_it_is_no_case_for_laws_of_objects() -> None:
    alone = replace(candidate(by_images, BUILT_IN["anchors"]), roles=Roles())
    (verdict,) = search(LAWS["object_monotone"], alone, max_examples=1)
    assert verdict.status == SKIPPED
    assert "total is taken to teach the background too" in verdict.message
    assert "--objects total" in verdict.message


def test_an_object_may_be_taken_out_of_the_very_arrays_that_hold_it() -> None:
    def image(objects: int, shared: Any) -> st.SearchStrategy[dict[str, Any]]:
        return points(0, shared).map(lambda i: {**i, "targets": np.ones(objects, np.float32)})

    def without_object(image: dict[str, Any], number: int) -> dict[str, Any]:
        image["targets"][number] = 0
        return image

    def falls(images: list[dict[str, Any]]) -> float:
        return 100 - sum(float(i["targets"].sum()) for i in images)

    in_place = replace(POINTS, image=image, without_object=without_object, background=frozenset())
    assert statuses("object_monotone", falls, in_place) == {BROKEN}
    assert statuses("object_monotone", lambda images: 100 - falls(images), in_place) == {HOLDS}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "name: expected some text"),
        ({"predicted": "logits"}, "predicted: expected a tuple"),
        ({"predicted": ()}, "predicted: expected a tuple"),
        ({"image": 3}, "image: expected a function"),
        ({"most_objects": 0}, "most_objects: expected 1 or more"),
        ({"largest_factor": 0.5}, "largest_factor: expected 1 or more"),
        ({"largest_factor": float("nan")}, "largest_factor: expected 1 or more"),
    ],
)
def test_a_wrong_description_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(POINTS, **wrong)


GOOD = {"predicted": np.zeros(2, np.float32), "targets": np.zeros(1, np.float32)}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"targets": GOOD["targets"]}, "image 1: has the arrays"),
        ({**GOOD, "more": np.zeros(1)}, "image 1: has the arrays"),
        ({**GOOD, "predicted": np.zeros((2, 1), np.float32)}, "image 1, predicted: has shape"),
        ({**GOOD, "predicted": np.zeros(2, np.int64)}, "image 1, predicted: expected floats"),
        ({**GOOD, "predicted": np.zeros(0, np.float32)}, "image 1, predicted: expected floats"),
        ({**GOOD, "targets": np.array([np.nan])}, "image 1, targets: every number must be finite"),
        ({**GOOD, "targets": ["a"]}, "targets: expected an array of numbers"),
        ({**GOOD, "a/b": GOOD["targets"]}, "'a/b': expected a name without '/'"),
        ({**GOOD, 3: GOOD["targets"]}, "3: expected a name"),
        (np.zeros(2), "expected a mapping of names to arrays"),
    ],
)
def test_a_wrong_image_is_refused(image: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images_of(POINTS, [GOOD, image], [0, 0])


def test_the_first_image_must_hold_what_is_predicted() -> None:
    with pytest.raises(ValueError, match="image 0: no array 'predicted'"):
        images_of(POINTS, [{"targets": np.zeros(1)}], [0])
    with pytest.raises(ValueError, match="expected 1 to"):
        images_of(POINTS, [], [])


def test_a_nested_image_is_the_same_when_it_was_flat() -> None:
    image = {"a": {"b": np.arange(3), "c": {"d": np.ones((2, 1), np.float32)}}, "e": np.zeros(0)}
    assert list(flat(image)) == ["a/b", "a/c/d", "e"]
    back = nested(flat(image))
    assert back["a"]["c"]["d"].tobytes() == image["a"]["c"]["d"].tobytes()  # type: ignore[index]
    assert set(back) == {"a", "e"}


def test_fewest_objects_must_be_a_number_up_to_most_objects() -> None:
    for fewest, words in ((-1, "fewest_objects: expected a whole number"), (4, "most_objects")):
        with pytest.raises(ValueError, match=words):
            replace(POINTS, fewest_objects=fewest)
