"""The command line. Exit status: 0 all is well, 1 a law is broken, 2 the request is wrong."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from typing import Annotated, NoReturn

import typer

from mgloss.gate.commands.baseline import baseline
from mgloss.gate.commands.check import check
from mgloss.gate.commands.curves import curves
from mgloss.gate.commands.diff import diff
from mgloss.gate.commands.explain import explain
from mgloss.gate.commands.identify import identify
from mgloss.gate.commands.matrix import matrix
from mgloss.gate.commands.replay import replay
from mgloss.gate.commands.stats import stats
from mgloss.gate.commands.targets import targets
from mgloss.gate.losses.environment import prepare
from mgloss.gate.losses.versions import list_installed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        for name, version in list_installed():
            print(name, version)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the versions of mgloss, Python and the frameworks found, and exit.",
        ),
    ] = False,
) -> None:
    """Find the smallest batch on which a detector's loss is normalized wrongly.

    Examples:

      mgloss check                               the built-in reference loss

      mgloss check my_loss.py:loss               a loss of yours, held to the laws of [b]batch[/b]

      mgloss check my_loss.py:loss --claims grid --json verdicts.json

      mgloss replay mgloss-report/my_loss.loss-batch/*.json --loss my_loss.py:loss

      mgloss explain partition                   what a law says, and why it matters

      mgloss explain choosing                    which normalization to choose

      mgloss stats instances_val2017.json        the expected count of a data set

      mgloss targets instances_val2017.json      a picture of which cells carry which boxes

    Exit status: 0 every claimed law holds, 1 a law is broken, 2 the request is wrong.
    """


for command in (check, baseline, matrix, explain, replay, identify, diff, stats, targets, curves):
    app.command()(command)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line."""
    # A CI job is ended by SIGTERM: save and report what was found so far, as after Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    # Keep Hypothesis from writing its notes into the user's folder.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)
        prepare()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a mark shows "?"
                stream.reconfigure(errors="replace")
        app(prog_name="mgloss")
