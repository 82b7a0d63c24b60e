"""Run the laws of requests through pytest, and hand over the results as they come."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mgloss.gate.checks.plugin import NOTES, PROGRESS, PROPERTY, REPLAYED, REQUESTS, node_id
from mgloss.gate.checks.replayed import Replayed
from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.results import Result, from_data, without_search
from mgloss.gate.losses import problems
from mgspec.search.verdicts import ERROR


@dataclass(frozen=True)
class Listener:
    """What to call while the laws run.

    on_law: with the results of each law that ends. on_example: once for each example, in runs of a
    single process. on_note: with each note, such as that the database failed. on_replayed: with
    what became of the stored counterexamples of each law that ends.
    """

    on_law: Callable[[list[Result]], None] = lambda results: None
    on_example: Callable[[], None] = lambda: None
    on_note: Callable[[str], None] = lambda note: None
    on_replayed: Callable[[list[Replayed]], None] = lambda replayed: None


@dataclass(frozen=True)
class Run:
    """How a run of pytest ended.

    is_complete: it was not interrupted. junit: what pytest wrote as JUnit XML, if it came so far.
    """

    is_complete: bool
    junit: str | None


@dataclass(eq=False)  # pytest keeps its plugins in sets
class _Gatherer:
    """A pytest plugin that hands the requests in and the results out."""

    requests: tuple[CheckRequest, ...]
    listener: Listener
    seen: set[str] = field(default_factory=set)
    items: dict[str, tuple[CheckRequest, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.items = {node_id(r, law): (r, law) for r in self.requests for law in r.laws}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[REQUESTS] = self.requests
        config.stash[PROGRESS] = self.listener.on_example

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        request, law = self.items[report.nodeid]
        sent: list[dict[str, Any]] | None = getattr(report, PROPERTY, None)
        if sent is not None:
            description = problems.find_description(request.loss.problem)
            results = [from_data(data, description) for data in sent]
        elif report.failed:  # the law itself failed, or the process that ran it died
            message = f"the check came to an end: {report.longreprtext}"
            results = [without_search(request.claims, law, ERROR, message)]
        else:
            return
        if report.nodeid not in self.seen:
            self.seen.add(report.nodeid)
            self.listener.on_law(results)
            for note in getattr(report, NOTES, ()):
                self.listener.on_note(note)
            self.listener.on_replayed([Replayed(**each) for each in getattr(report, REPLAYED, ())])


def run_laws(requests: Sequence[CheckRequest], workers: str, listener: Listener) -> Run:
    """Judge the laws of the requests.

    workers: "0" for this process, else a number or "auto", as for pytest's -n.
    """
    with tempfile.TemporaryDirectory() as folder:
        # An empty folder of its own keeps the user's pytest configuration out of the gate.
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        junit = Path(folder) / "junit.xml"
        arguments = [
            folder,
            *("-c", f"{folder}/pytest.ini", "--rootdir", folder),
            *("-p", "mgloss.gate.checks.plugin", "-p", "no:cacheprovider", "-p", "no:terminal"),
            # Its last act is to collect garbage, which takes a second beside a framework.
            *("-p", "no:unraisableexception", "--capture=no"),
            *(f"--junitxml={junit}", "--override-ini=junit_suite_name=mgloss"),
        ]
        if workers != "0":
            arguments += ["-p", "xdist.plugin", "-n", workers, "--maxschedchunk=1"]
        with _clean_environment():
            status = pytest.main(arguments, plugins=[_Gatherer(tuple(requests), listener)])
        if status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            raise RuntimeError(f"pytest could not run the laws: {pytest.ExitCode(status).name}")
        text = junit.read_text(encoding="utf-8") if junit.exists() else None
    return Run(status != pytest.ExitCode.INTERRUPTED, text)


_CLEAN = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "",
    "PYTEST_PLUGINS": "",
}


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Keep the user's pytest settings out of the gate's own run."""
    kept = {name: os.environ.get(name) for name in _CLEAN}
    os.environ.update(_CLEAN)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
