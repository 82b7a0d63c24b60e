"""Reports of `mgloss check` for machines, reviews and people; the terminal's is `reporting`.

All of them tell one `Outcome`; what is asked for is a `Requested`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mgloss.gate.reports import github, markdown, reporting
from mgloss.gate.reports.outcome import Outcome
from mgspec import Candidate
from mgspec.saved.files import write_text

__all__ = ["Outcome", "Requested", "on_github", "requested", "write"]

FOR_HTML = ("jinja2", "matplotlib")


@dataclass(frozen=True)
class Requested:
    """The reports to write, by path; None: not asked for.

    github: annotations on standard output. summary: GitHub's file for a step's summary.
    """

    json: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    html: Path | None = None
    github: bool = False
    summary: Path | None = None

    def files(self) -> dict[str, Path]:
        """The files by what asked for them."""
        asked = {
            "--json": self.json,
            "--junit": self.junit,
            "--markdown": self.markdown,
            "--html": self.html,
            github.SUMMARY: self.summary,
        }
        return {what: path for what, path in asked.items() if path is not None}


def on_github() -> bool:
    """Whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def requested(
    json: Path | None,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    annotate: bool | None,
) -> Requested:
    """What is asked for. annotate: None for what the surroundings say.

    Raises ValueError for two reports in one file, or a report that needs what is not installed.
    """
    wanted = on_github() if annotate is None else annotate
    named = os.environ.get(github.SUMMARY) if wanted else None
    asked = Requested(json, junit, markdown, html, wanted, Path(named) if named else None)
    owners: dict[Path, str] = {}
    for what, path in asked.files().items():
        first = owners.setdefault(path.absolute(), what)
        if first != what:
            raise ValueError(f"{what} {path}: the same file as {first}; give each its own")
    missing = [name for name in FOR_HTML if find_spec(name) is None]
    if html is not None and missing:
        raise ValueError(
            f"--html needs {' and '.join(missing)}: python -m pip install 'mgloss[report]'"
        )
    return asked


def write(
    asked: Requested, outcome: Outcome, junit: str | None, candidate: Callable[[], Candidate]
) -> None:
    """Write every report that was asked for. Raises OSError where one cannot be written.

    junit: what pytest wrote. candidate: gives the loss, for the plots of it.
    """
    if asked.json is not None:
        reporting.write_json(asked.json, outcome.request, outcome.verdicts)
    if asked.junit is not None and junit is not None:
        write_text(asked.junit, junit)
    if asked.markdown is not None:
        write_text(asked.markdown, markdown.text(outcome))
    if asked.html is not None:
        from mgloss.gate.reports.page import page  # the only one that needs jinja2 and matplotlib

        write_text(asked.html, page.text(outcome, candidate()))
    if asked.summary is not None:
        github.add_summary(asked.summary, markdown.text(outcome))
    if asked.github:
        print("\n".join(github.commands(outcome)))
