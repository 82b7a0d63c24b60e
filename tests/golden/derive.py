"""Golden values: derived in 50-digit arithmetic, from the formulas on paper, by nobody's code.

    python tests/golden/derive.py            write the fixtures anew and show what changed
    python tests/golden/derive.py --check    only show; status 1 if anything would change

One file a normalization. Neither `mgspec` nor `mgloss` is imported: the loss is written here a
second time, cell by cell in mpmath, and each gradient is a central difference of the cell's term in
200 digits, not a formula.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath as mp

HERE = Path(__file__).parent
DIGITS = 50
EXPECTED = "9"  # E in positive cells an image
NAMES = ("positives", "batch", "fixed", "hybrid", "grid", "expected", "per_image", "sum")
COMPONENTS = ("location", "anchor", "classification")

Grid = list[Any]  # [B][H][W][channel], numbers as decimal strings


@dataclass(frozen=True)
class Example:
    """A batch: anchors and classes, and a target and a prediction `[B][H][W][channel]` a scale."""

    anchors: list[list[list[str]]]
    classes: int
    input_size: list[int]
    targets: list[Grid]
    predictions: list[Grid]


# ---- the loss, on paper ------------------------------------------------------------------------


def bce(target: mp.mpf, logit: mp.mpf) -> mp.mpf:
    """-t ln s(z) - (1 - t) ln(1 - s(z)), s(z) = 1 / (1 + e^-z)."""
    return target * mp.log1p(mp.exp(-logit)) + (1 - target) * mp.log1p(mp.exp(logit))


def phi(z: mp.mpf) -> mp.mpf:
    a = mp.mpf(15) / 100 * z
    return mp.tanh(a) + 1 / (1 + mp.exp(-a))


def term(
    component: str, positive: bool, target: list[mp.mpf], anchors: int, channel: int
) -> Callable[[mp.mpf], mp.mpf] | None:
    """What one channel of one cell adds to a component, as a function of its prediction."""
    t = target[channel]
    if component == "location" and positive:
        if channel < 2:
            return lambda p: (t - phi(p)) ** 2
        if channel < 4:
            return lambda p: (t - p) ** 2
    if component == "anchor" and 5 <= channel < 5 + anchors:
        return lambda p: bce(t if positive else mp.mpf(0), p)
    if component == "classification" and positive and channel >= 5 + anchors:
        return lambda p: bce(t, p)
    return None


def weights(name: str, counts: list[int], positives: list[int], cells: int) -> list[mp.mpf]:
    """By what each image's raw sum is multiplied."""
    images, n, expected = len(counts), sum(counts), mp.mpf(EXPECTED)
    guarded = mp.mpf(max(1, n))
    density = mp.mpf(sum(positives)) / (images * cells)
    same = {
        "positives": 1 / guarded,
        "batch": mp.mpf(1) / images,
        "fixed": expected / (guarded * images),
        "hybrid": (1 + density) / images,
        "grid": mp.mpf(1) / (images * cells),
        "expected": 1 / (expected * images),
        "sum": mp.mpf(1),
    }
    if name == "per_image":
        return [mp.mpf(1) / (images * max(1, count)) for count in counts]
    return [same[name]] * images


def derive(example: Example, name: str) -> dict[str, Any]:
    """Values and gradients of every component, as decimal strings."""
    values = {component: mp.mpf(0) for component in COMPONENTS}
    gradients: dict[str, list[Grid]] = {component: [] for component in COMPONENTS}
    for scale, (targets, predictions) in enumerate(
        zip(example.targets, example.predictions, strict=True)
    ):
        anchors = len(example.anchors[scale])
        cells = len(targets[0]) * len(targets[0][0])
        positives = [
            sum(mp.mpf(cell[4]) > 0.5 for row in image for cell in row) for image in targets
        ]
        for component in COMPONENTS:
            counts = [cells] * len(targets) if component == "anchor" else positives
            by_image = weights(name, counts, positives, cells)
            slopes: Grid = []
            for weight, target_image, predicted_image in zip(
                by_image, targets, predictions, strict=True
            ):
                slopes.append([])
                for target_row, predicted_row in zip(target_image, predicted_image, strict=True):
                    slopes[-1].append([])
                    for target_cell, predicted_cell in zip(target_row, predicted_row, strict=True):
                        t = [mp.mpf(v) for v in target_cell]
                        cell_slopes = []
                        for channel, p in enumerate(map(mp.mpf, predicted_cell)):
                            f = term(component, t[4] > 0.5, t, anchors, channel)
                            if f is None:
                                cell_slopes.append("0")
                                continue
                            values[component] += weight * f(p)
                            cell_slopes.append(text(weight * derivative(f, p)))
                        slopes[-1][-1].append(cell_slopes)
            gradients[component].append(slopes)
    return {
        "values": {component: text(value) for component, value in values.items()},
        "gradients": gradients,
    }


