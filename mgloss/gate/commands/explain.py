"""`mgloss explain`: explain a law, a normalization, or a topic of the specification."""

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
            help="Explain a law, a normalization, or [b]choosing[/b], [b]theorem[/b], "
            "[b]notation[/b]. Default: list all laws and normalizations.",
        ),
    ] = None,
) -> None:
    """Explain a law: its formula, why it matters, who obeys it, a counterexample, the proof.

    spec/README.md has the same text, and the formulas of the loss.

    Examples:

      mgloss explain               every law and normalization in a line

      mgloss explain partition     a law

      mgloss explain hybrid        a normalization

      mgloss explain choosing      what you need, what to choose, what you give up

      mgloss explain theorem       which laws can be had together

      mgloss explain notation      what the letters mean
    """
    from rich.console import Console

    from mgloss.gate.studies.explain import show
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
    show(Console(highlight=False), section, replay)
