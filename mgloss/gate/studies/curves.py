"""What `mgloss curves` shows, writes and draws."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mgloss.experiment.training import Run, Setting
from mgspec.saved.files import write_text

FORMAT, VERSION = "mgloss-curves", 1
SMOOTHED = 20  # steps that a curve of training is the mean of
INK = {"training": "#555555", "same": "#0072b2", "sparser": "#e69f00", "denser": "#009e73"}


def by_name(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each normalization."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.normalization, []).append(run)
    return found


def spread(runs: Sequence[Run], of: Callable[[Run], float]) -> tuple[float, float]:
    """Mean and standard deviation over the seeds; NaN for the latter of a single one."""
    values = [of(run) for run in runs]
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def fallen(run: Run) -> float:
    """The loss of the last steps as a share of that of the first."""
    part = min(SMOOTHED, len(run.loss) // 2)
    return float(np.mean(run.loss[-part:]) / np.mean(run.loss[:part]))


# What is told of each run, by its column.
TOLD: dict[str, Callable[[Run], float]] = {
    "gap": lambda run: run.gap,
    "corr": lambda run: run.correlation,
    "sparser": lambda run: run.validation["sparser"][-1] / run.validation["same"][-1],
    "denser": lambda run: run.validation["denser"][-1] / run.validation["same"][-1],
    "fall": fallen,
    "F1": lambda run: run.f1[-1],
}
NOTES = (
    "gap: how far the loss on the training scenes goes, as a share of it, when they come by "
    "{other} instead of {batch}, the weights left alone",
    "corr: correlation of the gradient's norm with 1 / objects in the batch",
    "sparser, denser: validation loss on scenes of fewer and more objects, over that of as many",
    "fall: training loss of the last steps, over that of the first",
    "F1: boxes found at an IoU of 0.5, of all that were found or should be",
)


def show(console: Console, runs: Sequence[Run], setting: Setting) -> None:
    """Print a row for each normalization: mean ± standard deviation over the seeds."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in TOLD:
        table.add_column(name, justify="right", no_wrap=True)
    for name, own in by_name(runs).items():
        cells = [_number(*spread(own, of)) for of in TOLD.values()]
        table.add_row(name, *cells)
    console.print(table)
    console.print()
    seeds = len({run.seed for run in runs})
    console.print(f"mean ± standard deviation over {seeds} seed(s), {setting.steps} steps each")
    for note in NOTES:
        console.print(note.format(other=setting.other_batch, batch=setting.batch), soft_wrap=True)


def _number(mean: float, deviation: float) -> str:
    digits = ".2f" if abs(mean) >= 0.05 else ".0e"
    return f"{mean:{digits}}" + ("" if np.isnan(deviation) else f"±{deviation:{digits}}")


def write_json(path: Path, runs: Sequence[Run], setting: Setting) -> None:
    """Write all that was seen of every run."""
    summary = {
        name: {told: _document(*spread(own, of)) for told, of in TOLD.items()}
        for name, own in by_name(runs).items()
    }
    document = {
        "format": FORMAT,
        "version": VERSION,
        "setting": asdict(setting),
        "summary": summary,
        "runs": [asdict(run) | {"gap": run.gap, "correlation": run.correlation} for run in runs],
    }
    write_text(path, json.dumps(_plain(document), indent=1, allow_nan=False) + "\n")


def _document(mean: float, deviation: float) -> dict[str, float]:
    return {"mean": mean, "standard_deviation": deviation}


def _plain(value: Any) -> Any:
    """The same with null in place of what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def write_plot(path: Path, runs: Sequence[Run]) -> None:
    """Draw a row for each normalization: losses, gradient norms against objects, F1."""
    from matplotlib.figure import Figure

    rows = by_name(runs)
    figure = Figure(figsize=(12, 3.1 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 3, squeeze=False)
    for (name, own), (losses, norms, found) in zip(rows.items(), panels, strict=True):
        steps = np.arange(1, len(own[0].loss) + 1)
        for run in own:
            window = min(SMOOTHED, len(run.loss))
            smooth = np.convolve(run.loss, np.ones(window) / window, "valid")
            losses.plot(steps[len(steps) - len(smooth) :], smooth, color=INK["training"], lw=0.8)
            for place, values in run.validation.items():
                losses.plot(run.at, values, color=INK[place], lw=1.4, marker=".")
            half = len(run.loss) // 2
            norms.scatter(run.objects[half:], run.norm[half:], s=8, color="#555555", alpha=0.5)
            found.plot(run.at, run.f1, color=INK["same"], marker=".")
        for label, ink in INK.items():
            losses.plot([], [], color=ink, label=label)
        correlation, _ = spread(own, lambda run: run.correlation)
        losses.set(title=f"{name}: loss", xlabel="step", yscale="log")
        norms.set(
            title=f"gradient norm (correlation with 1/objects {correlation:.2f})",
            xlabel="objects in the batch",
        )
        found.set(title="F1 at IoU 0.5, validation", xlabel="step", ylim=(0, 1))
        losses.legend(frameon=False, fontsize=8)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=110)
    path.write_bytes(drawn.getvalue())
