"""Several batches in one go: each has the values and gradients that it has alone.

To rounding: the last bit of an exponential may depend on where in an array its argument stands.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from mgloss.gate.losses.reference import reference
from mgloss.reference.loss import components, components_of_batches
from mgspec import NORMALIZATIONS, Batch, Evaluation, Problem
from mgspec.drawing.batches import draw_exactly
from mgspec.drawing.scenes import draw_scene
from mgspec.drawing.variety import FULL, PLAIN
from mgspec.laws.cases import clear
from mgspec.laws.comparison import Rounding, worst_element
from mgspec.loss.candidate import with_normalization
from mgspec.problem.changes import concatenate
from mgspec.problem.layout import OBJECTNESS
from mgspec.problem.options import TERMS

EAGERLY = max(1, settings().max_examples // 5)


@st.composite
def batches_of_one_shape(draw: st.DrawFn) -> tuple[Problem, list[Batch]]:
    variety = replace(draw(st.sampled_from((PLAIN, FULL))), options=None)
    scene = draw_scene(draw, variety)
    images, count = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    batches = [draw_exactly(draw, variety, scene, images) for _ in range(count)]
    return clear(scene.problem, concatenate(batches)), batches


def as_arguments(problem: Problem, batch: Batch) -> tuple:
    return (
        [tf.constant(target) for target in batch.targets],
        [tf.constant(prediction) for prediction in batch.predictions],
        [tf.constant(of_scale, tf.float32) for of_scale in problem.anchors],
        tf.constant(problem.input_shape, tf.float32),
        problem.options,
    )


@given(batches_of_one_shape(), st.sampled_from(tuple(NORMALIZATIONS)))
def test_the_reference_says_of_each_batch_what_it_says_of_it_alone(drawn, claims: str) -> None:
    problem, batches = drawn
    run = reference(claims).run

    together = run.values(problem, batches)

    for batch, value in zip(batches, together, strict=True):
        alone = run(problem, batch, False)
        assert (value.gradients, value.dtype) == (None, alone.dtype)
        assert set(value.components) == set(alone.components)
        rounding = Rounding.of(problem, [batch], alone)
        for name, wanted in alone.components.items():
            tolerance = float(rounding.tolerance(abs(wanted)))
            assert value.components[name] == pytest.approx(wanted, abs=tolerance)


@settings(max_examples=EAGERLY)
@given(batches_of_one_shape(), st.sampled_from(tuple(NORMALIZATIONS)))
def test_each_batch_has_its_own_gradient_as_steep_as_it_is_asked_for(drawn, claims: str) -> None:
    problem, batches = drawn
    problem = replace(problem, options=with_normalization(problem.options, claims))

    def slopes(batch: Batch, times: list[float]) -> list[np.ndarray]:
        arguments = as_arguments(problem, batch)
        with tf.GradientTape() as tape:
            tape.watch(arguments[1])
            values = components_of_batches(*arguments, len(times))["total"]
        assert values.shape == (len(times),)
        found = tape.gradient(values, arguments[1], tf.constant(times))
        return [slope.numpy() for slope in found]

    whole = concatenate(batches)
    times = [2.0**-number for number in range(1, len(batches) + 1)]
    together = slopes(whole, times)
    apart = [
        [factor * slope for slope in slopes(batch, [1.0])]
        for batch, factor in zip(batches, times, strict=True)
    ]
    wanted = [np.concatenate(of_scale) for of_scale in zip(*apart, strict=True)]
    rounding = Rounding.of(problem, [whole], Evaluation({}))
    for comparison in worst_element(problem, "total", "L", together, wanted, rounding):
        assert comparison.holds, str(comparison)


@settings(max_examples=EAGERLY)
@given(batches_of_one_shape(), st.data())
def test_a_broken_batch_breaks_no_other(drawn, data: st.DataObject) -> None:
    problem, batches = drawn
    broken = data.draw(st.integers(0, len(batches) - 1))
    whole = concatenate(batches)
    targets = [array.copy() for array in whole.targets]
    predictions = [array.copy() for array in whole.predictions]
    array = data.draw(st.sampled_from([*targets, *predictions]))
    images = batches[0].images
    image = broken * images + data.draw(st.integers(0, images - 1))
    array[image, 0, 0, OBJECTNESS:] = data.draw(st.sampled_from((np.nan, np.inf, -np.inf)))
    spoilt = Batch(tuple(targets), tuple(predictions))

    values = components_of_batches(*as_arguments(problem, spoilt), len(batches))

    for number, batch in enumerate(batches):
        alone = components(*as_arguments(problem, batch))
        rounding = Rounding.of(problem, [batch], Evaluation({}))
        for name in (*TERMS, "total"):
            wanted = np.nan if number == broken else float(alone[name])
            tolerance = float(rounding.tolerance(abs(wanted)))
            got = float(values[name][number])
            assert got == pytest.approx(wanted, abs=tolerance, nan_ok=True)
