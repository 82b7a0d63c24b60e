"""Options that several commands take, in groups, and what is wrong with a request."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from mgloss.gate.losses.adapters.frameworks import names_for_help
from mgloss.gate.losses.defaults import (
    DEFAULT_CLAIMS,
    DEFAULT_EXAMPLES,
    DEFAULT_MEMORY,
    DEFAULT_SEED,
    DEFAULT_TIMEOUT,
    ROLE_HELP,
)
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS
from mgloss.gate.reports.registry import REPORTS, Report

if TYPE_CHECKING:
    from mgloss.gate.checks.request import CheckRequest
    from mgloss.gate.losses.request import LossRequest
    from mgloss.gate.reports.writing import ReportRequest
    from mgspec.loss.roles import Roles
    from mgspec.problem.detector import FixedDetector

LossArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="LOSS",
        help="package.module:name or path/to/file.py:name; without a name, 'loss'. "
        "A function f(y_true, y_pred) or a factory f(problem) that returns one. "
        "Without LOSS the built-in reference is judged.",
    ),
]
ExamplesOption = Annotated[
    int, typer.Option("--max-examples", help="Batches to try before a law is taken to hold.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="The same seed finds the same counterexample.")
]
WorkersOption = Annotated[
    str,
    typer.Option("-n", metavar="N|auto", help="Processes to spread the laws over; 0: this one."),
]
FrameworkOption = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        help=f"Framework of the loss: {names_for_help()}. Default: as recognized.",
    ),
]
AutocastOption = Annotated[
    str | None,
    typer.Option(
        "--autocast",
        metavar="DTYPE",
        help="Run a PyTorch loss under torch.autocast too, to bfloat16 or float16; the law modes "
        "compares.",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", help="Seconds allowed for one batch."),
]
MemoryOption = Annotated[
    float,
    typer.Option("--memory", metavar="GIB", help="GiB allowed for the loss's own process."),
]
TracebackOption = Annotated[
    bool, typer.Option("--traceback", help="Show Python's traceback when the loss raises.")
]


@dataclass(frozen=True)
class RunArguments:
    """What a loss is, and what it may use."""

    problem: Annotated[
        str | None,
        typer.Option(
            "--problem",
            metavar="NAME|FILE:NAME",
            help="Images of the loss, if not of this project's layout: "
            f"{', '.join(BUILT_IN_PROBLEMS)}, or an mgspec.Description in a file.",
        ),
    ] = None
    framework: FrameworkOption = None
    autocast: AutocastOption = None
    timeout: TimeoutOption = DEFAULT_TIMEOUT
    memory: MemoryOption = DEFAULT_MEMORY


@dataclass(frozen=True)
class RoleArguments:
    """What a person says of the components of a loss."""

    background: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"{ROLE_HELP['background']} May be repeated."),
    ] = None
    objects: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"{ROLE_HELP['objects']} May be repeated."),
    ] = None
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"{ROLE_HELP['metric']} May be repeated."),
    ] = None
    detached: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"{ROLE_HELP['detached']} May be repeated."),
    ] = None
    component: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"{ROLE_HELP['component']} Default: total."),
    ] = None

    def roles(self) -> Roles:
        """Return what is said. Raises ValueError for a component of two roles."""
        from mgspec.loss.roles import Roles

        return Roles.said(**vars(self))


@dataclass(frozen=True)
class LossArguments:
    """A loss, and what a person says of it."""

    loss: LossArgument = None
    claims: Annotated[
        str, typer.Option(help="The normalization whose laws the loss must obey.")
    ] = DEFAULT_CLAIMS
    options: Annotated[
        str | None,
        typer.Option(
            "--options",
            metavar="all|FILE",
            help="Take the loss for the MultiGrid loss with the options of a JSON FILE, or, with "
            "'all', for a factory that follows problem.options; judge the laws of its layout too. "
            "Default: all for the reference, its three plain terms for another loss.",
        ),
    ] = None
    run: RunArguments = RunArguments()
    traceback: TracebackOption = False
    components: RoleArguments = RoleArguments()
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector",
            metavar="FILE",
            help="Judge the loss on batches of this detector only: its grids, anchors, classes and "
            "input size, from the JSON file that mgloss stats reads. Large grids take long.",
        ),
    ] = None

    def request(self) -> LossRequest:
        """Return the request; end with status 2 where it is wrong."""
        from mgloss.gate.losses.options import read_options
        from mgloss.gate.losses.request import LossRequest

        try:
            return LossRequest(
                self.loss,
                self.claims,
                read_options(self.options, self.claims),
                self.run.problem,
                self.run.framework,
                autocast=self.run.autocast,
                show_traceback=self.traceback,
                timeout=self.run.timeout,
                memory=self.run.memory,
                roles=self.components.roles(),
                options_file=self.options,
                detector=self._read_detector(),
                detector_file=self.detector,
            )
        except ValueError as error:
            fail(str(error))

    def _read_detector(self) -> FixedDetector | None:
        from mgloss.gate.losses.detectors import read_detector

        try:
            return read_detector(self.detector)
        except ValueError as error:
            fail(f"--detector {error}")


@dataclass(frozen=True)
class SearchArguments:
    """Which laws to judge, and how hard to search."""

    law: Annotated[
        list[str] | None,
        typer.Option("--law", help="Judge only this law, claimed or not; may be repeated."),
    ] = None
    max_examples: ExamplesOption = DEFAULT_EXAMPLES
    seed: SeedOption = DEFAULT_SEED
    n: Annotated[
        str | None,
        typer.Option(
            "-n",
            metavar="N|auto",
            help="Processes to spread the laws over; 0: this one. Default: auto, or 0 for "
            "a short search.",
        ),
    ] = None

    def request(self, loss: LossRequest, **further: Any) -> CheckRequest:
        """Return the request; end with status 2 where it is wrong.

        further: other fields of `CheckRequest`.
        """
        from mgloss.gate.checks.request import CheckRequest

        check_workers(self.n or "auto")
        try:
            return CheckRequest(
                loss,
                named=tuple(self.law or ()),
                max_examples=self.max_examples,
                seed=self.seed,
                **further,
            )
        except ValueError as error:
            fail(str(error))


def _report_option(report: Report) -> tuple[str, Any, None]:
    extra = f" Needs mgloss\\[{report.extra}]." if report.extra else ""
    option = typer.Option(report.option, metavar="FILE", help=f"{report.help}{extra}")
    return report.name, Annotated[Path | None, option], None


# A field for each report that can be written.
ReportFiles: Any = make_dataclass("ReportFiles", map(_report_option, REPORTS), frozen=True)
NO_FILES = ReportFiles()


@dataclass(frozen=True)
class ReportArguments:
    """The reports to write."""

    files: ReportFiles = NO_FILES
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github",
            help="Annotate the loss's file and add to the step's summary. Default: in GitHub "
            "Actions.",
        ),
    ] = None

    def request(self) -> ReportRequest:
        """Return the request; end with status 2 where it is wrong, or a file cannot be written."""
        from mgloss.gate.reports.writing import request_reports

        files = {report: getattr(self.files, report.name) for report in REPORTS}
        try:
            request = request_reports(files, self.github)
        except ValueError as error:
            fail(str(error))
        for name, path in request.destinations().items():
            need_writable(path, name)
        return request


def fail(message: str) -> NoReturn:
    """Say what is wrong with the request and end with status 2."""
    print(f"mgloss: {message}", file=sys.stderr)
    raise typer.Exit(2)


def check_workers(workers: str) -> None:
    """End with status 2 unless this is a number of processes or "auto"."""
    if workers != "auto" and not workers.isdecimal():
        fail(f"-n {workers}: expected a number of processes or 'auto'")


def need_writable(path: Path, name: str) -> None:
    """End with status 2, before any work is done, if a path cannot be written.

    name: what asked for it, such as "--json".
    """
    existing = path.absolute()
    if name == "--report":  # a folder, made when there is something to put into it
        while not existing.exists():
            existing = existing.parent
    elif existing.is_dir():
        fail(f"{name} {path}: is a directory, expected a file")
    elif not existing.parent.exists():
        fail(f"{name} {path}: there is no folder {path.parent}")
    else:
        existing = existing.parent
    if not existing.is_dir():
        fail(f"{name} {path}: {existing} is not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        fail(f"{name} {path}: {existing} cannot be written")
