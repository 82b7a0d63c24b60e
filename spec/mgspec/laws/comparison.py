"""A law's assertion as data: two numbers, how they must relate, and how exactly.

Tolerances are derived here and nowhere else. A loss in a dtype of unit roundoff u that sums N
terms, all of one sign, is off by at most N u relative to its value (Higham, Accuracy and Stability
of Numerical Algorithms, 2nd ed., section 4.2), and two such values that should be equal differ by
2 N u. Computing one term costs K roundings more: K u relative. A term that is a square of a
difference d loses more where the difference is small: 2 |d| K u each, which summed is at most
2 K u sqrt(N S) <= u (N S + K^2), by Cauchy-Schwarz and the inequality of the means; the second part
does not shrink with the value. A term in which inputs of magnitude M cancel is off by K u M. Where
boxes are compared, an overlap is off by K u C however well they agree, for centres are known to u
of a cell, and a cell is C times as long as a box; in P positive cells this may be a logit's target.
Each term may be weighted by up to F. Together:

    |actual - expected| <= u ((2 N + K) max(|actual|, |expected|) + F (K^2 + K M (1 + C P)))

and without C P where no loss compares boxes. If boxes are compared in coordinates of the image,
and moved in it, their centres are known to u G of a cell only, where a side of the grid is G cells
long: then it is C G P. N is taken as the cells of the largest batch times the channels of the
widest component. In float32 it is at most 4,200 for the batches drawn here, except the few large
ones. This makes the relative part 5e-4, and for most batches below 3e-5: a relative fault of 1 in
1,000 stands out. In the largest batches it is 5e-3: they are for faults that a count makes, which
are larger. Of a described problem nothing is known but what its images hold: N is then the count of
all numbers of the largest batch, F is told by the description, and C P is left out.

A loss under autocast computes terms in half precision, of unit roundoff h, and sums in float32.
Each rounding of a term is as if the term, or a number that it is computed from, had been another by
h relative, or by h M where inputs cancel. How much that moves the value is told by its gradient g,
which is divided by what the value is divided by: to first order by K h (1 + M) sum |g|, to second
order, where the curvature is at most max |g|, by (K h (1 + M))^2 P max |g| for P predictions. So it
adds

    2 K h max(|actual|, |expected|) + k sum |g| + k^2 P max |g|,    k = K h (1 + M)

for a value, and 2 K h max(|actual|, |expected|) + k max |g| for a number of a gradient. What a long
sum loses that was kept in half precision is more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mgspec.loss.candidate import Evaluation
from mgspec.problem.description import Described, Images, stack_padded
from mgspec.problem.layout import FIRST_ANCHOR, WH, AnyBatch, AnyProblem, Batch, Problem
from mgspec.problem.options import Options

UNIT_ROUNDOFF = {
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
    "float32": 2.0**-24,
    "float64": 2.0**-53,
}
ROUNDINGS_OF_A_TERM = 8  # K: tanh, sigmoid, exp, log1p and the few operations around them

EQUAL = "="
AT_LEAST = ">="
ABOVE = ">"
FINITE = "finite"


@dataclass(frozen=True)
class Rounding:
    """How far apart two numbers may be that would be equal without rounding.

    unit: unit roundoff of the dtype that the loss computes in.
    terms: N, the most terms summed for one component.
    floor: F (K^2 + K M (1 + C P)), what does not shrink with the value, in units of `unit`.
    stored: unit roundoff of the dtype that the numbers are kept in, where that is a coarser one.
    """

    unit: float
    terms: int
    floor: float
    stored: float = 0.0

    @staticmethod
    def of(problem: AnyProblem, batches: Sequence[AnyBatch], *evaluations: Evaluation) -> Rounding:
        """Return the rounding for these batches, by the largest batch and the coarsest dtype."""
        unit = max(UNIT_ROUNDOFF[evaluation.dtype] for evaluation in evaluations)
        if isinstance(problem, Described):
            return Rounding(unit, *_terms_of_images(problem, batches))  # type: ignore[arg-type]
        return Rounding(unit, *_terms_of_cells(problem, batches))  # type: ignore[arg-type]

    def of_boxes_far_away(self, problem: Problem, batches: Sequence[Batch]) -> Rounding:
        """Return the rounding of a loss that compares boxes in coordinates of the image."""
        k, factor, magnitude = ROUNDINGS_OF_A_TERM, _largest_factor(problem.options), 1.0
        far = 0.0
        for batch in batches:
            longest = max(max(grid) for grid in batch.grids)
            far = max(far, longest * _cells_of_boxes(problem, batch))
            magnitude = max(magnitude, _magnitude(batch))
        return replace(self, floor=factor * (k**2 + k * magnitude * (1 + far)))

    def with_terms_in(
        self, dtype: str, batch: AnyBatch, gradient: Sequence[NDArray[np.floating]]
    ) -> tuple[Rounding, Rounding]:
        """Return the rounding of values and that of gradients, with terms in a coarser dtype.

        Sums in that dtype are not allowed for.

        gradient: of the value whose terms they are, in a finer dtype; one array or more.
        """
        unit = UNIT_ROUNDOFF[dtype] * ROUNDINGS_OF_A_TERM
        shift = unit * (1 + max(1.0, _magnitude(batch)))
        sizes = [np.abs(array.astype(np.float64)) for array in gradient]
        largest = max((float(size.max()) for size in sizes if size.size), default=0.0)
        total, count = sum(float(size.sum()) for size in sizes), sum(size.size for size in sizes)
        of_value = shift * total + shift**2 * count * largest

        def coarser(added: float) -> Rounding:
            floor = self.floor + added / self.unit
            return replace(self, stored=self.stored + unit, floor=floor)

        return coarser(of_value), coarser(shift * largest)

    def tolerance(self, scale: NDArray[np.floating] | float) -> NDArray[np.floating] | float:
        """Return the largest difference allowed between numbers of this magnitude."""
        relative = self.unit * (2 * self.terms + ROUNDINGS_OF_A_TERM) + 2 * self.stored
        return relative * np.abs(scale) + self.unit * self.floor

    def likely(self, scale: float) -> float:
        """Return a bound on the rounding error of a number of this magnitude.

        The bound is u ((4 sqrt(N) + K) |scale| + floor). Rounding errors have either sign: those of
        N sums exceed 4 sqrt(N) u less than once in 10^7 times. `tolerance` bounds the worst case.
        """
        relative = self.unit * (4 * math.sqrt(self.terms) + ROUNDINGS_OF_A_TERM)
        return relative * abs(scale) + self.unit * self.floor


def _terms_of_cells(problem: Problem, batches: Sequence[Batch]) -> tuple[int, float]:
    """Return N, and the part that does not shrink with the value, in units of roundoff."""
    width = max(4, *(problem.channels(s) - FIRST_ANCHOR for s in range(problem.scales)))
    magnitude = max(1.0, *map(_magnitude, batches))
    options, k = problem.options, ROUNDINGS_OF_A_TERM
    boxes = 0.0
    if options.location != "mse" or options.iou_aware_ratio:
        boxes = max(_cells_of_boxes(problem, batch) for batch in batches)
    return (
        max(batch.cells for batch in batches) * width,
        _largest_factor(options) * (k**2 + k * magnitude * (1 + boxes)),
    )


def _magnitude(batch: AnyBatch) -> float:
    """Return the largest magnitude of a number in the arrays of a batch."""
    if isinstance(batch, Images):
        return batch.magnitude
    return max(float(np.abs(array).max()) for array in (*batch.targets, *batch.predictions))


def _terms_of_images(problem: Described, batches: Sequence[Images]) -> tuple[int, float]:
    """Return the same for a described problem, from the numbers of its images alone."""
    k, factor = ROUNDINGS_OF_A_TERM, problem.description.largest_factor
    magnitude = max(1.0, *(batch.magnitude for batch in batches))
    return max(batch.numbers for batch in batches), factor * (k**2 + k * magnitude)


def _cells_of_boxes(problem: Problem, batch: Batch) -> float:
    """Return C P: P positive cells, and a cell C times as long as the smallest object, C >= 1."""
    smallest, positives = 1.0, 0
    for anchors, target, mask, grid in zip(
        problem.anchors, batch.targets, batch.masks(), batch.grids, strict=True
    ):
        count = int(np.count_nonzero(mask))
        if count:
            positives += count
            side = min(map(min, anchors)) * np.exp(min(0.0, float(target[mask][:, WH].min())))
            smallest = min(smallest, side / max(problem.stride(grid)))
    return float(positives / smallest)


def _largest_factor(options: Options) -> float:
    """Return F: the largest factor of a term, at least 1."""
    cells = max(options.object_scale, options.no_object_scale, 1)
    classes = options.class_scale * max(options.class_weights or (1,))
    return max(1, options.coord_scale, options.anchor_scale * cells, classes, cells)


@dataclass(frozen=True)
class Comparison:
    """One assertion of a law about one component.

    what: the left-hand side, such as "L(X + Y)".
    terms: other numbers by name, with which a person can follow the calculation.
    """

    component: str
    what: str
    actual: float
    relation: str
    expected: float
    tolerance: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_finite(self) -> bool:
        """Whether both numbers are finite."""
        return math.isfinite(self.actual) and math.isfinite(self.expected)

    @property
    def holds(self) -> bool:
        """Whether the relation holds; a number that is not finite satisfies none."""
        if not self.is_finite:
            return False
        if self.relation == FINITE:
            return True
        if self.relation == EQUAL:
            return abs(self.actual - self.expected) <= self.tolerance
        if self.relation == AT_LEAST:
            return self.actual >= self.expected - self.tolerance
        return self.actual > self.expected + self.tolerance

    def __str__(self) -> str:
        wanted = {
            EQUAL: f"expected {self.expected:.9g}",
            AT_LEAST: f"expected at least {self.expected:.9g}",
            ABOVE: f"expected more than {self.expected:.9g}",
            FINITE: "expected a finite number",
        }[self.relation]
        known = ", ".join(f"{name} = {value:.9g}" for name, value in self.terms.items())
        given = f" ({known})" if known else ""
        return f"{self.component}: {self.what} = {self.actual:.9g}, {wanted}{given}"


CHANNELS = ("x", "y", "w", "h", "objectness")


def channel_name(problem: Problem, scale: int, channel: int) -> str:
    """Return what a channel holds: "w", "anchor 0", "class 2"."""
    if channel < FIRST_ANCHOR:
        return CHANNELS[channel]
    anchors = len(problem.anchors[scale])
    index = channel - FIRST_ANCHOR
    return f"anchor {index}" if index < anchors else f"class {index - anchors}"


def element(problem: AnyProblem, what: str, number: int, place: tuple[int, ...]) -> str:
    """Name the derivative by one element of the predictions' array of this number."""
    if isinstance(problem, Described):
        name = problem.description.predicted[number]
        return f"d({what})/d({name}{list(place[1:])}) in image {place[0]}"
    image, row, column, channel = place
    return (
        f"d({what})/d({channel_name(problem, number, channel)}) in image {image}, "
        f"scale {number}, row {row}, column {column}"
    )


def worst_element(
    problem: AnyProblem,
    component: str,
    what: str,
    actual: Sequence[NDArray[np.floating]],
    expected: Sequence[NDArray[np.floating]],
    rounding: Rounding | None,
    relation: str = EQUAL,
) -> Iterator[Comparison]:
    """Yield a comparison for each array: the element in which two gradients differ most.

    Where arrays are filled up with zeros to different sizes, compare them as the larger one.

    rounding: None demands exact equality.
    """
    for number, (got, want) in enumerate(zip(actual, expected, strict=True)):
        got64, want64 = stack_padded([got.astype(np.float64), want.astype(np.float64)])
        largest = np.maximum(np.abs(got64), np.abs(want64))
        allowed = np.asarray(rounding.tolerance(largest) if rounding else np.zeros_like(largest))
        with np.errstate(invalid="ignore"):
            excess = np.abs(got64 - want64) - allowed
        # The excess of a number that is not finite is NaN, which argmax takes for the largest.
        place = np.unravel_index(int(excess.argmax()), excess.shape)
        where = element(problem, what, number, tuple(int(i) for i in place))
        yield Comparison(
            component,
            where,
            float(got64[place]),
            relation,
            float(want64[place]),
            float(allowed[place]),
        )
