"""`mgloss targets`: see which cells carry which boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.annotated import (
    AnnotationsArgument,
    DetectorOption,
    ImageSizeOption,
    ImagesOption,
    InputSizeOption,
    SkipOption,
    asked_detector,
    reading,
)
from mgloss.gate.commands.arguments import fail, need_writable


def targets(
    annotations: AnnotationsArgument,
    picture: Annotated[
        Path,
        typer.Option("--picture", metavar="FILE", help="Where to draw it, *.png or *.svg."),
    ] = Path("targets.png"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="Draw this image; may be repeated. Default: the first."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", help="Images that are drawn where none is named.")
    ] = 3,
    images: ImagesOption = None,
    image_size: ImageSizeOption = None,
    detector: DetectorOption = None,
    input_size: InputSizeOption = None,
    skip_malformed: SkipOption = False,
) -> None:
    """Make the targets of every image, decode them, and draw some.

    The picture has a row for each image and a column for each scale: the image,
    or a blank canvas, the boxes, the cells that carry them, and over the boxes
    what the cells decode to. A cell that decodes to no box, and a box without a
    cell, are red. Needs mgloss\\[data].

    Status 0 where every cell decodes to its box, 1 where one does not. A box
    without a cell is told: it lies outside, or smaller ones have all its cells.

    Examples:

      mgloss targets instances_val2017.json --images val2017

      mgloss targets labels/train --only a/1.jpg --picture one.svg

      mgloss targets train.txt --image-size 640x480 --detector my_detector.json
    """
    from importlib.util import find_spec

    from rich.console import Console

    from mgloss.data.annotations import AnnotationError, read
    from mgloss.gate.studies import targets as targets_report

    if rows < 1:
        fail(f"--rows {rows}: expected 1 or more")
    if picture.suffix.lower() not in (".png", ".svg"):
        fail(f"--picture {picture}: expected a name that ends in .png or .svg")
    need_writable(picture, "--picture")
    if find_spec("matplotlib") is None or find_spec("PIL") is None:
        fail("drawing needs matplotlib and Pillow: pip install 'mgloss[data]'")
    shape = asked_detector(detector, input_size)
    try:
        with reading(images, image_size, skip_malformed) as how:
            found = targets_report.gather(read(annotations, how), shape, only or [], rows)
    except AnnotationError as error:
        fail(str(error))
    if not found.images:
        fail(f"{annotations}: no image in it")
    if missing := sorted(set(only or []) - {checked.image.name for checked in found.drawn}):
        fail(f"--only {missing[0]}: {annotations} has no image of this name")
    from mgloss.gate.studies import targets_picture

    try:
        targets_picture.write(picture, found.drawn, shape)
    except OSError as error:
        fail(f"--picture {picture}: cannot be written: {error.strerror or error}")
    targets_report.show(Console(highlight=False), annotations, found, picture)
    raise typer.Exit(1 if found.wrong_cells else 0)
