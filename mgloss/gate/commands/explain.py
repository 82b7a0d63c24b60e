"""`mgloss explain`: what a law says."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import fail


def explain(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A law, a normalization, or [b]choosing[/b], [b]theorem[/b], [b]notation[/b]; "
            "without it, all laws and normalizations are listed.",
        ),
    ] = None,
) -> None:
    """What a law says, why it matters, who obeys it, the smallest batch that breaks it, the proof.

    The same as in spec/README.md, which has the formulas of the loss too.

    Examples:

      mgloss explain               every law and normalization in a line

      mgloss explain partition     a law

      mgloss explain hybrid        a normalization

      mgloss explain choosing      what you need, what to choose, what you give up

      mgloss explain theorem       which laws can be had together

      mgloss explain notation      what the letters mean
    """
    from rich.console import Console

    from mgloss.gate.reports import terminal
    from mgspec import LAWS
    from mgspec.page import explanation
    from mgspec.saved.witnesses import breakers, path

    try:
        section = explanation(name)
    except ValueError as error:
        fail(str(error))
    replay = None
    if name in LAWS and breakers(name):
        replay = shlex.join(["mgloss", "replay", str(path(name, breakers(name)[0]))])
    terminal.show_explanation(Console(highlight=False), section, replay)
