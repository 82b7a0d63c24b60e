"""Runs the laws through pytest and gathers the verdicts as they come."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mgloss.gate.checks import verdicts
from mgloss.gate.checks.plugin import NOTES, PROGRESS, PROPERTY, claims_and_law
from mgspec.search.verdicts import ERROR

Document = dict[str, Any]


@dataclass
class Listener:
    """What a reporter wants to hear of a run.

    finished: (claims, law, verdicts). tried: once for each example, in
    runs of a single process. said: each note, such as that a stored case is no longer broken.
    """

    finished: Callable[[str, str, list[Document]], None] = lambda claims, law, found: None
    tried: Callable[[], None] = lambda: None
    said: Callable[[str], None] = lambda note: None


@dataclass(eq=False)  # pytest keeps its plugins in sets
class _Gatherer:
    """A pytest plugin that hands the verdicts of reports to a listener."""

    listener: Listener
    seen: set[str] = field(default_factory=set)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[PROGRESS] = self.listener.tried

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        claims, law = claims_and_law(report.nodeid)
        found = getattr(report, PROPERTY, None)
        if found is None and report.failed:
            # The law itself failed, or the process that ran it died.
            found = [verdicts.bare(law, ERROR, f"the check came to an end: {report.longreprtext}")]
        if isinstance(found, list) and report.nodeid not in self.seen:
            self.seen.add(report.nodeid)
            self.listener.finished(claims, law, found)
            for note in getattr(report, NOTES, ()):
                self.listener.said(note)


def run(options: list[str], workers: str, listener: Listener) -> bool:
    """Run the items that these plugin options ask for; False if interrupted.

    workers: "0" for this process, else a number or "auto", as for pytest's -n.
    """
    with tempfile.TemporaryDirectory() as folder:
        # An empty folder of its own keeps the user's pytest configuration out of the gate.
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        arguments = [
            folder,
            "-c",
            f"{folder}/pytest.ini",
            "--rootdir",
            folder,
            "-p",
            "mgloss.gate.checks.plugin",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:terminal",
            "--capture=no",
            *options,
        ]
        if workers != "0":
            arguments += ["-p", "xdist.plugin", "-n", workers, "--maxschedchunk=1"]
        kept = {name: os.environ.get(name) for name in _CLEAN}
        os.environ.update(_CLEAN)
        try:
            status = pytest.main(arguments, plugins=[_Gatherer(listener)])
        finally:
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
    if status == pytest.ExitCode.INTERRUPTED:
        return False
    if status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise RuntimeError(f"pytest could not run the laws: {pytest.ExitCode(status).name}")
    return True


_CLEAN = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "",
    "PYTEST_PLUGINS": "",
}
