"""How the loss grows beside the normalizations: probes, values and gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.reports.page.curves import Measurement, measured
from mgloss.gate.reports.page.probes import COUNTS, families
from mgspec import (
    NORMALIZATIONS,
    Batch,
    Candidate,
    Evaluation,
    LossError,
    Options,
    Problem,
    specification,
)
from mgspec.loss.candidate import FatalLossError
from mgspec.problem.layout import validate
from tests.gate.conftest import LOSSES
from tests.gate.reports.test_markdown import HOSTILE_LOSS
from tests.golden.normalizations import GOLDEN


def of(candidate: Candidate) -> tuple[Measurement, Measurement]:
    by_size, by_density = measured(candidate)
    return by_size, by_density


def test_the_probes_differ_in_the_number_that_they_count_and_in_nothing_else() -> None:
    by_size, by_density = families(Options())
    for family in (by_size, by_density):
        for batch in family.batches:
            validate(family.problem, batch)
    assert [batch.images for batch in by_size.batches] == list(COUNTS)
    assert [batch.positives for batch in by_size.batches] == list(COUNTS)
    assert {batch.images for batch in by_density.batches} == {1}
    assert [batch.positives for batch in by_density.batches] == list(COUNTS)
    assert {batch.grids for batch in (*by_size.batches, *by_density.batches)} == {((4, 4),)}
    for batch in (*by_size.batches, *by_density.batches):
        (target,), (prediction,), (mask,) = batch.targets, batch.predictions, batch.masks()
        assert len(np.unique(target[mask], axis=0)) == 1
        assert len(np.unique(prediction[mask], axis=0)) == 1
        assert not prediction[~mask].any()


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalization_is_recognized_among_the_others(name: str) -> None:
    for measurement, growth in zip(of(specification(name)), GOLDEN[name].growth, strict=True):
        assert measurement.component == "location"
        assert measurement.candidate.values[0] == 1
        assert measurement.candidate.values[-1] == pytest.approx(growth)
        assert name in measurement.like
        assert measurement.gaps == {}
        shown = [shown for curve in measurement.normalizations for shown in curve.names]
        assert sorted(shown) == sorted(NORMALIZATIONS)


def test_a_users_loss_is_placed_by_what_it_divides_by() -> None:
    by_size, by_density = of(load(LossRequest(f"{LOSSES}:by_cells", "grid")).candidate)
    assert {"grid", "batch"} <= set(by_size.like)
    assert {"grid", "batch", "sum"} <= set(by_density.like)
    assert not {"positives", "hybrid"} & set(by_density.like)


def test_a_scalar_is_compared_with_the_totals() -> None:
    for measurement in of(load(LossRequest(f"{LOSSES}:plain", "batch")).candidate):
        assert measurement.component == "total"
        assert None not in measurement.candidate.values


def test_options_of_a_loss_are_kept_to() -> None:
    options = Options(ignore_thresh=1, class_weights=(1.0, 2.0, 3.0), location="ciou")
    for measurement in of(specification("batch", options)):
        assert measurement.family.problem.num_classes == 3
        assert "batch" in measurement.like


def test_where_a_loss_raises_there_is_a_gap_with_its_reason() -> None:
    loss = load(LossRequest(f"{HOSTILE_LOSS}:raises_from_four_images_on", "batch")).candidate
    by_size, by_density = of(loss)
    assert by_size.candidate.values == (1, 1, None, None, None)
    assert list(by_size.gaps) == [4, 8, 16]
    assert by_size.gaps[4] == "the loss raised MemoryError: too many images"
    assert by_size.like == ()
    assert by_density.candidate.values == (1, 2, 4, 8, 16)


def refusing(wrong: type[LossError]) -> tuple[Candidate, list[int]]:
    """The specification's loss, which refuses a single image; and the sizes it was asked."""
    right, asked = specification("batch"), []

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        asked.append(batch.images)
        if batch.images == 1:
            raise wrong("a single image")
        return right.run(problem, batch, gradients)

    return replace(right, run=run), asked


def test_a_loss_that_refuses_the_first_batch_is_compared_from_the_next() -> None:
    by_size, by_density = of(refusing(LossError)[0])
    assert by_size.candidate.values == (None, 1, 1, 1, 1)
    assert by_size.gaps == {1: "a single image"}
    assert "batch" in by_size.like
    assert "sum" not in by_size.like
    assert by_density.candidate.values == (None,) * 5
    assert by_density.like == ()


def test_a_loss_that_hangs_is_not_asked_for_every_batch() -> None:
    loss, asked = refusing(FatalLossError)
    _, by_density = of(loss)
    assert asked == [1, 2, 4, 8, 16, 1, 1]
    assert by_density.gaps[16] == "given up, for a single image"


def test_a_loss_of_zero_is_compared_with_nothing_and_that_is_said() -> None:
    for measurement in of(
        load(LossRequest(f"{HOSTILE_LOSS}:nothing_to_compare_to", "batch")).candidate
    ):
        assert measurement.component == "anchor"
        assert measurement.candidate.values == (None,) * 5
        assert measurement.gaps == {1: "it is 0 there, to which nothing can be compared"}
        assert measurement.like == ()
