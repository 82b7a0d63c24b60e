"""Scale factors and other options that enter twice, in the wrong place, or not at all."""

from __future__ import annotations

from dataclasses import replace

from mgspec import Options
from tests.meta.faults.planting import (
    planted,
    scaled,
    taken,
    with_slopes,
    with_targets,
    with_values,
)

SMOOTH = Options(label_smoothing=0.25, ignore_thresh=1)
FOCAL = Options(classification="focal", focal_gamma=1.0, focal_alpha=0.75, ignore_thresh=1)


def _with(problem, **options):
    return replace(problem, options=replace(problem.options, **options))


@planted("scales", "location", options=None, alone=True)
def coord_scale_enters_twice(right, problem, batch):
    return scaled(right(problem, batch), problem.options.coord_scale, "location")


@planted("scales", "classification total", options=None)
def class_scale_is_forgotten(right, problem, batch):
    return right(_with(problem, class_scale=1.0), batch)


@planted("scales", "location anchor objectness", options=None)
def class_scale_multiplies_the_total(right, problem, batch):
    return scaled(
        right(_with(problem, class_scale=1.0), batch),
        problem.options.class_scale,
        "location anchor classification objectness",
    )


@planted("scales", "anchor objectness", options=None)
def object_scale_is_forgotten(right, problem, batch):
    return right(_with(problem, object_scale=1.0), batch)


@planted("scales", "anchor objectness", options=None)
def no_object_scale_weighs_objects_too(right, problem, batch):
    options = problem.options
    weight = options.object_scale * options.no_object_scale
    return right(_with(problem, object_scale=weight), batch)


@planted("ignoring", "anchor objectness", options=None)
def half_the_threshold_is_used(right, problem, batch):
    return right(_with(problem, ignore_thresh=problem.options.ignore_thresh / 2), batch)


@planted("ignoring", "anchor objectness", options=None, alone=True)
def the_root_of_the_overlap_is_compared(right, problem, batch):
    return right(_with(problem, ignore_thresh=problem.options.ignore_thresh**2), batch)


@planted("ignoring", "anchor objectness", options=None)
def boxes_of_the_first_anchor_alone_are_ignored(right, problem, batch):
    first = tuple((scale[0],) * len(scale) for scale in problem.anchors)
    wrong = right(replace(problem, anchors=first), batch)
    background = "objectness" if problem.options.background == "objectness" else "anchor"
    return taken(right(problem, batch), wrong, background)


@planted("oracle", "classification", options=FOCAL)
def the_focusing_power_is_always_two(right, problem, batch):
    return right(_with(problem, focal_gamma=2.0), batch)


@planted("oracle", "classification", options=FOCAL)
def alpha_weighs_what_is_absent(right, problem, batch):
    return right(_with(problem, focal_alpha=1 - problem.options.focal_alpha), batch)


@planted("oracle", "location", alone=True)
def location_is_off_by_one_in_a_thousand(right, problem, batch):
    return scaled(right(problem, batch), 1.001, "location")


@planted("composition", "total", own_total=True, alone=True)
def the_total_counts_the_anchor_term_twice(right, problem, batch):
    value = right(problem, batch)
    anchor = value.gradients["anchor"]
    twice = with_slopes(value, lambda s, g: g + anchor[s], "total")
    return with_values(twice, total=value.components["total"] + value.components["anchor"])


@planted("nonnegative", "classification", claims="positives", options=SMOOTH, alone=True)
def smoothing_sharpens_the_targets(right, problem, batch):
    s = problem.options.label_smoothing

    # What smoothing turns into t (1 + s) - s / 2 where it should be t (1 - s) + s / 2.
    def beyond(scale, target):
        classes = problem.class_channels(scale)
        target[..., classes] = (target[..., classes] * (1 + s) - s) / (1 - s)

    return taken(
        right(problem, batch), right(problem, with_targets(batch, beyond)), "classification"
    )
