"""Show a case as text: grids with objects marked, and the numbers that matter.

X: 1 image, 1 scale
  image 0, scale 0: 1 x 2 cells
    #.
    row 0, column 0  target x=0.5 y=0.5 w=0 h=0 anchor 0 class 0
                     predicted h=1, else 0
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mgspec.laws import Case
from mgspec.laws.comparison import channel_name
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.description import Described, Images
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, AnyBatch, Array, Batch, Problem

OBJECT, BACKGROUND = "#", "."
MOST_OBJECTS = 12  # shown in each grid; further ones are only counted
MOST_NUMBERS_OF_ARRAY = 48  # shown; of a larger array only the range is
MOST_NUMBERS_OF_CELL = 8  # shown, of those that are not 0


def count(number: int, noun: str) -> str:
    """Return "1 image", "2 images", "1 class" or "3 classes"."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else plural}"


def prediction_text(problem: Problem, scale: int, values: Array) -> str:
    """Return the prediction of a cell, `[5 + A + C]`, without its zeros."""
    nonzero = np.flatnonzero(values)
    named = [f"{channel_name(problem, scale, int(c))}={values[c]:g}" for c in nonzero]
    if not named:
        return "predicted all 0"
    shown = ", ".join(named[:MOST_NUMBERS_OF_CELL])
    if len(named) > MOST_NUMBERS_OF_CELL:
        return f"predicted {shown}, and {len(named) - MOST_NUMBERS_OF_CELL} more"
    return f"predicted {shown}{', else 0' if len(named) < len(values) else ''}"


def target_text(problem: Problem, scale: int, values: Array) -> str:
    """Return the target of a positive cell, `[5 + A + C]`: box, anchors and classes."""
    box = " ".join(f"{channel_name(problem, scale, c)}={values[c]:g}" for c in range(OBJECTNESS))
    hot = [
        channel_name(problem, scale, c) for c in range(FIRST_ANCHOR, len(values)) if values[c] != 0
    ]
    return f"target {box} {' '.join(hot)}"


def background_text(prediction: Array, mask: NDArray[np.bool_]) -> str | None:
    """Return the range of the predictions in background cells; None if all are 0.

    prediction: `[H, W, 5 + A + C]`. mask: `[H, W]`, true in positive cells.
    """
    background = prediction[~mask]
    if not background.any():
        return None
    low, high = background.min(), background.max()
    numbers = f"{low:g} everywhere" if low == high else f"numbers from {low:g} to {high:g}"
    return f"background: predicted {numbers}"


def _draw_grid(problem: Problem, batch: Batch, image: int, scale: int) -> Iterator[str]:
    target, prediction = batch.targets[scale][image], batch.predictions[scale][image]
    mask = batch.masks()[scale][image]
    height, width = mask.shape
    yield f"  image {image}, scale {scale}: {height} x {width} cells"
    for row in mask:
        yield "    " + "".join(OBJECT if cell else BACKGROUND for cell in row)
    places = np.argwhere(mask)
    for row, column in places[:MOST_OBJECTS]:
        label = f"    row {row}, column {column}  "
        yield label + target_text(problem, scale, target[row, column])
        yield " " * len(label) + prediction_text(problem, scale, prediction[row, column])
    if len(places) > MOST_OBJECTS:
        yield f"    and {count(len(places) - MOST_OBJECTS, 'object')} more"
    background = background_text(prediction, mask)
    if background:
        yield f"    {background}"


def draw_batch(problem: Problem, batch: Batch) -> list[str]:
    """Return the lines that show every image of a batch."""
    return [
        line
        for image in range(batch.images)
        for scale in range(problem.scales)
        for line in _draw_grid(problem, batch, image, scale)
    ]


def _options_text(problem: Problem) -> str:
    """Return the options that differ from the plain ones, without the normalization."""
    plain = PLAIN_OPTIONS.to_dict()
    return ", ".join(
        f"{name} = {value}"
        for name, value in problem.options.to_dict().items()
        if value != plain[name] and name not in ("loss_normalization", "expected")
    )


def _array_text(array: Array) -> str:
    """Return the numbers of a small array, rows separated by "/"; of a larger one their range."""
    if not array.size:
        return "nothing"
    if array.size > MOST_NUMBERS_OF_ARRAY:
        return f"numbers from {array.min():g} to {array.max():g}"
    if not array.any():
        return "all 0"
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    return " / ".join(" ".join(f"{number:g}" for number in row) for row in rows)


def draw_images(batch: Images) -> list[str]:
    """Return the lines that show every image of a described problem's batch."""
    lines = []
    for number, (arrays, objects) in enumerate(zip(batch.arrays, batch.objects, strict=True)):
        lines.append(f"  image {number}: {count(objects, 'object')}")
        for name, array in sorted(arrays.items(), key=lambda item: item[0] in batch.predicted):
            role = " predicted" if name in batch.predicted else ""
            lines.append(f"    {name}{role} {list(array.shape)}: {_array_text(array)}")
    return lines


def problem_lines(problem: Problem) -> list[str]:
    """Return a line for the problem, and another for its options if they are not the plain ones."""
    height, width = problem.input_shape
    anchors = " + ".join(count(len(a), "anchor") for a in problem.anchors)
    lines = [
        f"input {height} x {width} px, {count(problem.scales, 'scale')}, {anchors}, "
        f"{count(problem.num_classes, 'class')}"
    ]
    chosen = _options_text(problem)
    if chosen:
        lines.append(f"options: {chosen}")
    return lines


def batch_text(name: str, batch: AnyBatch) -> str:
    """Return the name of a batch and its numbers of images and objects."""
    return f"{name}: {count(batch.images, 'image')}, {count(batch.positives, 'object')}"


def choices_text(case: Case) -> str | None:
    """Return the further drawn numbers of a case, or None."""
    chosen = ", ".join(f"{name} = {value}" for name, value in case.choices.items())
    return f"with {chosen}" if chosen else None


def described_line(problem: Described) -> str:
    """Return a line for a described problem."""
    line = f"the problem {problem.description.name!r}"
    if problem.shared is None:
        return line
    return f"{line}, of which its images share {problem.shared!r}"


def draw_case(case: Case) -> list[str]:
    """Return the lines that show a case: its problem, its batches, and further drawn numbers."""
    problem = case.problem
    lines = [described_line(problem)] if isinstance(problem, Described) else problem_lines(problem)
    for name, batch in case.batches.items():
        if isinstance(batch, Images):
            lines += [batch_text(name, batch), *draw_images(batch)]
        elif isinstance(problem, Problem):
            lines.append(f"{batch_text(name, batch)} ({OBJECT} = cell with an object)")
            lines.extend(draw_batch(problem, batch))
    choices = choices_text(case)
    return [*lines, choices] if choices else lines
