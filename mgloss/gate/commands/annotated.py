"""Define and parse the arguments of the commands that read annotations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mgloss.gate.commands.arguments import fail

if TYPE_CHECKING:
    from mgloss.data.annotations import Annotated as Annotation
    from mgloss.data.detector import Detector

MOST_MESSAGES = 20  # about malformed lines; the others are counted


@dataclass
class Malformed:
    """Print messages about malformed lines that are left out, and count the lines."""

    number: int = 0

    def __call__(self, message: str) -> None:
        """Print the message if it is one of the first, and count it."""
        self.number += 1
        if self.number <= MOST_MESSAGES:
            print(f"mgloss: left out: {message}", file=sys.stderr)

    def sum_up(self) -> None:
        """Print the number of messages that were not printed."""
        if self.number > MOST_MESSAGES:
            print(f"mgloss: left out: {self.number - MOST_MESSAGES:,} more", file=sys.stderr)


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Return the two numbers of "640x480". Exit with status 2 if the text is of another form."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) <= 1e6 for part in parts):
        fail(f"{option} {text}: expected width and height in pixels, as 640x480")
    return int(parts[0]), int(parts[1])


@dataclass(frozen=True)
class AnnotationArguments:
    """The annotations of a data set, and the detector whose targets they become."""

    annotations: Annotated[
        Path,
        typer.Argument(
            metavar="ANNOTATIONS",
            help="COCO JSON (a file *.json), a folder of YOLO text, or a file with one line an "
            "image: path x1,y1,x2,y2,class ...",
        ),
    ]
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Start image paths at DIR. Default: the folder of the annotations."
        ),
    ] = None
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Take this size, in pixels, for images whose size is neither in the annotations "
            "nor in an image file.",
        ),
    ] = None
    detector: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Read the detector from JSON: {"input_size": \\[height, width], "strides": '
            '\\[...], "anchors": \\[\\[\\[width, height], ...], ...]}, anchors for each stride. '
            "Default: YOLOv3, 608 x 608.",
        ),
    ] = None
    input_size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Replace the detector's input size, in pixels."),
    ] = None
    skip_malformed: Annotated[
        bool,
        typer.Option(
            "--skip-malformed", help="Report and leave out malformed lines instead of stopping."
        ),
    ] = False

    def load_detector(self) -> Detector:
        """Return the detector. Exit with status 2 if there is none."""
        from mgloss.data.detector import YOLOV3, DetectorError, load

        try:
            detector = YOLOV3 if self.detector is None else load(self.detector)
        except DetectorError as error:
            fail(f"--detector {error}")
        if self.input_size is None:
            return detector
        width, height = parse_size(self.input_size, "--input-size")
        try:
            return replace(detector, input_size=(height, width))
        except ValueError as error:
            fail(f"--input-size {self.input_size}: {error}")

    @contextmanager
    def read(self) -> Iterator[Iterator[Annotation]]:
        """Yield the images one by one, with a progress bar; then report what was left out.

        Exit with status 2 if the annotations cannot be read.
        """
        from rich.console import Console

        from mgloss.data.annotations import AnnotationError, ReadOptions, read
        from mgloss.gate.reports.progress import share_progress

        if self.images is not None and not self.images.is_dir():
            fail(f"--images {self.images}: is not a folder")
        size = None if self.image_size is None else parse_size(self.image_size, "--image-size")
        malformed = Malformed()
        try:
            with share_progress(Console(stderr=True)) as bar:
                task = bar.add_task("reading", total=None)

                def progress(done: int, total: int) -> None:
                    bar.update(task, completed=done, total=total)

                options = ReadOptions(self.images, size, on_progress=progress)
                if self.skip_malformed:
                    options = replace(options, on_malformed=malformed)
                yield read(self.annotations, options)
        except AnnotationError as error:
            fail(str(error))
        malformed.sum_up()
