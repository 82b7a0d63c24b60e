"""`mgloss stats`: count the objects and positive cells of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.annotated import AnnotationArguments
from mgloss.gate.commands.arguments import fail, need_writable
from mgloss.gate.commands.groups import grouped


@grouped
def stats(
    data: AnnotationArguments,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", metavar="N", help="Give the expected count of batches of N images."
        ),
    ] = 16,
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

    Scale images to fit into the input, with padding, as for training
    (letterbox). Print E, the mean number of positive cells of an image, which
    the normalizations fixed and expected need, as options to paste.

    Examples:

      mgloss stats instances_val2017.json --batch-size 16

      mgloss stats labels/train --image-size 640x480 --plot counts.png

      mgloss stats train.txt --detector my_detector.json --skip-malformed
    """
    from rich.console import Console

    from mgloss.data.object_counts import count
    from mgloss.gate.studies import stats as study

    if batch_size < 1:
        fail(f"--batch-size {batch_size}: expected 1 or more")
    if json is not None:
        need_writable(json, "--json")
    if plot is not None:
        need_writable(plot, "--plot")
        try:
            study.need_plots(plot)
        except ValueError as error:
            fail(f"--plot {plot}: {error}")
    detector = data.load_detector()
    with data.read() as images:
        counts = count(images, detector)
    if not counts.images:
        fail(f"{data.annotations}: no image in it")
    statistics = study.Statistics(data.annotations, counts, detector, batch_size)
    study.show(Console(highlight=False), statistics)
    try:
        if json is not None:
            study.write_json(json, statistics)
        if plot is not None:
            study.write_plot(plot, counts)
    except OSError as error:
        fail(f"{error.filename}: cannot be written: {error.strerror or error}")
