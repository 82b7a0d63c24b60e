"""`mgloss matrix`: the truth table, searched live."""

from __future__ import annotations

import typer

from mgloss.gate.commands.arguments import (
    ExamplesOption,
    SeedOption,
    WorkersOption,
    check_workers,
    fail,
)
from mgloss.gate.losses.defaults import DEFAULT_EXAMPLES, DEFAULT_SEED


def matrix(
    max_examples: ExamplesOption = DEFAULT_EXAMPLES,
    seed: SeedOption = DEFAULT_SEED,
    n: WorkersOption = "auto",
) -> None:
    """Search for the truth table: every batch law under every normalization of the reference.

    The reference is taken with its three plain terms: squared error, cross-entropy, and nothing
    ignored. Status 1 where the search finds something else than the normalizations claim.

    Examples:

      mgloss matrix

      mgloss matrix --max-examples 1000
    """
    from rich.console import Console

    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.loading import need_reference
    from mgloss.gate.studies import matrix as study

    check_workers(n)
    try:
        requests = study.make_requests(max_examples, seed)
        need_reference()
    except (LoadError, ValueError) as error:
        fail(str(error))
    console = Console()
    searched = study.search(console, requests, n)
    raise typer.Exit(study.show(console, searched, max_examples))
