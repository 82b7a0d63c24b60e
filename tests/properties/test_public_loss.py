"""The loss as its users call it, with plain options: it is the one that the laws judge.

The laws are searched on a trace to which options are tensors. What only plain options reach is
tied to it here.
"""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from mgloss import MultiGridLoss
from mgloss.gate.losses.reference import reference
from mgloss.reference.loss import components
from mgspec import NORMALIZATIONS, Case, Options
from mgspec.drawing.variety import FULL
from mgspec.laws.cases import one_batch, one_clear_batch
from mgspec.laws.comparison import Rounding, worst_element
from mgspec.problem.layout import OBJECTNESS
from mgspec.problem.options import TERMS

ANY_OPTIONS = replace(FULL, options=None)
# Without a trace an example takes a tenth of a second.
eagerly = settings(max_examples=max(1, settings().max_examples // 5))


def public(case: Case, **changes) -> MultiGridLoss:
    problem = case.problem
    options = replace(problem.options, **changes)
    return MultiGridLoss(problem.anchors, problem.num_classes, problem.input_shape, options)


@eagerly
@given(one_clear_batch(ANY_OPTIONS), st.booleans())
def test_the_public_loss_is_the_one_that_is_judged(case: Case, unaware: bool) -> None:
    if unaware:  # of the box: the objectness target has a shortcut then
        chosen = replace(case.problem.options, background="objectness", iou_aware_ratio=0.0)
        case = replace(case, problem=replace(case.problem, options=chosen))
    batch, problem = case.batches["X"], case.problem
    judged = reference("batch").run(problem, batch, True)
    predictions = [tf.constant(array) for array in batch.predictions]

    with tf.GradientTape() as tape:
        tape.watch(predictions)
        mine = public(case).components(batch.targets, predictions)

    rounding = Rounding.of(problem, [batch], judged)
    for name, value in mine.items():
        wanted = judged.components[name]
        assert float(value) == pytest.approx(wanted, abs=float(rounding.tolerance(abs(wanted))))
    gradients = [g.numpy() for g in tape.gradient(mine["total"], predictions)]
    wanted = judged.gradients["total"]
    for comparison in worst_element(problem, "total", "L", gradients, wanted, rounding):
        assert comparison.holds, str(comparison)


@eagerly
@given(one_clear_batch(ANY_OPTIONS))
def test_half_of_the_loss_has_half_of_its_gradient(case: Case) -> None:
    batch, loss = case.batches["X"], public(case)
    predictions = [tf.constant(array) for array in batch.predictions]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        whole = loss(batch.targets, predictions)
        half = 0.5 * whole
    for of_half, of_whole in zip(
        tape.gradient(half, predictions), tape.gradient(whole, predictions), strict=True
    ):
        np.testing.assert_allclose(of_half, 0.5 * of_whole, rtol=1e-5, atol=1e-30)


@eagerly
@given(one_clear_batch(ANY_OPTIONS), st.data())
def test_each_term_may_have_a_normalization_of_its_own(case: Case, data: st.DataObject) -> None:
    names = {term: data.draw(st.sampled_from(tuple(NORMALIZATIONS)), term) for term in TERMS}
    batch = case.batches["X"]

    def values(chosen) -> dict:
        used = {chosen} if isinstance(chosen, str) else set(chosen.values())
        needs = any(NORMALIZATIONS[name].needs_expected for name in used)
        loss = public(case, loss_normalization=chosen, expected=9.0 if needs else None)
        return loss.components(batch.targets, batch.predictions)

    mixed = values(names)
    for term, name in names.items():
        assert float(mixed[term]) == pytest.approx(float(values(name)[term]), rel=1e-6)


@eagerly
@given(one_batch(ANY_OPTIONS), st.data())
def test_a_number_that_is_not_finite_makes_every_component_nan(
    case: Case, data: st.DataObject
) -> None:
    problem, batch = case.problem, case.batches["X"]
    targets = [array.copy() for array in batch.targets]
    predictions = [array.copy() for array in batch.predictions]
    in_targets = data.draw(st.booleans())
    array = data.draw(st.sampled_from(targets if in_targets else predictions))
    image, row, column, channel = (data.draw(st.integers(0, size - 1)) for size in array.shape)
    if in_targets and batch.positives:  # an object's box that is not finite may raise instead
        channel = max(channel, OBJECTNESS)
    array[image, row, column, channel] = data.draw(st.sampled_from((np.nan, np.inf, -np.inf)))

    values = components(
        [tf.constant(t) for t in targets],
        [tf.constant(p) for p in predictions],
        [tf.constant(scale, tf.float32) for scale in problem.anchors],
        tf.constant(problem.input_shape, tf.float32),
        problem.options,
    )

    assert set(values) == {*TERMS, "total"}
    assert all(np.isnan(value.numpy()) for value in values.values())


@eagerly
@given(one_batch(ANY_OPTIONS), st.sampled_from((1.0, -1.0)))
def test_the_largest_numbers_where_no_term_reads_change_nothing(case: Case, sign: float) -> None:
    batch = case.batches["X"]
    loud = [array.copy() for array in batch.predictions]
    for scale, (array, mask) in enumerate(zip(loud, batch.masks(), strict=True)):
        unread = array[..., case.problem.class_channels(scale)]
        unread[~mask] = sign * np.finfo(np.float32).max

    loss = public(case)
    got = loss.components(batch.targets, loud)
    wanted = loss.components(batch.targets, batch.predictions)
    for name, value in got.items():
        assert float(value) == float(wanted[name])


@given(one_batch(ANY_OPTIONS))
def test_plain_data_makes_the_same_loss(case: Case) -> None:
    loss = public(case)
    document = json.loads(json.dumps(loss.to_dict()))
    assert MultiGridLoss.from_dict(document) == loss
    problem = case.problem
    assert loss.anchors == problem.anchors
    assert loss.num_classes == problem.num_classes
    assert loss.input_shape == problem.input_shape
    assert loss.options == problem.options
    keywords = {key: document[key] for key in Options.from_dict({}).to_dict()}
    assert MultiGridLoss(loss.anchors, loss.num_classes, loss.input_shape, **keywords) == loss
    with pytest.raises(FrozenInstanceError):
        loss.problem = None


WHOLE = st.integers(1, 1000)
NOT_WHOLE = st.one_of(
    st.booleans(),
    st.floats(1, 1000).filter(lambda number: not number.is_integer()),
    st.sampled_from((float("nan"), float("inf"), None, "three", (1, 2), 0, -3)),
)
GOOD = {"anchors": [[(48.0, 32.0)]], "num_classes": 3, "input_shape": (64, 96)}


@given(WHOLE, st.sampled_from((int, float, np.int64, np.float32)))
def test_sizes_are_whole_numbers_of_any_type(size: int, kind: type) -> None:
    loss = MultiGridLoss(**{**GOOD, "num_classes": kind(size), "input_shape": (kind(size), 64)})
    assert loss.problem.num_classes == size
    assert loss.problem.input_shape == (size, 64)


@given(NOT_WHOLE)
def test_other_sizes_are_refused_by_name(size: object) -> None:
    with pytest.raises(ValueError, match="num_classes: expected a whole number"):
        MultiGridLoss(**{**GOOD, "num_classes": size})
    with pytest.raises(
        ValueError, match=r"input_shape: expected \(height, width\) in whole pixels"
    ):
        MultiGridLoss(**{**GOOD, "input_shape": (64, size)})


@pytest.mark.parametrize("value", [None, 64, (64,), (64, 96, 3)])
def test_an_input_shape_of_other_than_two_numbers_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"input_shape: expected \(height, width\)"):
        MultiGridLoss(**{**GOOD, "input_shape": value})


@pytest.mark.parametrize("value", [None, 3, [3], [[3]], [[(48,)]], [[("a", "b")]], [[(1, None)]]])
def test_anchors_that_are_no_lists_of_pairs_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="anchors: expected one list of"):
        MultiGridLoss(**{**GOOD, "anchors": value})


@pytest.mark.parametrize("name", GOOD)
def test_plain_data_without_a_needed_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} among"):
        MultiGridLoss.from_dict({key: value for key, value in GOOD.items() if key != name})


def test_options_are_given_in_one_way_only() -> None:
    with pytest.raises(ValueError, match="expected an Options or keywords, got both: location"):
        MultiGridLoss(**GOOD, options=Options(), location="ciou")
    with pytest.raises(ValueError, match="expected an Options, got dict"):
        MultiGridLoss(**GOOD, options={"location": "ciou"})
