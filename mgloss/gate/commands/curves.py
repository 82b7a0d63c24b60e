"""`mgloss curves`: train a small detector under normalizations, and compare."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import fail, need_writable

NEEDED = {"tensorflow": "TensorFlow", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


def curves(
    normalizations: Annotated[
        list[str] | None,
        typer.Option(
            "--normalization",
            metavar="NAME|all",
            help="Train under this normalization; may be repeated. Default: batch and positives.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            metavar="N",
            help="Train each normalization with N seeds, for the error bars.",
        ),
    ] = 3,
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", help="Train for N steps in a run.")
    ] = 240,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw curves, *.png or *.svg.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every run to FILE.")
    ] = None,
) -> None:
    """Train a small detector under several normalizations and compare the curves.

    The detector learns to find handwritten digits in scenes that have as many
    objects as the images of COCO. Validation has another batch size, and scenes
    with as many, fewer and more objects. The table shows, with the spread over
    seeds: how much the batch size alone changes the loss, how the gradient's
    norm depends on the objects in the batch, and the F1 score. Needs
    mgloss\\[curves]. A run takes about ten seconds.

    Examples:

      mgloss curves --plot curves.png

      mgloss curves --normalization all --seeds 5 --json curves.json
    """
    from rich.console import Console

    from mgloss.gate.reports.progress import share_progress
    from mgloss.gate.studies import curves as study
    from mgspec import NORMALIZATIONS, normalization

    names = normalizations or ["batch", "positives"]
    if "all" in names:
        names = list(NORMALIZATIONS)
    for name in names:
        try:
            normalization(name)
        except ValueError as error:
            fail(f"--normalization {error}")
    if seeds < 1:
        fail(f"--seeds {seeds}: expected 1 or more")
    if steps < 2:
        fail(f"--steps {steps}: expected 2 or more")
    if plot is not None and plot.suffix.lower() not in (".png", ".svg"):
        fail(f"--plot {plot}: expected a name that ends in .png or .svg")
    for path, option in ((plot, "--plot"), (json, "--json")):
        if path is not None:
            need_writable(path, option)
    for module, needed in NEEDED.items():
        if find_spec(module) is None:
            fail(f"needs {needed}: pip install 'mgloss[curves]'")

    import tensorflow as tf

    from mgloss.experiment.training import Setting, train

    tf.get_logger().setLevel(
        "ERROR"
    )  # each run must trace its own function, and TensorFlow would warn
    setting = Setting(steps=steps)
    console = Console(highlight=False)
    runs = []
    interrupted = False
    names = list(dict.fromkeys(names))
    with share_progress(Console(stderr=True)) as bar, _stop_signal() as stop:
        task = bar.add_task("training", total=len(names) * seeds * steps)

        def after_step() -> None:
            bar.advance(task)
            if stop.is_set():
                raise KeyboardInterrupt

        try:
            for seed in range(seeds):
                for name in names:
                    bar.update(task, description=f"{name}, seed {seed}")
                    runs.append(train(name, seed, setting, after_step))
        except KeyboardInterrupt:
            interrupted = True
    if runs:
        study.show(console, runs, setting)
        try:
            if json is not None:
                study.write_json(json, runs, setting)
            if plot is not None:
                study.write_plot(plot, runs)
        except OSError as error:
            fail(f"{error.filename}: cannot be written: {error.strerror or error}")
    if interrupted:
        console.print(f"interrupted after {len(runs)} of {len(names) * seeds} runs")
        raise typer.Exit(130)


@contextmanager
def _stop_signal() -> Iterator[Event]:
    """Yield an event that Ctrl-C and SIGTERM set.

    Raising an exception instead would not do: inside of a framework's call it may be lost.
    """
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
