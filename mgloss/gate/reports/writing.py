"""Write the reports that a person asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.reports import github, markdown
from mgloss.gate.reports.registry import Report
from mgspec.saved.files import write_text


@dataclass(frozen=True)
class ReportRequest:
    """The reports to write.

    files: where each report goes. annotate: print annotations for GitHub.
    summary: GitHub's file for the summary of a step.

    Raises ValueError for two reports in one file, and for one that needs what is not installed.
    """

    files: Mapping[Report, Path] = field(default_factory=dict)
    annotate: bool = False
    summary: Path | None = None

    def __post_init__(self) -> None:
        owners: dict[Path, str] = {}
        for name, path in self.destinations().items():
            first = owners.setdefault(path.absolute(), name)
            if first != name:
                raise ValueError(f"{name} {path}: the same file as {first}; give each its own")
        for report in self.files:
            report.require_packages()

    def destinations(self) -> dict[str, Path]:
        """Return the files to write, by what asked for them."""
        named = {report.option: path for report, path in self.files.items()}
        return named if self.summary is None else {**named, github.SUMMARY: self.summary}


def request_reports(files: Mapping[Report, Path | None], annotate: bool | None) -> ReportRequest:
    """Return the reports that a command's options ask for.

    files: the file of each report, None where it is not asked for.
    annotate: for GitHub; None to do so where GitHub Actions runs the command.
    """
    wanted = github.is_running() if annotate is None else annotate
    return ReportRequest(
        {report: path for report, path in files.items() if path is not None},
        wanted,
        github.find_summary() if wanted else None,
    )


def write_reports(request: ReportRequest, outcome: Outcome) -> None:
    """Write every report that is asked for. Raises OSError where one cannot be written."""
    for report, path in request.files.items():
        write_text(path, report.text(outcome))
    if request.summary is not None:
        github.add_summary(request.summary, markdown.text(outcome))
    if request.annotate:
        print("\n".join(github.commands(outcome)))
