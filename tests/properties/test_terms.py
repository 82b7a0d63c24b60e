"""What each term must be where its value or its optimum is known without a formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.gate.losses.reference import reference
from mgspec import Batch, Options, Problem
from mgspec.drawing.variety import FULL
from mgspec.laws.cases import imitated_objects, one_clear_batch
from mgspec.laws.law import Case
from mgspec.problem.layout import OBJECTNESS, WH

ANY_OPTIONS = replace(FULL, options=None)
EXACT = {"rel": 1e-5, "abs": 1e-5}


def with_options(problem: Problem, **changes) -> Problem:
    return replace(problem, options=replace(problem.options, **changes))


def values(problem: Problem, batch: Batch, claims: str = "batch") -> Mapping[str, float]:
    return reference(claims).run(problem, batch, False).components


def gradients(problem: Problem, batch: Batch, component: str) -> tuple[np.ndarray, ...]:
    found = reference("batch").run(problem, batch, True).gradients
    assert found is not None
    return found[component]


def with_logits(batch: Batch, logits: list[np.ndarray], channels: list[slice]) -> Batch:
    predictions = [array.copy() for array in batch.predictions]
    for array, of_scale, where in zip(predictions, logits, channels, strict=True):
        array[..., where] = of_scale
    return Batch(batch.targets, tuple(predictions))


def classes_of(case: Case) -> tuple[list[np.ndarray], list[slice]]:
    """Class targets of every scale, one class for each object, and their channels."""
    problem, batch = case.problem, case.batches["X"]
    channels = [problem.class_channels(scale) for scale in range(problem.scales)]
    targets = [array[..., where] for array, where in zip(batch.targets, channels, strict=True)]
    return targets, channels


def has_classes(case: Case) -> bool:
    """Whether there is a choice among classes."""
    return case.problem.num_classes > 1


def with_one_class(case: Case) -> Batch:
    """The batch with no more than the first class of each object."""
    targets, channels = classes_of(case)
    kept = [array.copy() for array in case.batches["X"].targets]
    for array, classes, where in zip(kept, targets, channels, strict=True):
        first = np.argmax(classes, -1)[..., None] == np.arange(classes.shape[-1])
        array[..., where] = classes * first
    return Batch(tuple(kept), case.batches["X"].predictions)


@pytest.mark.parametrize("claims", ["positives", "per_image"])
@given(one_clear_batch(replace(ANY_OPTIONS, scales=1)))
def test_the_mean_of_equal_costs_is_that_cost(claims: str, case: Case) -> None:
    # An ignored cell still weighs 1, so that no count is below its guard.
    problem = with_options(
        case.problem, no_object_scale=4.0, ignored_weight=0.25, iou_aware_ratio=0.0
    )
    logits = slice(OBJECTNESS, None)
    undecided = with_logits(case.batches["X"], [np.float32(0)], [logits])
    value = values(problem, undecided, claims)

    of_a_logit = math.log(2)  # whatever its target is
    anchors = len(problem.anchors[0])
    if problem.options.background == "objectness":
        assert value["objectness"] == pytest.approx(of_a_logit, **EXACT)
    else:
        wanted = problem.options.anchor_scale * anchors * of_a_logit
        assert value["anchor"] == pytest.approx(wanted, **EXACT)


@given(imitated_objects(ANY_OPTIONS), st.sampled_from((0.25, 0.5, 1.0)))
def test_an_ignored_cell_keeps_so_much_of_its_weight(case: Case, kept: float) -> None:
    background = case.problem.options.background

    def value(**changes: float) -> float:
        problem = with_options(case.problem, **changes)
        return values(problem, case.batches["X"])[background]

    none, all_of_it = value(ignored_weight=0.0), value(ignore_thresh=1.0)
    assert value(ignored_weight=kept) == pytest.approx(none + kept * (all_of_it - none), **EXACT)


@given(one_clear_batch(ANY_OPTIONS), st.sampled_from((0.125, 0.25, 0.5)))
def test_smoothed_classes_are_learnt_up_to_the_smoothing(case: Case, smoothing: float) -> None:
    targets, channels = classes_of(case)
    problem = with_options(
        case.problem, classification="bce", label_smoothing=smoothing, class_weights=None
    )
    wanted = [classes * (1 - smoothing) + smoothing / 2 for classes in targets]
    logits = [np.log(p) - np.log1p(-p) for p in wanted]
    batch = with_logits(case.batches["X"], logits, channels)
    for gradient in gradients(problem, batch, "classification"):
        assert np.abs(gradient).max() <= 1e-5


@given(one_clear_batch(ANY_OPTIONS).filter(has_classes), st.sampled_from((0.125, 0.25, 0.5)))
def test_smoothed_classes_of_a_softmax_share_what_is_taken(case: Case, smoothing: float) -> None:
    targets, channels = classes_of(replace(case, batches={"X": with_one_class(case)}))
    problem = with_options(
        case.problem,
        classification="softmax_focal",
        focal_gamma=0.0,
        label_smoothing=smoothing,
        class_weights=None,
    )
    logits = [np.log(c * (1 - smoothing) + smoothing / c.shape[-1]) for c in targets]
    batch = with_logits(with_one_class(case), logits, channels)
    for gradient in gradients(problem, batch, "classification"):
        assert np.abs(gradient).max() <= 1e-5


@given(one_clear_batch(ANY_OPTIONS), st.floats(0, 1, width=16))
def test_focal_alpha_divides_bce_among_what_is_there_and_what_is_not(
    case: Case, alpha: float
) -> None:
    def value(kind: str = "focal", alpha: float = 0.0) -> float:
        problem = with_options(
            case.problem,
            classification=kind,
            focal_alpha=alpha,
            focal_gamma=0.0,
            label_smoothing=0.0,
        )
        return values(problem, case.batches["X"])["classification"]

    absent, present = value(alpha=0.0), value(alpha=1.0)
    assert absent + present == pytest.approx(value("bce"), **EXACT)
    assert value(alpha=alpha) == pytest.approx(alpha * present + (1 - alpha) * absent, **EXACT)


@given(one_clear_batch(ANY_OPTIONS))
def test_with_focal_alpha_1_only_the_classes_that_are_there_count(case: Case) -> None:
    targets, channels = classes_of(case)
    problem = with_options(
        case.problem, classification="focal", focal_alpha=1.0, label_smoothing=0.0
    )
    # Every class predicted, whether it is there or not.
    logits = [np.full_like(classes, 50) for classes in targets]
    value = values(problem, with_logits(case.batches["X"], logits, channels))
    assert value["classification"] == pytest.approx(0, abs=1e-6)


@given(one_clear_batch(ANY_OPTIONS).filter(has_classes), st.sampled_from((0.5, 1.0, 2.0)))
def test_focal_gamma_spares_what_is_half_right(case: Case, gamma: float) -> None:
    targets, channels = classes_of(case)
    batch = with_one_class(case)
    undecided = with_logits(batch, [np.zeros_like(classes) for classes in targets], channels)

    def value(kind: str, gamma: float) -> float:
        problem = with_options(
            case.problem, classification=kind, focal_gamma=gamma, label_smoothing=0.0
        )
        return values(problem, undecided)["classification"]

    assert value("focal", gamma) == pytest.approx(0.5**gamma * value("focal", 0.0), **EXACT)
    missed = 1 - 1 / case.problem.num_classes
    assert value("softmax_focal", gamma) == pytest.approx(
        missed**gamma * value("softmax_focal", 0.0), **EXACT
    )


@given(
    one_clear_batch(ANY_OPTIONS).filter(has_classes),
    st.sampled_from((-2.0, -0.5, 1.0, 3.0)),
    st.sampled_from((0.5, 1.0, 2.0)),
)
def test_focal_gamma_spares_by_how_right_a_class_is(case: Case, logit: float, gamma: float) -> None:
    targets, channels = classes_of(case)
    batch = with_one_class(case)
    alike = with_logits(batch, [np.full_like(classes, logit) for classes in targets], channels)

    def value(alpha: float, gamma: float) -> float:
        problem = with_options(
            case.problem,
            classification="focal",
            focal_alpha=alpha,
            focal_gamma=gamma,
            label_smoothing=0.0,
        )
        return values(problem, alike)["classification"]

    predicted = 1 / (1 + math.exp(-logit))
    for alpha, missed in ((1.0, 1 - predicted), (0.0, predicted)):  # what is there, what is not
        assert value(alpha, gamma) == pytest.approx(missed**gamma * value(alpha, 0.0), **EXACT)


@given(one_clear_batch(ANY_OPTIONS).filter(has_classes), st.floats(0, 1, width=16))
def test_softmax_focal_is_alpha_times_the_surprise_at_the_class(case: Case, alpha: float) -> None:
    targets, channels = classes_of(case)
    problem = with_options(
        case.problem,
        classification="softmax_focal",
        focal_alpha=alpha,
        focal_gamma=0.0,
        label_smoothing=0.0,
        class_weights=None,
        class_scale=1.0,
    )
    batch = with_one_class(case)
    undecided = with_logits(batch, [np.zeros_like(classes) for classes in targets], channels)
    surprise = math.log(problem.num_classes) * batch.positives / batch.images
    got = values(problem, undecided)["classification"]
    assert got == pytest.approx(alpha * surprise, **EXACT)


@given(
    st.floats(1, 4, width=16),
    st.sampled_from((0.25, 0.5, 0.75)),
    st.sampled_from((0.5, 1.0, 2.0)),
)
def test_objectness_is_learnt_up_to_how_well_the_box_fits(
    factor: float, ratio: float, power: float
) -> None:
    options = Options(
        background="objectness",
        iou_aware_ratio=ratio,
        iou_aware_power=power,
        object_scale=1.5,
    )
    problem = Problem((((16.0, 24.0),),), 1, (32, 32), options)
    target = np.zeros((1, 1, 1, 7), np.float32)
    target[..., :] = (0.5, 0.5, 0, 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[..., WH.start] = math.log(factor)  # so many times as wide: IoU 1 / factor
    wanted = 1 - ratio + ratio * (1 / factor) ** power
    for off in (-0.5, 0.0, 0.5):
        with np.errstate(divide="ignore"):
            logit = np.log(wanted) - np.log1p(-min(wanted, 1 - 1e-7)) + off
        prediction[..., OBJECTNESS] = logit
        (slope,) = gradients(problem, Batch((target,), (prediction,)), "objectness")
        right = 1.5 * (1 / (1 + math.exp(-logit)) - wanted)
        assert slope[0, 0, 0, OBJECTNESS] == pytest.approx(right, abs=1e-5)
        assert not slope[..., :OBJECTNESS].any()  # how well it fits is no reason to move the box


@pytest.mark.parametrize("name", ["location", "classification", "anchor", "objectness"])
@given(one_clear_batch(replace(ANY_OPTIONS, scales=1)))
def test_a_cell_is_positive_where_objectness_is_above_a_half(name: str, case: Case) -> None:
    batch, problem = case.batches["X"], case.problem
    (target,) = batch.targets

    def value(objectness: float) -> float:
        other = target.copy()
        other[..., OBJECTNESS] = np.where(target[..., OBJECTNESS] > 0.5, objectness, 0)
        return values(problem, Batch((other,), batch.predictions))[name]

    assert value(0.5) == value(0.0)
    assert value(float(np.nextafter(np.float32(0.5), np.float32(1)))) == value(1.0)
