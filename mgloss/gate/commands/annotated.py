"""Arguments of the commands that read annotations, and how they read them."""

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
    from mgloss.data.annotations import Reading
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
        help="Where image paths start. Default: beside the annotations.",
    ),
]
ImageSizeOption = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="WxH",
        help="Pixels of each image whose size the annotations do not tell and whose file is "
        "not there.",
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
    typer.Option("--input-size", metavar="WxH", help="Another input size, in pixels."),
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-malformed", help="Name malformed lines and go on, instead of stopping."),
]

TOLD = 20  # malformed lines that are named; the rest is counted


@dataclass
class Malformed:
    """What was left out, told as it comes."""

    number: int = 0

    def __call__(self, message: str) -> None:
        """Name one of the first, count all."""
        self.number += 1
        if self.number <= TOLD:
            print(f"mgloss: left out: {message}", file=sys.stderr)

    def sum_up(self) -> None:
        """Say how many more there were than were named."""
        if self.number > TOLD:
            print(f"mgloss: left out: {self.number - TOLD:,} more", file=sys.stderr)


def pair(text: str, option: str) -> tuple[int, int]:
    """The two numbers of "640x480"; status 2 where it is none."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) <= 1e6 for part in parts):
        fail(f"{option} {text}: expected width and height in pixels, as 640x480")
    return int(parts[0]), int(parts[1])


def asked_detector(file: Path | None, input_size: str | None) -> Detector:
    """The detector that --detector and --input-size ask for; status 2 where there is none."""
    from mgloss.data.detector import YOLOV3, DetectorError, load

    try:
        detector = YOLOV3 if file is None else load(file)
    except DetectorError as error:
        fail(f"--detector {error}")
    if input_size is None:
        return detector
    width, height = pair(input_size, "--input-size")
    try:
        return replace(detector, input_size=(height, width))
    except ValueError as error:
        fail(f"--input-size {input_size}: {error}")


@contextmanager
def reading(images: Path | None, image_size: str | None, skip: bool) -> Iterator[Reading]:
    """How to read, with a bar of progress on the terminal; says what was left out."""
    from rich.console import Console

    from mgloss.data.annotations import Reading
    from mgloss.gate.reports import terminal

    if images is not None and not images.is_dir():
        fail(f"--images {images}: is not a folder")
    size = None if image_size is None else pair(image_size, "--image-size")
    malformed = Malformed()
    with terminal.share(Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        how = Reading(images, size, progress=progress)
        yield replace(how, malformed=malformed) if skip else how
    malformed.sum_up()
