"""What each normalization must give, worked out by hand: one entry for each.

derive.py has the formulas on paper; this file has what they make of small numbers and of growth.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Golden:
    """The facts of one normalization.

    value: of two images of 2 x 3 cells with raw sums 6 and 2, 3 and 1 positive cells, and E = 2.
    exponents: the powers of batch size, objects and cells by which location grows; None where it
        grows by no power.
    growth: the factor for 16 times as many images, and for 16 times as many equal objects in a
        grid of 4 x 4 cells.
    divided, times: the formula in words if it is divided and multiplied by the batch size.
    words: the formula in words.
    """

    value: float
    exponents: tuple[int | None, int | None, int | None]
    growth: tuple[float, float]
    words: str
    divided: str
    times: str


def _constant_apart(text: str, *, times: str) -> str:
    return f"`batch`{text} (or `{times}`{text}: the same up to a constant)"


_BATCH = _constant_apart("", times="expected")
_BATCH_DIVIDED = _constant_apart(" divided by the batch size", times="expected")

GOLDEN = {
    "positives": Golden(
        2.0,
        (0, 0, 0),
        (1, 1),
        "`positives`",
        divided="`fixed`",
        times="`positives` multiplied by the batch size",
    ),
    "batch": Golden(4.0, (0, 1, 0), (1, 16), _BATCH, divided=_BATCH_DIVIDED, times="`sum`"),
    "fixed": Golden(
        2.0,
        (-1, 0, 0),
        (1 / 16, 1),
        "`fixed`",
        divided="`fixed` divided by the batch size",
        times="`positives`",
    ),
    "hybrid": Golden(
        16 / 3,
        (0, None, None),
        (1, 16 * 2 / (1 + 1 / 16)),
        "`hybrid`",
        divided="`hybrid` divided by the batch size",
        times="`hybrid` multiplied by the batch size",
    ),
    "grid": Golden(
        2 / 3,
        (0, 1, -1),
        (1, 16),
        "`grid`",
        divided="`grid` divided by the batch size",
        times="`grid` multiplied by the batch size (or `sum` divided by the cells of the grid: "
        "the same up to a constant)",
    ),
    "expected": Golden(2.0, (0, 1, 0), (1, 16), _BATCH, divided=_BATCH_DIVIDED, times="`sum`"),
    "per_image": Golden(
        2.0,
        (0, 0, 0),
        (1, 1),
        "`per_image`",
        divided="`per_image` divided by the batch size",
        times="`per_image` multiplied by the batch size",
    ),
    "sum": Golden(
        8.0,
        (1, 1, 0),
        (16, 16),
        "`sum`",
        divided=_BATCH,
        times="`sum` multiplied by the batch size",
    ),
}
