"""Lay a counterexample out as grids: what a page draws for each image and scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mgspec import Batch, Case, Problem
from mgspec.page.case_text import (
    MOST_OBJECTS,
    background_text,
    batch_text,
    choices_text,
    count,
    draw_case,
    prediction_text,
    problem_lines,
    target_text,
)

CELL = 32  # units of the drawing


@dataclass(frozen=True)
class Marked:
    """A cell with an object: its number in the drawing, its place, its target and prediction."""

    number: int
    row: int
    column: int
    target: str
    prediction: str


@dataclass(frozen=True)
class Grid:
    """One image on one scale. more: how many objects are marked but not written out."""

    title: str
    rows: int
    columns: int
    marked: tuple[Marked, ...]
    more: int
    background: str | None

    @property
    def written(self) -> tuple[Marked, ...]:
        """The objects that are written out."""
        return self.marked[:MOST_OBJECTS]

    @property
    def label(self) -> str:
        """The drawing in words."""
        places = "; ".join(f"row {m.row}, column {m.column}" for m in self.written)
        more = f"; and {self.more} more" if self.more else ""
        held = f"{count(len(self.marked), 'object')} at {places}{more}" if places else "no object"
        return f"{self.title}, {held}"


@dataclass(frozen=True)
class BatchFigure:
    """A batch: its title and its grids."""

    title: str
    grids: tuple[Grid, ...]


@dataclass(frozen=True)
class CaseFigure:
    """A case: lines about its problem, its batches, and its choices."""

    lines: tuple[str, ...]
    batches: tuple[BatchFigure, ...]
    choices: str | None


def figure(case: Case) -> CaseFigure:
    """Return what a page shows of a case: lines of text, and a grid for each image and scale.

    A case of a described problem has no grids; lines of text show all of it.
    """
    problem = case.problem
    if not isinstance(problem, Problem):
        return CaseFigure(tuple(draw_case(case)), (), None)
    return CaseFigure(
        tuple(problem_lines(problem)),
        tuple(
            BatchFigure(
                batch_text(name, batch),
                tuple(
                    _grid(problem, batch, image, scale)
                    for image in range(batch.images)
                    for scale in range(problem.scales)
                ),
            )
            for name, batch in case.batches.items()
            if isinstance(batch, Batch)
        ),
        choices_text(case),
    )


def _grid(problem: Problem, batch: Batch, image: int, scale: int) -> Grid:
    target, prediction = batch.targets[scale][image], batch.predictions[scale][image]
    mask = batch.masks()[scale][image]
    rows, columns = mask.shape
    marked = tuple(
        Marked(
            number,
            int(row),
            int(column),
            target_text(problem, scale, target[row, column]),
            prediction_text(problem, scale, prediction[row, column]),
        )
        for number, (row, column) in enumerate(np.argwhere(mask), start=1)
    )
    return Grid(
        f"image {image}, scale {scale}: {rows} × {columns} cells",
        rows,
        columns,
        marked,
        max(0, len(marked) - MOST_OBJECTS),
        background_text(prediction, mask),
    )
