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
    from mgloss.data.annotations import ReadOptions
    from mgloss.data.detector import Detector

AnnotationsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="ANNOTATIONS",
        help="COCO JSON (a file *.json); a folder of YOLO text, a file an image; or a file with a "
        "line an image: path x1,y1,x2,y2,class ...",
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="Start image paths at this folder. Default: that of the annotations.",
    ),
]
ImageSizeOption = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="WxH",
        help="Take this size, in pixels, for images whose size is neither in the annotations "
        "nor in an image file.",
    ),
]
DetectorOption = Annotated[
    Path | None,
    typer.Option(
        "--detector",
        metavar="FILE",
        help='JSON: {"input_size": \\[height, width], "strides": \\[...], "anchors": \\[\\[\\['
        "width, height], ...], ...]}, anchors for each stride. Default: YOLOv3, 608 x 608.",
    ),
]
InputSizeOption = Annotated[
    str | None,
    typer.Option(
        "--input-size", metavar="WxH", help="Replace the detector's input size, in pixels."
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-malformed", help="Report and leave out malformed lines instead of stopping."
    ),
]

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


def requested_detector(file: Path | None, input_size: str | None) -> Detector:
    """Return the detector of --detector and --input-size. Exit with status 2 if there is none."""
    from mgloss.data.detector import YOLOV3, DetectorError, load

    try:
        detector = YOLOV3 if file is None else load(file)
    except DetectorError as error:
        fail(f"--detector {error}")
    if input_size is None:
        return detector
    width, height = parse_size(input_size, "--input-size")
    try:
        return replace(detector, input_size=(height, width))
    except ValueError as error:
        fail(f"--input-size {input_size}: {error}")


@contextmanager
def read_options(images: Path | None, image_size: str | None, skip: bool) -> Iterator[ReadOptions]:
    """Yield options for reading that show a progress bar, and report what was left out."""
    from rich.console import Console

    from mgloss.data.annotations import ReadOptions
    from mgloss.gate.reports.progress import share_progress

    if images is not None and not images.is_dir():
        fail(f"--images {images}: is not a folder")
    size = None if image_size is None else parse_size(image_size, "--image-size")
    malformed = Malformed()
    with share_progress(Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        options = ReadOptions(images, size, on_progress=progress)
        yield replace(options, on_malformed=malformed) if skip else options
    malformed.sum_up()
