"""Losses with one deliberate fault each, and the law that must catch it.

Each is the specification's float64 loss, changed in one place. `FAULTS` names the laws that no
normalization breaks and so need a fault of their own to show that they can fail, and some that a
normalization breaks too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mgspec import Batch, Candidate, Evaluation, Options, Problem, specification
from mgspec.candidate import PLAIN_OPTIONS
from mgspec.layout import OBJECTNESS

Run = Callable[[Problem, Batch, bool], Evaluation]


@dataclass(frozen=True)
class Fault:
    """law: the one that must catch it. components: those that it must be caught in."""

    law: str
    components: tuple[str, ...]
    candidate: Callable[[], Candidate]


def changed(
    claims: str, make: Callable[[Run], Run], options: Options | None = PLAIN_OPTIONS
) -> Callable[[], Candidate]:
    def build() -> Candidate:
        right = specification(claims, options)
        return replace(right, name=make.__name__, run=make(right.run))

    return build


def with_values(evaluation: Evaluation, **values: float) -> Evaluation:
    return replace(evaluation, components={**evaluation.components, **values})


def scaled(evaluation: Evaluation, factor: float, *components: str) -> Evaluation:
    values = {c: evaluation.components[c] * factor for c in components}
    gradients = evaluation.gradients
    if gradients is not None:
        gradients = {
            c: tuple(part * factor if c in components else part for part in g)
            for c, g in gradients.items()
        }
    return replace(with_values(evaluation, **values), gradients=gradients)


def unguarded_denominator(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        with np.errstate(divide="ignore", invalid="ignore"):
            count = np.float64(batch.positives)
            return with_values(value, location=float(value.components["location"] / count))

    return run


def probabilities_instead_of_logits(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        total = 0.0
        for scale, mask in enumerate(batch.masks()):
            channels = problem.class_channels(scale)
            target = batch.targets[scale][..., channels]
            with np.errstate(all="ignore"):
                p = 1 / (1 + np.exp(-batch.predictions[scale][..., channels]))
                each = -target * np.log(p) - (1 - target) * np.log(1 - p)
                total += float((mask[..., None] * each).sum()) / batch.images
        return with_values(value, classification=total)

    return run


def infinite_gradient_where_saturated(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None:
            return value
        slopes = tuple(
            np.where(np.abs(p) > 1e3, np.inf, g)
            for p, g in zip(batch.predictions, value.gradients["location"], strict=True)
        )
        return replace(value, gradients={**value.gradients, "location": slopes})

    return run


def batches_without_objects_are_skipped(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        return value if batch.positives else scaled(value, 0.0, *value.components)

    return run


def a_constant_keeps_location_above_zero(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        return with_values(value, location=value.components["location"] + 1e-7)

    return run


def background_is_not_taught(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None or batch.positives:
            return value
        none = tuple(np.zeros_like(g) for g in value.gradients["anchor"])
        return replace(value, gradients={**value.gradients, "anchor": none})

    return run


def a_baseline_is_subtracted(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        low = value.components["classification"] - 0.1 * (batch.positives > 0)
        return with_values(value, classification=low)

    return run


def the_denominator_is_a_running_mean(right: Run) -> Run:
    mean = [1.0]

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        mean[0] = 0.9 * mean[0] + 0.1 * max(1, batch.positives)
        return scaled(right(problem, batch, gradients), 1 / mean[0], "location")

    return run


def noise_is_added(right: Run) -> Run:
    noise = np.random.default_rng(0)

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        return scaled(value, 1 + 1e-3 * noise.random(), "anchor")

    return run


def inputs_are_overwritten(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return replace(right(problem, batch, gradients), changed_inputs=True)

    return run


def later_images_weigh_more(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        last = Batch(tuple(t[-1:] for t in batch.targets), tuple(p[-1:] for p in batch.predictions))
        more = right(problem, last, False).components["anchor"]
        return with_values(value, anchor=value.components["anchor"] + 1e-2 * more)

    return run


def the_mask_is_forgotten(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        everywhere = []
        for target in batch.targets:
            full = target.copy()
            full[..., OBJECTNESS] = 1
            everywhere.append(full)
        wrong = right(problem, Batch(tuple(everywhere), batch.predictions), False)
        return with_values(value, classification=wrong.components["classification"])

    return run


def background_anchors_are_taken_as_they_stand(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        extra = 0.0
        for scale, mask in enumerate(batch.masks()):
            channels = problem.anchor_channels(scale)
            product = batch.targets[scale][..., channels] * batch.predictions[scale][..., channels]
            extra -= float((product * ~mask[..., None]).sum()) / batch.images
        return with_values(value, anchor=value.components["anchor"] + extra)

    return run


def the_mask_of_another_scale_is_used(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        total = 0.0
        for scale, mask in enumerate(batch.masks()):
            first = batch.masks()[0]
            used = first if first.shape == mask.shape else mask
            off = batch.targets[scale][..., 2:4] - batch.predictions[scale][..., 2:4].astype(float)
            total += float((used[..., None] * off**2).sum()) / batch.images
        return with_values(value, location=total)

    return run


def the_gradient_is_divided_by_the_batch_twice(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None:
            return value
        slopes = {c: tuple(g / batch.images for g in gs) for c, gs in value.gradients.items()}
        return replace(value, gradients=slopes)

    return run


def the_gradient_depends_on_the_calls_before(right: Run) -> Run:
    calls = [0]

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        calls[0] += 1
        if value.gradients is None:
            return value
        slopes = {c: tuple(g / calls[0] for g in gs) for c, gs in value.gradients.items()}
        return replace(value, gradients=slopes)

    return run


def later_images_teach_more(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None:
            return value
        more = 1 + 0.01 * np.arange(batch.images)[:, None, None, None]
        slopes = {c: tuple(g * more for g in gs) for c, gs in value.gradients.items()}
        return replace(value, gradients=slopes)

    return run


def density_weighs_twice(right: Run) -> Run:
    plain = specification("batch").run

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        weight = 1 + 2 * batch.positives / batch.cells
        return scaled(plain(problem, batch, gradients), weight, "location", "classification")

    return run


def width_and_height_count_twice(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        more = 0.0
        for scale, mask in enumerate(batch.masks()):
            off = batch.targets[scale][..., 2:4] - batch.predictions[scale][..., 2:4].astype(float)
            more += float((mask[..., None] * off**2).sum()) / batch.images
        return with_values(value, location=value.components["location"] + more)

    return run


def location_is_off_by_one_in_a_thousand(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return scaled(right(problem, batch, gradients), 1.001, "location")

    return run


def density_is_ignored(right: Run) -> Run:
    return specification("batch").run


def density_weighs_without_bound(right: Run) -> Run:
    plain = specification("batch").run

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        weight = 1 + 9 * (batch.positives / batch.cells) ** 2
        return scaled(plain(problem, batch, gradients), weight, "location", "classification")

    return run


def with_predictions(batch: Batch, change: Callable[[int, np.ndarray], None]) -> Batch:
    """The batch with its predictions changed in place by `change(scale, array)`."""
    copies = tuple(array.copy() for array in batch.predictions)
    for scale, array in enumerate(copies):
        change(scale, array)
    return Batch(batch.targets, copies)


def sizes_are_decoded_too_large(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        def larger(scale: int, array: np.ndarray) -> None:
            array[..., 2:4] += 0.1

        return right(problem, with_predictions(batch, larger), gradients)

    return run


def the_last_class_is_cut_off(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        def flawless(scale: int, array: np.ndarray) -> None:
            array[..., -1] = np.where(batch.targets[scale][..., -1] > 0.5, 50, -50)

        value = right(problem, batch, gradients)
        cut = right(problem, with_predictions(batch, flawless), False)
        return with_values(value, classification=cut.components["classification"])

    return run


def class_channels_start_too_early(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        def shifted(scale: int, array: np.ndarray) -> None:
            classes = problem.class_channels(scale)
            array[..., classes] = array[..., classes.start - 1 : classes.stop - 1].copy()

        value = right(problem, batch, gradients)
        wrong = right(problem, with_predictions(batch, shifted), False)
        return with_values(value, classification=wrong.components["classification"])

    return run


def scales_are_averaged(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        return scaled(value, 1 / problem.scales, "location", "anchor", "classification", "total")

    return run


def class_0_is_taken_for_background(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        def flawless(scale: int, array: np.ndarray) -> None:
            first = problem.class_channels(scale).start
            array[..., first] = np.where(batch.targets[scale][..., first] > 0.5, 50, -50)

        value = right(problem, batch, gradients)
        without = right(problem, with_predictions(batch, flawless), False)
        return with_values(value, classification=without.components["classification"])

    return run


def width_counts_twice(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        more = 0.0
        for scale, mask in enumerate(batch.masks()):
            off = batch.targets[scale][..., 2] - batch.predictions[scale][..., 2].astype(float)
            more += float((mask * off**2).sum()) / batch.images
        return with_values(value, location=value.components["location"] + more)

    return run


def the_first_row_is_left_out(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        targets = tuple(array.copy() for array in batch.targets)
        for array in targets:
            array[:, 0, :, OBJECTNESS] = 0
        value = right(problem, batch, gradients)
        less = right(problem, Batch(targets, batch.predictions), False)
        return with_values(value, classification=less.components["classification"])

    return run


def coord_scale_enters_twice(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        return scaled(value, problem.options.coord_scale, "location")

    return run


def object_scale_is_forgotten(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        options = replace(problem.options, object_scale=1.0)
        return right(replace(problem, options=options), batch, gradients)

    return run


def half_the_threshold_is_used(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        thresh = problem.options.ignore_thresh / 2
        options = replace(problem.options, ignore_thresh=thresh)
        return right(replace(problem, options=options), batch, gradients)

    return run


def the_gradient_of_boxes_is_stopped(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None:
            return value
        stopped = tuple(np.zeros_like(g) for g in value.gradients["location"])
        return replace(value, gradients={**value.gradients, "location": stopped})

    return run


def the_gradient_is_three_halves_of_the_derivative(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        if value.gradients is None:
            return value
        slopes = {c: tuple(1.5 * g for g in gs) for c, gs in value.gradients.items()}
        return replace(value, gradients=slopes)

    return run


def classification_is_left_out_of_the_total(right: Run) -> Run:
    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right(problem, batch, gradients)
        parts = value.components
        changed = with_values(value, total=parts["total"] - parts["classification"])
        if value.gradients is None:
            return changed
        pairs = zip(value.gradients["total"], value.gradients["classification"], strict=True)
        total = tuple(whole - part for whole, part in pairs)
        return replace(changed, gradients={**value.gradients, "total": total})

    return run


def sums_stop_growing_in_half_precision() -> Candidate:
    """Cells are counted in half precision, in one of the ways that the loss is run."""
    right = specification("batch", None)

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = right.run(problem, batch, gradients)
        rounded = {c: float(np.float16(v)) for c, v in value.components.items()}
        return replace(value, components=rounded, dtype="float32")

    return replace(right, name="sums_stop_growing_in_half_precision", modes={"float16": run})


def _fault(
    law: str,
    components: str,
    make: Callable[[Run], Run],
    claims: str = "batch",
    options: Options | None = PLAIN_OPTIONS,
) -> Fault:
    return Fault(law, tuple(components.split()), changed(claims, make, options))


OBJECT_TERMS = "location classification"

FAULTS: dict[str, Fault] = {
    fault.candidate().name: fault
    for fault in (
        _fault("finite", "location", unguarded_denominator),
        _fault("finite", "classification", probabilities_instead_of_logits),
        _fault("finite", "location", infinite_gradient_where_saturated),
        _fault("empty", "anchor total", batches_without_objects_are_skipped),
        _fault("empty", "location", a_constant_keeps_location_above_zero),
        _fault("empty", "anchor", background_is_not_taught),
        _fault("nonnegative", "classification", a_baseline_is_subtracted),
        _fault("pure", "location", the_denominator_is_a_running_mean),
        _fault("pure", "anchor", noise_is_added),
        _fault("pure", "location anchor classification total", inputs_are_overwritten),
        _fault("permutation", "anchor", later_images_weigh_more),
        _fault("masking", "classification", the_mask_is_forgotten),
        _fault("masking", "anchor", background_anchors_are_taken_as_they_stand),
        _fault("masking", "location", the_mask_of_another_scale_is_used),
        _fault("replication", OBJECT_TERMS, the_gradient_is_divided_by_the_batch_twice, "hybrid"),
        _fault("pure", OBJECT_TERMS, the_gradient_depends_on_the_calls_before),
        _fault("permutation", OBJECT_TERMS, later_images_teach_more, "hybrid"),
        _fault("density_monotone", OBJECT_TERMS, density_weighs_twice, "hybrid"),
        _fault("oracle", "location", width_and_height_count_twice),
        _fault("oracle", "location", location_is_off_by_one_in_a_thousand),
        _fault("density_monotone", OBJECT_TERMS, density_is_ignored, "hybrid"),
        _fault("density_monotone", OBJECT_TERMS, density_weighs_without_bound, "hybrid"),
        _fault("perfect", "location", sizes_are_decoded_too_large),
        _fault("participation", "classification", the_last_class_is_cut_off),
        _fault("separation", "classification", class_channels_start_too_early),
        _fault("layers", "location anchor total", scales_are_averaged),
        _fault("relabelling", "classification", class_0_is_taken_for_background),
        _fault("transposition", "location", width_counts_twice),
        _fault("translation", "classification", the_first_row_is_left_out),
        _fault("scales", "location", coord_scale_enters_twice, options=None),
        _fault("scales", "anchor objectness", object_scale_is_forgotten, options=None),
        _fault("ignoring", "anchor objectness", half_the_threshold_is_used, options=None),
        _fault("gradient", "location", the_gradient_of_boxes_is_stopped),
        _fault("gradient", OBJECT_TERMS, the_gradient_is_three_halves_of_the_derivative),
        _fault("composition", "total", classification_is_left_out_of_the_total),
        Fault("modes", ("location",), sums_stop_growing_in_half_precision),
    )
}
