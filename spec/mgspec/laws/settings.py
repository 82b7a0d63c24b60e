"""The laws of the options: each scale factor once, and what the ignore region is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mgspec.laws import cases
from mgspec.laws.comparison import ABOVE, AT_LEAST, EQUAL, Comparison, Rounding, channel_name
from mgspec.laws.law import Trial, law
from mgspec.laws.needs import LAYOUT, OPTIONS
from mgspec.loss.candidate import Evaluation
from mgspec.loss.float64 import Scale, best_overlaps
from mgspec.problem.layout import OBJECTNESS, Problem
from mgspec.problem.normalizations import normalization

# The term of each factor, and the number that the law multiplies it by; no two are the same.
FACTORS = {
    "coord_scale": ("location", 2.0),
    "anchor_scale": ("anchor", 4.0),
    "class_scale": ("classification", 8.0),
}


def _changed(problem: Problem, **changes: float) -> Problem:
    return replace(problem, options=replace(problem.options, **changes))  # type: ignore[arg-type]


def _with(trial: Trial, **changes: float) -> Evaluation:
    return trial.evaluate(trial.batch("X"), problem=_changed(trial.problem, **changes))


@law(cases.one_batch, needs=(LAYOUT, OPTIONS), on_request=True)
def scales(trial: Trial) -> Iterator[Comparison]:
    """Each scale factor enters once.

    Formula: with coord_scale, anchor_scale and class_scale multiplied by 2, 4 and 8, each one's own
    term is multiplied by as much, the total rises by what they do, and nothing else changes.
    object_scale and no_object_scale weigh the cells of the term that teaches the background, both
    doubled doubles it (or leaves it, where the normalization divides by that weight), and without
    such a division its value is the sum of their parts.

    Why it matters: a factor that enters twice acts as its square: 5 becomes 25, and tuning it is
    guesswork.

    Broken by: a factor applied to the cells and again to the sum; one applied to the total; one
    forgotten.
    """
    problem = trial.problem
    options = problem.options
    before = _with(trial)
    factors = {name: by * getattr(options, name) for name, (_, by) in FACTORS.items()}
    raised = _with(trial, **factors)
    x = [trial.batch("X")]
    rounding = Rounding.of(problem, x, before)
    background = options.background

    def equal(
        c: str, what: str, got: float, wanted: float, rounding: Rounding = rounding
    ) -> Iterator[Comparison]:
        if c in trial.components:
            largest = max(abs(got), abs(wanted))
            yield Comparison(c, what, got, EQUAL, wanted, 3 * float(rounding.tolerance(largest)))

    of_raised = Rounding.of(_changed(problem, **factors), x, before, raised)
    added = {term: (by - 1) * before.components.get(term, 0.0) for term, by in FACTORS.values()}
    added["total"] = sum(added.values())
    for c, value in before.components.items():
        what = "L(coord_scale x 2, anchor_scale x 4, class_scale x 8)"
        yield from equal(c, what, raised.components[c], value + added.get(c, 0.0), of_raised)

    weights = {name: getattr(options, name) for name in ("object_scale", "no_object_scale")}
    both = _with(trial, **{name: 2 * weight for name, weight in weights.items()})
    one_each = [_with(trial, **{name: 2 * weight}) for name, weight in weights.items()]
    divides = normalization(trial.candidate.claims).divides_by_count
    for c in (c for c in trial.components if c not in (background, "total")):
        for doubled in (both, *one_each):
            what = "L(weights of cells doubled)"
            yield from equal(c, what, doubled.components[c], before.components[c])
    if background not in before.components:
        return
    value = before.components[background]
    if not divides:
        what = "L(object_scale and no_object_scale doubled)"
        yield from equal(background, what, both.components[background], 2 * value)
        parts = sum(each.components[background] for each in one_each)
        what = "L(object_scale doubled) + L(no_object_scale doubled)"
        yield from equal(background, what, parts, 3 * value)
    elif min(weights.values()) >= 1:
        what = "L(object_scale and no_object_scale doubled)"
        yield from equal(background, what, both.components[background], value)


@law(
    cases.imitated_objects,
    speaks_of=("anchor", "objectness"),
    needs=(LAYOUT, OPTIONS),
    on_request=True,
)
def ignoring(trial: Trial) -> Iterator[Comparison]:
    """A background cell is ignored where its predicted box covers an object, and only there.

    Formula: with ignored_weight 0, a background cell has a gradient unless one of its predicted
    boxes, of any anchor, has an IoU above ignore_thresh with an object of the same image and
    scale, in pixels: centre ((j + x) stride_x, (i + y) stride_y), size anchor * e^(w, h). Under
    `batch`, L with a higher ignore_thresh is at least L.

    Why it matters: a cell beside an object that predicts it well is right, and must not be taught
    that it is wrong; a mask in the wrong place punishes it, and spares what is wrong.

    Broken by: row and column exchanged; anchors multiplied by the stride; objects of another
    image; only the best or the first anchor's box; centres not decoded.
    """
    x = trial.batch("X")
    problem = trial.problem
    options = problem.options
    background = options.background
    if background not in trial.components:
        return
    value = trial.evaluate(x, gradients=True)
    if value.gradients is not None:
        for number in range(problem.scales):
            scale = Scale.of(problem, x, number)
            overlaps = best_overlaps(scale)
            channels = (
                scale.anchors if background == "anchor" else slice(OBJECTNESS, OBJECTNESS + 1)
            )
            taught = np.abs(value.gradients[background][number][..., channels]).max(-1)
            name = channel_name(problem, number, channels.start)
            for place in np.argwhere(scale.mask == 0):
                image, row, column = (int(i) for i in place)
                overlap = float(overlaps[image, row, column])
                is_ignored = overlap > options.ignore_thresh
                yield Comparison(
                    background,
                    f"|dL(X)/d({name})| in image {image}, scale {number}, row {row}, "
                    f"column {column}",
                    float(taught[image, row, column]),
                    EQUAL if is_ignored else ABOVE,
                    0.0,
                    terms={"IoU with an object": overlap, "ignore_thresh": options.ignore_thresh},
                )
    if trial.candidate.claims == "batch":
        higher = _with(trial, ignore_thresh=(1 + options.ignore_thresh) / 2)
        rounding = Rounding.of(problem, [x], value, higher)
        got, bound = higher.components[background], value.components[background]
        tolerance = float(rounding.tolerance(max(abs(got), abs(bound))))
        what = "L(higher ignore_thresh)"
        yield Comparison(background, what, got, AT_LEAST, bound, tolerance)
