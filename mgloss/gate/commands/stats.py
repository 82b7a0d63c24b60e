"""`mgloss stats`: objects and positive cells of a data set."""

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


def stats(
    annotations: AnnotationsArgument,
    images: ImagesOption = None,
    image_size: ImageSizeOption = None,
    detector: DetectorOption = None,
    input_size: InputSizeOption = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Images of a batch, for the count of a batch.")
    ] = 16,
    skip_malformed: SkipOption = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the counts to FILE.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the histograms, *.png or *.svg; needs mgloss\\[data].",
        ),
    ] = None,
) -> None:
    """Count the objects and positive cells of a data set's images.

    Images are scaled to fit into the input, with padding, as for training
    (letterbox). The mean number of positive cells of an image is what the
    normalizations fixed and expected take for E; it is printed as options,
    ready to paste.

    Examples:

      mgloss stats instances_val2017.json --batch-size 16

      mgloss stats labels/train --image-size 640x480 --plot counts.png

      mgloss stats train.txt --detector my_detector.json --skip-malformed
    """
    from rich.console import Console

    from mgloss.data.annotations import AnnotationError, read
    from mgloss.data.object_counts import count
    from mgloss.gate.studies import stats as stats_report

    if batch_size < 1:
        fail(f"--batch-size {batch_size}: expected 1 or more")
    if json is not None:
        need_writable(json, "--json")
    if plot is not None:
        need_writable(plot, "--plot")
        try:
            stats_report.need_plots(plot)
        except ValueError as error:
            fail(f"--plot {plot}: {error}")
    shape = asked_detector(detector, input_size)
    try:
        with reading(images, image_size, skip_malformed) as how:
            found = count(read(annotations, how), shape)
    except AnnotationError as error:
        fail(str(error))
    if not found.images:
        fail(f"{annotations}: no image in it")
    stats_report.show(Console(highlight=False), annotations, found, shape, batch_size)
    try:
        if json is not None:
            stats_report.write_json(json, annotations, found, shape, batch_size)
        if plot is not None:
            stats_report.write_plot(plot, found)
    except OSError as error:
        fail(f"{error.filename}: cannot be written: {error.strerror or error}")
