"""The reports of `mgloss check` that can be written to files.

A report is a module of this package with a function `text(outcome)`, and a line in `REPORTS`: the
option, its help and the README's table are made from it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgloss.gate.checks.outcome import Outcome


@dataclass(frozen=True)
class Report:
    """A report that an option asks for.

    name: of the option, and of the module that makes the text. help: of the option.
    packages: that must be installed. extra: what installs them, as in `mgloss[extra]`.
    """

    name: str
    help: str
    packages: tuple[str, ...] = ()
    extra: str = ""

    @property
    def option(self) -> str:
        """The option that asks for it."""
        return f"--{self.name}"

    def require_packages(self) -> None:
        """Raise ValueError, saying what to install, if a package is missing."""
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            raise ValueError(
                f"{self.option} needs {' and '.join(missing)}: "
                f"python -m pip install 'mgloss[{self.extra}]'"
            )

    def text(self, outcome: Outcome) -> str:
        """Return the report; its module is imported only now, with what it needs."""
        module = importlib.import_module(f"mgloss.gate.reports.{self.name}")
        text: str = module.text(outcome)
        return text


REPORTS = (
    Report("json", "Write the verdicts as JSON."),
    Report("junit", "Write the verdicts as JUnit XML, with a test case for each law."),
    Report("markdown", "Write the verdicts as Markdown, for a review."),
    Report(
        "html",
        "Write the verdicts as one HTML page, with grids and plots.",
        packages=("jinja2", "matplotlib"),
        extra="report",
    ),
)
