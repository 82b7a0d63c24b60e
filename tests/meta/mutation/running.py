"""Runs tests on mutants, each in a process of its own that is forked off a warm one.

Importing TensorFlow takes longer than most mutants live. So it is imported once, and nothing is
computed with it before the fork: its threads start with its first operation. A mutant replaces its
module as it is imported; no file is changed, and several can run at a time.
"""

from __future__ import annotations

import ast
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any

import pytest

from mgloss.gate.losses.environment import prepare
from tests.meta.mutation.mutants import ROOT, Mutant

SURVIVED, KILLED = "survived", "killed"
WARM = ("hypothesis", "keras", "numpy", "rich", "tensorflow", "typer")


@dataclass(frozen=True)
class Pass:
    """One way of running tests on a mutant.

    arguments: pytest's. order: parts of test names; tests run in the order of the first that is in
    theirs, those with none of them last. only: leave these out altogether. nearest: instead of an
    order, only the tests nearest to the mutant; see `distance`. seconds: after which a mutant
    counts as killed. unreached: functions that these tests do not run.
    """

    name: str
    arguments: tuple[str, ...]
    order: tuple[str, ...] = ()
    only: bool = False
    nearest: bool = False
    seconds: float = 600
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    by: the test, or file of tests, that failed; or "import", or "time" where there was no end of
        it.
    """

    status: str
    in_pass: str
    by: str
    seconds: float


class _OtherModule(SourceFileLoader):
    """Imports one module from other source than its file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's."""
        return compile(self._source, self.path, "exec", dont_inherit=True)

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Itself, for its module."""
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None


def distance(test: str, mutant: Mutant) -> int:
    """0 for a test that has the mutated function's name as its first parameter, as a law's have.

    1 for one that has another function's of its module, or is in the module's own file; else 2.
    """
    _, _, parameters = test.partition("[")
    first = parameters.removesuffix("]").partition("-")[0]
    if first == mutant.within.partition(".")[0]:
        return 0
    functions = [node.name for node in ast.parse(mutant.source).body if hasattr(node, "name")]
    return 1 if first in functions or f"test_{Path(mutant.module).name}::" in test else 2


class _InOrder:
    """A pytest plugin: the likeliest killers first; writes down which test failed."""

    def __init__(self, mutant: Mutant | None, chosen: Pass, report: Path) -> None:
        self._mutant, self._pass, self._report = mutant, chosen, report

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._pass.nearest and self._mutant is not None:
            far = [distance(item.nodeid, self._mutant) for item in items]
            items[:] = [item for item, there in zip(items, far, strict=True) if there == min(far)]
            return
        order = self._pass.order

        def rank(item: pytest.Item) -> int:
            return next((i for i, part in enumerate(order) if part in item.nodeid), len(order))

        items.sort(key=rank)
        if self._pass.only:
            items[:] = [item for item in items if rank(item) < len(order)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._report.write_text(report.nodeid, encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._report.write_text(report.nodeid, encoding="utf-8")


def warm_up() -> None:
    """Import what every test process needs and no mutant is in."""
    prepare()
    for name in WARM:
        importlib.import_module(name)
    # A mutant's graphs run a few times: optimizing them would take longer than it saves.
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def module_name(path: str) -> str:
    """What a source file is imported as: "spec/mgspec/laws/law.py" as "mgspec.laws.law"."""
    return path.removeprefix("spec/").removesuffix(".py").replace("/", ".")


def _test(mutant: Mutant | None, chosen: Pass, report: Path) -> None:
    """In a child: run the tests, and exit with pytest's status."""
    status = 3
    try:
        os.setsid()
        output = os.open(report.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(ROOT)
        if mutant is not None:
            path = str(ROOT / mutant.module)
            sys.meta_path.insert(0, _OtherModule(module_name(mutant.module), path, mutant.source))
        arguments = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", *chosen.arguments]
        status = int(pytest.main(arguments, plugins=[_InOrder(mutant, chosen, report)]))
    except BaseException:  # nothing may get past the fork, or the parent's work is done twice
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run(
    mutants: Sequence[Mutant | None], chosen: Pass, workers: int
) -> Iterator[tuple[Mutant | None, Outcome]]:
    """Each mutant's outcome, as it becomes known; None stands for the program without a fault.

    Raises RuntimeError where pytest could not be run as asked.
    """
    waiting = list(reversed(mutants))
    running: dict[int, tuple[Mutant | None, Path, float]] = {}
    with TemporaryDirectory() as directory:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    mutant = waiting.pop()
                    report = Path(directory) / str(len(waiting))
                    child = os.fork()
                    if not child:
                        _test(mutant, chosen, report)
                    running[child] = (mutant, report, time.monotonic())
                for child in list(running):
                    mutant, report, start = running[child]
                    ended, status = os.waitpid(child, os.WNOHANG)
                    seconds = time.monotonic() - start
                    if ended:
                        del running[child]
                        by = _killer(os.waitstatus_to_exitcode(status), report)
                    elif seconds > chosen.seconds:
                        _kill(child)
                        del running[child]
                        by = "time"
                    else:
                        continue
                    outcome = KILLED if by else SURVIVED
                    yield mutant, Outcome(outcome, chosen.name, by, round(seconds, 1))
                time.sleep(0.02)
        finally:
            for child in running:
                _kill(child)


def _kill(child: int) -> None:
    for end in (os.killpg, os.kill):  # the group is the child's once it has made itself one
        try:
            end(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
        break
    os.waitpid(child, 0)


def _killer(status: int, report: Path) -> str:
    """What killed the mutant; "" if nothing did."""
    if status == pytest.ExitCode.OK:
        return ""
    if status == pytest.ExitCode.TESTS_FAILED:
        return report.read_text(encoding="utf-8")
    if status == pytest.ExitCode.INTERRUPTED:  # while collecting
        return "import"
    if status < 0:
        return f"signal {-status}"
    log = report.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"pytest ended with status {status}:\n{log}")