def derivative(f: Callable[[mp.mpf], mp.mpf], at: mp.mpf) -> mp.mpf:
    """Central difference; at three times the digits it is exact to more than fifty."""
    with mp.workdps(4 * DIGITS):
        step = mp.mpf(10) ** (-DIGITS - 10)
        return (f(at + step) - f(at - step)) / (2 * step)


def text(value: mp.mpf) -> str:
    return str(mp.nstr(value, DIGITS, strip_zeros=True, min_fixed=-5, max_fixed=12))


# ---- the batches -------------------------------------------------------------------------------

ONE_SCALE = [[["48", "32"], ["32", "64"]]]
TWO_SCALES = [*ONE_SCALE, [["16", "24"]]]


def numbers(seed: int) -> Iterator[str]:
    """Eighths between -4 and 4 that look arbitrary: a linear congruential sequence."""
    state = seed
    while True:
        state = (1103515245 * state + 12345) % 2**31
        yield repr(((state >> 16) % 65 - 32) / 8)


def example(
    anchors: list[list[list[str]]],
    grids: list[tuple[int, int]],
    images: int,
    where: Callable[[int, int, int, int], bool],
    seed: int,
) -> Example:
    """A batch with an object where `where(image, scale, row, column)` says so, of 3 classes."""
    source = numbers(seed)
    classes, targets, predictions = 3, [], []
    for scale, (height, width) in enumerate(grids):
        count = len(anchors[scale])
        target: Grid = []
        prediction: Grid = []
        for image in range(images):
            target.append([])
            prediction.append([])
            for row in range(height):
                target[-1].append([])
                prediction[-1].append([])
                for column in range(width):
                    cell = ["0"] * (5 + count + classes)
                    prediction[-1][-1].append([next(source) for _ in cell])
                    if where(image, scale, row, column):
                        for channel in range(4):
                            cell[channel] = repr(
                                float(next(source)) / 4 + (0.5 if channel < 2 else 0)
                            )
                        cell[4] = "1"
                        cell[5 + (image + row + column) % count] = "1"
                        cell[5 + count + (row + 2 * column) % classes] = "1"
                    target[-1][-1].append(cell)
        targets.append(target)
        predictions.append(prediction)
    finest = grids[0]
    return Example(anchors, classes, [32 * finest[0], 32 * finest[1]], targets, predictions)


def examples() -> dict[str, Example]:
    """The batches of every fixture file, by name."""
    extreme = example(ONE_SCALE, [(2, 3)], 2, lambda i, s, r, c: (r + c) % 2 == 0, 6)
    image = extreme.predictions[0][0]
    image[0][0][:8] = ["-50", "50", "10000", "-10000", "0", "50", "-50", "10000"]
    image[0][1][:8] = ["50", "-50", "-10000", "0", "7", "-10000", "50", "-50"]
    ordinary = example(ONE_SCALE, [(2, 3)], 3, lambda i, s, r, c: (i + r + c) % 3 == 0 and i < 2, 1)
    ordinary.targets[0][0][0][0][7:] = ["1", "1", "0"]  # an object of two classes
    return {
        "ordinary": ordinary,
        "no_objects": example(ONE_SCALE, [(2, 2)], 2, lambda i, s, r, c: False, 2),
        "one_object": example(ONE_SCALE, [(3, 2)], 2, lambda i, s, r, c: (i, r, c) == (1, 2, 0), 3),
        "every_cell_positive": example(ONE_SCALE, [(2, 2)], 2, lambda i, s, r, c: True, 4),
        "two_scales": example(
            TWO_SCALES, [(1, 2), (2, 4)], 2, lambda i, s, r, c: (i + s + r + c) % 2 == 0, 5
        ),
        "extreme_predictions": extreme,
    }


# ---- the files ---------------------------------------------------------------------------------


def fixture(name: str) -> str:
    """The text of a normalization's fixture file."""
    with mp.workdps(2 * DIGITS):
        document = {
            "normalization": name,
            "expected_cells": EXPECTED,
            "digits": DIGITS,
            "examples": {
                label: {
                    "anchors": batch.anchors,
                    "classes": batch.classes,
                    "input_size": batch.input_size,
                    "targets": batch.targets,
                    "predictions": batch.predictions,
                    **derive(batch, name),
                }
                for label, batch in examples().items()
            },
        }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    """Regenerate; print a diff of what changed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it would change")
    check = parser.parse_args().check
    changes = 0
    for name in NAMES:
        path = HERE / f"{name}.json"
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = fixture(name)
        if old == new:
            continue
        changes += 1
        diff = difflib.unified_diff(
            old.splitlines(),
            new.splitlines(),
            f"{name}.json as it was",
            f"{name}.json",
            "",
            "",
            1,
            "",
        )
        lines = list(diff)
        print("\n".join(lines[:60]))
        if len(lines) > 60:
            print(f"... and {len(lines) - 60} more lines")
        if not check:
            path.write_text(new, encoding="utf-8")
    print(f"{changes} of {len(NAMES)} fixtures {'would change' if check else 'changed'}")
    return 1 if check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
