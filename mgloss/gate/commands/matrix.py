"""`mgloss matrix`: the truth table, searched live."""

from __future__ import annotations

import typer

from mgloss.gate.commands.arguments import (
    ExamplesOption,
    SeedOption,
    WorkersOption,
    check_search_numbers,
    fail,
)


def matrix(
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: WorkersOption = "auto",
) -> None:
    """The truth table: every batch law under every normalization of the reference, by search.

    The reference is taken with its three plain terms: squared error, cross-entropy, and nothing
    ignored. Status 1 where the search finds something else than the normalizations claim.

    Examples:

      mgloss matrix

      mgloss matrix --max-examples 1000
    """
    from rich.console import Console

    from mgloss.gate.losses.loading import LoadError, need_reference
    from mgloss.gate.reports import reporting
    from mgspec import NORMALIZATIONS
    from mgspec.laws import BATCH_LAWS

    check_search_numbers(max_examples, seed, n)
    try:
        need_reference()
    except LoadError as error:
        fail(str(error))
    console = Console()
    options = ["--law-matrix", f"--law-examples={max_examples}", f"--law-seed={seed}"]
    total = len(BATCH_LAWS) * len(NORMALIZATIONS)
    found, completed = reporting.gather(console, total, options, n)
    raise typer.Exit(reporting.show_matrix(console, found, max_examples, completed))
