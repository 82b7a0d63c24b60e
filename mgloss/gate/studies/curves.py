"""Show, write and draw the training runs of `mgloss curves`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mgloss.experiment.training import Run, Setting
from mgspec.saved.files import write_text

FORMAT, VERSION = "mgloss-curves", 1
SMOOTHED = 20  # steps in the moving average of a training curve
INK = {"training": "#555555", "same": "#0072b2", "sparser": "#e69f00", "denser": "#009e73"}


def by_name(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by the name of their normalization."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.normalization, []).append(run)
    return groups


def spread(runs: Sequence[Run], measure: Callable[[Run], float]) -> tuple[float, float]:
    """Return mean and standard deviation over the seeds; the latter is NaN for a single seed."""
    values = [measure(run) for run in runs]
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else np.nan


def remaining_loss(run: Run) -> float:
    """Return the training loss of the last steps, divided by that of the first steps."""
    part = min(SMOOTHED, len(run.loss) // 2)
    return float(np.mean(run.loss[-part:]) / np.mean(run.loss[:part]))


# A measure of a run for each column of the table.
MEASURES: dict[str, Callable[[Run], float]] = {
    "gap": lambda run: run.gap,
    "corr": lambda run: run.correlation,
    "sparser": lambda run: run.validation["sparser"][-1] / run.validation["same"][-1],
    "denser": lambda run: run.validation["denser"][-1] / run.validation["same"][-1],
    "fall": remaining_loss,
    "F1": lambda run: run.f1[-1],
}
NOTES = (
    "gap: relative change of the loss on the training scenes, with the same weights, if batches "
    "have {other} images instead of {batch}",
    "corr: correlation of the gradient's norm with 1 / objects in the batch",
    "sparser, denser: validation loss on scenes with fewer and with more objects, divided by that "
    "on scenes with as many",
    "fall: training loss of the last steps, divided by that of the first",
    "F1: 2 * matches / (detections + boxes), matched at an IoU of 0.5",
)


def show(console: Console, runs: Sequence[Run], setting: Setting) -> None:
    """Print a row for each normalization: mean ± standard deviation over the seeds."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in MEASURES:
        table.add_column(name, justify="right", no_wrap=True)
    for name, own in by_name(runs).items():
        cells = [_number(*spread(own, measure)) for measure in MEASURES.values()]
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
    """Write every run, and a summary of each normalization, as JSON."""
    summary = {
        name: {column: _document(*spread(own, measure)) for column, measure in MEASURES.items()}
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


def _plain(value: object) -> object:
    """Replace numbers that are not finite, which JSON does not have, by null."""
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
    for (name, own), (losses, norms, scores) in zip(rows.items(), panels, strict=True):
        steps = np.arange(1, len(own[0].loss) + 1)
        for run in own:
            window = min(SMOOTHED, len(run.loss))
            smooth = np.convolve(run.loss, np.ones(window) / window, "valid")
            losses.plot(steps[len(steps) - len(smooth) :], smooth, color=INK["training"], lw=0.8)
            for place, values in run.validation.items():
                losses.plot(run.at, values, color=INK[place], lw=1.4, marker=".")
            half = len(run.loss) // 2
            norms.scatter(run.objects[half:], run.norm[half:], s=8, color="#555555", alpha=0.5)
            scores.plot(run.at, run.f1, color=INK["same"], marker=".")
        for label, ink in INK.items():
            losses.plot([], [], color=ink, label=label)
        correlation, _ = spread(own, lambda run: run.correlation)
        losses.set(title=f"{name}: loss", xlabel="step", yscale="log")
        norms.set(
            title=f"gradient norm (correlation with 1/objects {correlation:.2f})",
            xlabel="objects in the batch",
        )
        scores.set(title="F1 at IoU 0.5, validation", xlabel="step", ylim=(0, 1))
        losses.legend(frameon=False, fontsize=8)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=110)
    path.write_bytes(drawn.getvalue())
