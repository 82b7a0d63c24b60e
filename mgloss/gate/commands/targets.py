"""`mgloss targets`: check the targets of a data set, and draw which cells have which boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.annotated import AnnotationArguments
from mgloss.gate.commands.arguments import fail, need_writable
from mgloss.gate.commands.groups import grouped


@grouped
def targets(
    data: AnnotationArguments,
    picture: Annotated[
        Path,
        typer.Option("--picture", metavar="FILE", help="Draw to this file, *.png or *.svg."),
    ] = Path("targets.png"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="Draw this image; may be repeated. Default: the first."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", help="Draw this many images if --only names none.")
    ] = 3,
) -> None:
    """Make the targets of every image, decode them, and draw some.

    The picture has a row for each image and a column for each scale. It shows
    the image, or a blank canvas; its boxes; their cells; and the boxes that the
    cells decode to. A cell that decodes to no box, and a box without a cell, are
    red. Needs mgloss\\[data].

    Status 0 if every cell decodes to its box, 1 if one does not. A box without
    a cell is reported, but is no error: it lies outside of the image, or smaller
    boxes have all its cells.

    Examples:

      mgloss targets instances_val2017.json --images val2017

      mgloss targets labels/train --only a/1.jpg --picture one.svg

      mgloss targets train.txt --image-size 640x480 --detector my_detector.json
    """
    from importlib.util import find_spec

    from rich.console import Console

    from mgloss.gate.studies import targets as study

    if rows < 1:
        fail(f"--rows {rows}: expected 1 or more")
    if picture.suffix.lower() not in (".png", ".svg"):
        fail(f"--picture {picture}: expected a name that ends in .png or .svg")
    need_writable(picture, "--picture")
    if find_spec("matplotlib") is None or find_spec("PIL") is None:
        fail("drawing needs matplotlib and Pillow: pip install 'mgloss[data]'")
    detector = data.load_detector()
    with data.read() as images:
        summary = study.check_images(images, detector, only or [], rows)
    if not summary.images:
        fail(f"{data.annotations}: no image in it")
    if missing := sorted(set(only or []) - {checked.image.name for checked in summary.to_draw}):
        fail(f"--only {missing[0]}: {data.annotations} has no image of this name")
    from mgloss.gate.studies import targets_picture

    try:
        targets_picture.write(picture, summary.to_draw, detector)
    except OSError as error:
        fail(f"--picture {picture}: cannot be written: {error.strerror or error}")
    study.show(Console(highlight=False), data.annotations, summary, picture)
    raise typer.Exit(1 if summary.wrong_cells else 0)
