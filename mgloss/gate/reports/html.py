"""The outcome as one page of HTML that needs no network and no scripts."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mgloss.gate.checks.command_lines import replay_command
from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.losses.opening import open_loss
from mgloss.gate.reports.marks import MARKS, NOT_SPOKEN_OF
from mgloss.gate.reports.page import plots
from mgloss.gate.reports.page.curves import measured
from mgloss.gate.reports.page.grids import CELL, figure
from mgloss.gate.reports.page.probes import COUNTS
from mgspec.laws.law import SECTIONS

FOLDER = Path(__file__).parent / "page"
TEMPLATE = "page.html.jinja"


def text(outcome: Outcome) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = with_code
    measurements = measured(open_loss(outcome.request.loss).candidate)
    return environment.get_template(TEMPLATE).render(
        outcome=outcome,
        replay_command=replay_command,
        sections=SECTIONS,
        marks=MARKS,
        not_spoken_of=NOT_SPOKEN_OF,
        figure=figure,
        cell=CELL,
        counts=COUNTS,
        plots=[
            (measurement, Markup(plots.svg(measurement, f"plot{number}")))
            for number, measurement in enumerate(measurements)
        ],
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
    )


def with_code(text: str) -> Markup:
    """Return a text of mgloss as HTML, in which `code` is code."""
    parts = [escape(part) for part in text.split("`")]
    parts[1::2] = [Markup("<code>{}</code>").format(part) for part in parts[1::2]]
    return Markup("").join(parts)
