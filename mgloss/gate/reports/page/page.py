"""The outcome as one page of HTML that needs no network and no scripts."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mgloss.gate.reports.outcome import MARKS, NOT_SPOKEN_OF, Outcome
from mgloss.gate.reports.page import plots
from mgloss.gate.reports.page.curves import measured
from mgloss.gate.reports.page.grids import CELL, figure
from mgloss.gate.reports.page.probes import COUNTS
from mgspec import Candidate
from mgspec.laws.law import SECTIONS

TEMPLATE = "page.html.jinja"


def text(outcome: Outcome, candidate: Candidate) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = with_code
    measurements = measured(candidate)
    return environment.get_template(TEMPLATE).render(
        outcome=outcome,
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
        style=Markup(Path(__file__).with_name("page.css").read_text(encoding="utf-8")),
    )


def with_code(said: str) -> Markup:
    """Text of ours, in which `code` is code."""
    parts = [escape(part) for part in said.split("`")]
    parts[1::2] = [Markup("<code>{}</code>").format(part) for part in parts[1::2]]
    return Markup("").join(parts)
