"""What is searched: everything promised can be drawn, and it shrinks to something readable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings

from mgspec import LAWS, Batch, Case, Options, specification
from mgspec.drawing.batches import draw_object
from mgspec.drawing.scenery import KINDS, Content, bulk_images, imitate_neighbours
from mgspec.drawing.scenes import ANCHORS, Scene, draw_scene
from mgspec.drawing.variety import FULL, PLAIN, Variety, large_varieties
from mgspec.laws import Law, cases
from mgspec.laws.cases import CLEARANCE, imitated_objects, one_clear_batch
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.loss.float64 import Scale, best_overlaps
from mgspec.problem.changes import concatenate
from mgspec.problem.description import Description
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.layout import OBJECTNESS, AnyBatch, Problem, validate
from mgspec.problem.options import CLASSIFICATIONS, LOCATIONS

scenes, objects = st.composite(draw_scene), st.composite(draw_object)


def numbers(batch: Batch) -> np.ndarray:
    return np.concatenate([p.ravel() for p in batch.predictions])


def classes_hot(case: Case) -> int:
    x = case.batches["X"]
    return max(
        int(t[..., case.problem.class_channels(s)].sum(-1).max()) for s, t in enumerate(x.targets)
    )


REACHED: dict[str, Callable[[Case], bool]] = {
    "no objects": lambda c: c.batches["X"].positives == 0,
    "every cell positive": lambda c: c.batches["X"].positives == c.batches["X"].cells,
    "every cell of a large grid": lambda c: (
        c.batches["X"].positives >= 40 and c.batches["X"].positives == c.batches["X"].cells
    ),
    "four images": lambda c: c.batches["X"].images == 4,
    "two scales": lambda c: c.problem.scales == 2,
    "finer second scale": lambda c: len(set(c.batches["X"].grids)) == 2,
    "grid of 5 rows": lambda c: any(h == 5 for h, _ in c.batches["X"].grids),
    "wide grid": lambda c: any(w > h for h, w in c.batches["X"].grids),
    "tall grid": lambda c: any(h > w for h, w in c.batches["X"].grids),
    "three anchors": lambda c: len(c.problem.anchors[0]) == 3,
    "four classes": lambda c: c.problem.num_classes == 4,
    "an object of two classes": lambda c: classes_hot(c) == 2,
    "saturated": lambda c: bool((np.abs(numbers(c.batches["X"])) == 50).any()),
    "extreme": lambda c: bool((np.abs(numbers(c.batches["X"])) == 1e4).any()),
    "right": lambda c: (
        c.batches["X"].positives > 1
        and all(
            ((p[..., 4:] > 0) == (t[..., 4:] > 0.5)).all()
            for t, p in zip(c.batches["X"].targets, c.batches["X"].predictions, strict=True)
        )
    ),
    "ordinary": lambda c: bool(0 < np.abs(numbers(c.batches["X"])).max() <= 4),
}


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("what", REACHED)
def test_a_batch_can_be(what: str) -> None:
    quick = settings(
        max_examples=20_000,  # one in about 500 is a large grid full of objects
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    assert REACHED[what](find(cases.one_batch(FULL), REACHED[what], settings=quick))


@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("law", LAWS)
def test_every_case_of_a_law_is_a_valid_batch_exact_in_float32(law: str, variety: Variety) -> None:
    @settings(
        max_examples=max(1, settings().max_examples // 4), suppress_health_check=list(HealthCheck)
    )
    @given(LAWS[law].cases(variety))
    def check(case: Case) -> None:
        for batch in case.batches.values():
            validate(case.problem, batch)
            # Shards are of more images than the other laws reach.
            assert 1 <= batch.images <= (12 if law == "sharding" else 4)
            longest = 16 if law == "modes" else 5
            assert all(1 <= side <= longest for grid in batch.grids for side in grid)
            for array in (*batch.targets, *batch.predictions):
                assert array.dtype == np.float32
                assert np.abs(array).max() <= 1e4

    check()


@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
def test_two_scales_are_searched_as_often_as_one_and_in_every_step(variety: Variety) -> None:
    drawn = []

    @settings(
        max_examples=9,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases.one_batch(variety))
    def count(case: Case) -> None:
        heights = [height for height, _ in case.batches["X"].grids]
        drawn.append((case.problem.scales, heights[-1] // heights[0]))

    for number in range(60):  # in short runs, as a search draws
        seed(number)(count)()
    of_two = [step for scales, step in drawn if scales == 2]
    assert 0.4 < len(of_two) / len(drawn) < 0.6
    assert all(0.2 < of_two.count(step) / len(of_two) < 0.5 for step in (1, 2, 3))


# Nothing is explained, which takes twenty times as long as the rest.
SMALLEST = settings(database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
FIRST = settings(database=None, max_examples=1_000, phases=[Phase.generate])  # need not be small


def minimal(strategy: st.SearchStrategy, condition: Callable) -> Case:
    return find(strategy, condition, settings=SMALLEST)


@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
def test_the_simplest_batch_is_one_empty_cell_predicted_zero(variety: Variety) -> None:
    simplest = minimal(cases.one_batch(variety), lambda case: True)
    x = simplest.batches["X"]
    assert (x.images, x.grids, x.positives) == (1, ((1, 1),), 0)
    assert not numbers(x).any()


def arrays_of(batch: AnyBatch) -> list[np.ndarray]:
    if isinstance(batch, Batch):
        return [*batch.targets, *batch.predictions]
    return [image[name] for image in batch.arrays for name in sorted(image)]


def speaks_of(law: Law, description: Description) -> bool:
    described = replace(specification(options=None), description=description)
    return all(need.why_not(described) is None for need in law.needs)


SIMPLEST_OF = [
    *[(law, None, few_shapes) for law in LAWS for few_shapes in (False, True)],
    *[
        (name, description, False)
        for name, law in LAWS.items()
        for description in BUILT_IN.values()
        if speaks_of(law, description)
    ],
]


@pytest.mark.parametrize(
    ("law", "description", "few_shapes"),
    SIMPLEST_OF,
    ids=[f"{law}-{d.name if d else 'layout'}-{few}" for law, d, few in SIMPLEST_OF],
)
def test_the_simplest_case_of_a_law_is_the_same_in_all_varieties(
    law: str, description: Description | None, few_shapes: bool
) -> None:
    def first(variety: Variety) -> Case:
        options = None if description is None else variety.options
        drawn = replace(variety, options=options, description=description, few_shapes=few_shapes)
        seen = []

        @settings(max_examples=1, database=None, phases=[Phase.generate])
        @given(LAWS[law].cases(drawn))
        def draw(case: Case) -> None:
            seen.append(case)

        draw()
        return seen[0]

    plain = first(PLAIN)
    for variety in (FULL, *large_varieties(description).values()):
        case = first(variety)
        assert (plain.problem, plain.choices) == (case.problem, case.choices)
        for name, batch in plain.batches.items():
            for one, other in zip(arrays_of(batch), arrays_of(case.batches[name]), strict=True):
                np.testing.assert_array_equal(one, other)


SEEDS = [0, *(pytest.param(number, marks=pytest.mark.nightly) for number in (1, 2))]

# What a shape or an option is asked to be -> the simplest problem and grids that are it.
SHRUNK: dict[str, tuple[Callable[[Scene], bool], tuple[object, ...]]] = {
    "taller than wide": (lambda s: all(h > w for h, w in s.grids), (((2, 1),), 1, 1)),
    "four columns": (lambda s: s.grids[0][1] >= 4, (((1, 4),), 1, 1)),
    "square and not of one cell": (lambda s: s.grids[0][0] == s.grids[0][1] > 1, (((2, 2),), 1, 1)),
    "three anchors": (lambda s: len(s.problem.anchors[0]) == 3, (((1, 1),), 3, 1)),
    "two anchors and two classes": (
        lambda s: len(s.problem.anchors[0]) > 1 and s.problem.num_classes > 1,
        (((1, 1),), 2, 2),
    ),
    "twice as fine": (
        lambda s: len(s.grids) == 2 and s.grids[1][0] == 2 * s.grids[0][0],
        (((1, 1), (2, 2)), 1, 1),
    ),
}


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("what", SHRUNK)
def test_a_shape_shrinks_to_the_simplest(what: str, variety: Variety, number: int) -> None:
    condition, simplest = SHRUNK[what]
    scene = find(scenes(variety), condition, settings=SMALLEST, random=Random(number))
    assert (scene.grids, len(scene.problem.anchors[0]), scene.problem.num_classes) == simplest


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("variety", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize(
    ("option", "value"),
    [("location", "diou"), ("background", "objectness"), ("classification", "focal")],
)
def test_one_option_shrinks_without_the_others(
    option: str, value: str, variety: Variety, number: int
) -> None:
    problems = scenes(replace(variety, options=None)).map(lambda scene: scene.problem.options)
    shrunk = find(
        problems,
        lambda options: getattr(options, option) == value,
        settings=SMALLEST,
        random=Random(number),
    )
    others = {"location": "mse", "background": "anchor", "classification": "bce"}
    assert {name: getattr(shrunk, name) for name in others} == others | {option: value}


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    scenes(replace(FULL, options=None)),
    st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_images_made_in_one_go_are_those_made_one_by_one(
    scene: Scene, numbers: list[int], empty: bool, imitate: bool
) -> None:
    def made(images: list[int]) -> Batch:
        return bulk_images(
            scene.problem,
            scene.grids,
            images,
            FULL.objects,
            Content(KINDS, empty, imitate),
        )

    together, apart = made(numbers), concatenate([made([number]) for number in numbers])
    for one, other in zip(
        (*together.targets, *together.predictions),
        (*apart.targets, *apart.predictions),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_the_simplest_object_is_centred_and_as_large_as_its_anchor() -> None:
    simplest = minimal(cases.one_batch(PLAIN), lambda case: case.batches["X"].positives > 0)
    assert simplest.batches["X"].targets[0].ravel().tolist() == [0.5, 0.5, 0, 0, 1, 1, 1]
    assert not numbers(simplest.batches["X"]).any()


def test_a_wrong_prediction_shrinks_to_one_whole_number() -> None:
    def wrong(case: Case) -> bool:
        x = case.batches["X"]
        return bool((x.targets[0][..., 4] * np.abs(x.predictions[0][..., 2])).sum() > 0.5)

    simplest = minimal(cases.one_batch(PLAIN), wrong)
    assert simplest.batches["X"].predictions[0].ravel().tolist() == [0, 0, 1, 0, 0, 0, 0]


@given(cases.one_empty_batch(FULL))
def test_an_empty_batch_holds_no_object(case: Case) -> None:
    assert case.batches["X"].positives == 0


@given(cases.reordered(FULL))
def test_an_order_is_never_the_identity(case: Case) -> None:
    order = case.choices["order"]
    assert isinstance(order, tuple)
    assert sorted(order) == list(range(case.batches["X"].images))
    assert list(order) != sorted(order)


@given(cases.equal_objects(FULL))
def test_equal_objects_are_copies_in_batches_of_one_size(case: Case) -> None:
    x, y = case.batches["X"], case.batches["Y"]
    assert x.images == y.images
    for scale, (sparse, dense) in enumerate(zip(x.masks(), y.masks(), strict=True)):
        assert (sparse.sum((1, 2)) == 1).all()
        assert (dense.sum((1, 2)) >= 1).all()
        copies = [
            np.concatenate([b.targets[scale][m], b.predictions[scale][m]], axis=-1)
            for b, m in ((x, sparse), (y, dense))
        ]
        assert len(np.unique(np.concatenate(copies), axis=0)) == 1


@given(cases.background_predicted_otherwise(FULL))
def test_only_predictions_of_the_background_are_others(case: Case) -> None:
    x, y = case.batches["X"], case.batches["Y"]
    for scale, mask in enumerate(x.masks()):
        assert np.array_equal(x.targets[scale], y.targets[scale])
        assert np.array_equal(x.predictions[scale][mask], y.predictions[scale][mask])


@given(cases.background_targets_rewritten(FULL))
def test_only_targets_of_the_background_are_rewritten(case: Case) -> None:
    x, y = case.batches["X"], case.batches["Y"]
    for scale, mask in enumerate(x.masks()):
        assert np.array_equal(x.targets[scale][..., OBJECTNESS], y.targets[scale][..., OBJECTNESS])
        assert np.array_equal(x.targets[scale][mask], y.targets[scale][mask])
        assert np.array_equal(x.predictions[scale], y.predictions[scale])


@given(st.data())
def test_an_object_is_one_anchor_and_at_least_one_class(data: st.DataObject) -> None:
    scene = data.draw(scenes(FULL))
    for scale in range(scene.problem.scales):
        target = data.draw(objects(FULL, scene.problem, scale)).target
        assert target[scene.problem.anchor_channels(scale)].sum() == 1
        assert 1 <= target[scene.problem.class_channels(scale)].sum() <= 2
        assert (target[:2] > -1).all()
        assert (target[:2] < 2).all()


def test_all_options_are_drawn() -> None:
    def is_drawn(condition: Callable[[Options], bool]) -> bool:
        options = scenes(replace(FULL, options=None)).map(lambda scene: scene.problem.options)
        return condition(find(options, condition, settings=FIRST))

    for location in LOCATIONS:
        assert is_drawn(lambda options, wanted=location: options.location == wanted)
    for kind in CLASSIFICATIONS:
        assert is_drawn(lambda options, wanted=kind: options.classification == wanted)
    assert is_drawn(lambda options: options.iou_aware_ratio > 0)
    assert is_drawn(lambda options: options.class_weights is not None)


@pytest.mark.parametrize("variety", [PLAIN, FULL])
def test_there_are_ignored_cells_beside_objects(variety: Variety) -> None:
    def ignores(case: Case) -> bool:
        problem, batch = case.problem, case.batches["X"]
        scale = Scale.of(problem, batch, 0)
        background = best_overlaps(scale) * (scale.mask == 0)
        return bool((background > problem.options.ignore_thresh).any())

    find(imitated_objects(replace(variety, options=None)), ignores, settings=FIRST)


@given(
    scenes(replace(FULL, options=None)).filter(lambda s: s.problem.options.ignore_thresh < 1),
    st.lists(st.integers(1, 2**16), min_size=1, max_size=3),
    st.sampled_from((1, 3)),
)
def test_cells_that_imitate_are_background_and_nearly_predict_an_object(
    scene: Scene, seeds: list[int], objects: int
) -> None:
    # Seeds that are even imitate nobody unasked: the kind is the first, and there is no crowd.
    images = [8 * number * (objects + 1) + objects for number in seeds]
    asked, unasked = (
        bulk_images(
            scene.problem,
            scene.grids,
            images,
            objects,
            Content(("ordinary",), imitate=imitate),
        )
        for imitate in (True, False)
    )
    for scale, (one, other) in enumerate(zip(asked.predictions, unasked.predictions, strict=True)):
        changed = (one != other).any(-1)
        overlaps = best_overlaps(Scale.of(scene.problem, asked, scale))
        assert not (changed & asked.masks()[scale]).any()
        assert (overlaps[changed] > 0.75).all()
        assert np.array_equal(one[..., 4:], other[..., 4:])


def test_every_cell_around_an_object_imitates_it_for_some_seed() -> None:
    problem = Problem(ANCHORS[:1], 1, (96, 96), replace(PLAIN_OPTIONS, ignore_thresh=0.5))
    target = np.zeros((1, 3, 3, problem.channels(0)), np.float32)
    target[0, 1, 1] = [0.5, 0.5, 0, 0, 1, 1, 0, 0, 1]
    imitated = np.zeros((3, 3), int)
    for number in range(1, 41):
        numbers = imitate_neighbours(
            problem, 0, target, np.zeros_like(target), np.array([number], np.uint64)
        )
        imitated += numbers[0].any(-1)
    around = np.ones((3, 3), bool)
    around[1, 1] = False
    assert imitated[1, 1] == 0
    assert (imitated[around] > 10).all()
    assert (imitated[around] < 30).all()


def test_a_threshold_is_kept_clear_of_every_overlap() -> None:
    @settings(max_examples=30)
    @given(one_clear_batch(replace(FULL, options=None)))
    def check(case: Case) -> None:
        problem, batch = case.problem, case.batches["X"]
        thresh = problem.options.ignore_thresh
        for number in range(problem.scales if thresh < 1 else 0):
            overlaps = best_overlaps(Scale.of(problem, batch, number))
            assert (np.abs(overlaps - thresh) >= CLEARANCE).all()

    check()


@given(cases.moved(FULL))
def test_the_boxes_of_a_loss_with_options_of_its_own_stay_in_their_cells(case: Case) -> None:
    x, problem = case.batches["X"], case.problem
    for scale, mask in enumerate(x.masks()):
        stride = np.array(problem.stride(x.grids[scale]))
        largest = np.max(problem.anchors[scale], 0)
        for array in (x.targets[scale][mask], x.predictions[scale]):
            half = np.exp(array[..., 2:4]) * largest / stride / 2
            assert (array[..., :2] - half >= 0).all()
            assert (array[..., :2] + half <= 1).all()
