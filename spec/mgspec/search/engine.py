"""One run of Hypothesis: draw cases, judge each, and shrink the first that is wrong."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from unittest import SkipTest

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import ExampleDatabase
from hypothesis.errors import (
    FlakyFailure,
    FlakyStrategyDefinition,
    HypothesisWarning,
    Unsatisfiable,
)
from hypothesis.strategies import SearchStrategy

from mgspec.laws import Case, Finding
from mgspec.laws.reach import Reach
from mgspec.loss.candidate import FatalLossError, LossError
from mgspec.problem.layout import AnyBatch

MOST_REPLAYED = 100  # examples of a database
MOST_SHRINKING = 300  # cases tried to make a large one small


class _BrokenError(Exception):
    """Carries a finding through Hypothesis."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _FatalError(BaseException):
    """Carries a finding out of Hypothesis at once, before it tries the case again."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class EndOfRun(BaseException):
    """Raised by a judge to end the run at once, with what it has found."""


class Section(ExampleDatabase):
    """The part of an example database that is about one question.

    Hypothesis makes its keys from the source of the test function, which is the same for all laws.
    Its public interface allows a database that puts a prefix before each key.
    """

    def __init__(self, whole: ExampleDatabase, question: str) -> None:
        super().__init__()
        self.whole = whole
        self.question = question.encode("utf-8", "surrogatepass") + b"/"

    def save(self, key: bytes, value: bytes) -> None:
        """Save an example."""
        self.whole.save(self.question + key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Return the saved examples."""
        return self.whole.fetch(self.question + key)

    def delete(self, key: bytes, value: bytes) -> None:
        """Delete an example."""
        self.whole.delete(self.question + key, value)

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        """Move an example to another key."""
        self.whole.move(self.question + src, self.question + dest, value)


class _EnoughError(BaseException):
    """Ends the shrinking of a large case with the smallest one found so far."""


@dataclass
class Tally:
    """The counts of one run, and its finding, shrunk if that was wanted.

    examples: cases tried. passed: those of them before the first that was wrong.
    reach: how large the batches were that the loss answered.
    """

    examples: int = 0
    passed: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    finding: Finding | None = None
    reach: Reach = field(default_factory=Reach)

    def plus(self, other: Tally) -> Tally:
        """Return the sum of both, with the other's finding."""
        return Tally(
            self.examples + other.examples,
            self.passed + other.passed,
            self.comparisons + other.comparisons,
            self.seconds + other.seconds,
            other.finding,
            self.reach.plus(other.reach),
        )

    def see(self, batch: AnyBatch) -> None:
        """Note a batch that the loss has answered."""
        self.reach = self.reach.plus(Reach.of(batch))


@dataclass(frozen=True)
class Run:
    """A run of Hypothesis over cases; it ends with the first case that is wrong.

    judge: returns how a case is wrong, or None, and counts its comparisons. A case is wrong, too,
        if the judge raises LossError. If it raises FatalLossError, the run ends at once, and
        nothing is shrunk. If it raises EndOfRun, the run ends, and the case is none.
    shrink: make the case small.
    progress: called once for each case tried.
    database: keeps what the run finds.
    is_large: the cases are large, so that shrinking ends after 300 cases at the latest.
    """

    judge: Callable[[Case, Tally], Finding | None]
    cases: SearchStrategy[Case]
    shrink: bool = True
    progress: Callable[[], None] | None = None
    database: ExampleDatabase | None = None
    is_large: bool = False

    def generate(self, examples: int, seed: str | None, *, skip_simplest: bool = False) -> Tally:
        """Draw this many new cases; equal seeds draw equal cases.

        skip_simplest: leave out the simplest case, with which Hypothesis begins every run.
        """
        settings = self._settings(Phase.generate, examples + skip_simplest)
        return self._finish(settings, seed, skip_simplest)

    def replay(self) -> Tally:
        """Try the cases that the database holds."""
        try:
            return self._finish(self._settings(Phase.reuse, MOST_REPLAYED), None, False)
        except (SkipTest, Unsatisfiable):  # it holds nothing that is still a case
            return Tally()

    def _settings(self, phase: Phase, examples: int) -> hypothesis.settings:
        return hypothesis.settings(
            max_examples=examples,
            database=self.database,
            deadline=None,
            derandomize=False,
            phases=[phase, Phase.shrink] if self.shrink else [phase],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
            backend="hypothesis",
        )

    def _finish(
        self, settings: hypothesis.settings, seed: str | None, skip_simplest: bool
    ) -> Tally:
        tally = Tally()
        skip = skip_simplest

        def probe(case: Case) -> None:
            nonlocal skip
            if skip:
                skip = False
            else:
                self._try(case, tally)

        test = hypothesis.given(self.cases)(probe)
        if seed is not None:
            test = hypothesis.seed(seed)(test)
        test = settings(test)  # last, because seeding turns the database off
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            try:
                test()
            except (_BrokenError, _FatalError) as broken:
                tally.finding = broken.finding
            except _EnoughError:
                pass  # `_try` has kept the smallest
            except EndOfRun:
                pass
            except (FlakyFailure, FlakyStrategyDefinition):
                assert tally.finding is not None
                tally.finding = _flaky(tally.finding)
            else:
                if tally.finding is not None:
                    tally.finding = _flaky(tally.finding)
        tally.seconds = time.perf_counter() - start
        return tally

    def _try(self, case: Case, tally: Tally) -> None:
        """Judge a case and count it. Raise the finding if it is wrong."""
        if self.is_large and tally.examples - tally.passed > MOST_SHRINKING:
            raise _EnoughError
        tally.examples += 1
        if self.progress is not None:
            self.progress()
        try:
            finding = self.judge(case, tally)
        except FatalLossError as error:
            raise _FatalError(Finding(case, str(error))) from error
        except LossError as error:
            finding = Finding(case, str(error))
        if finding is not None:
            before = tally.finding
            if not self.is_large or before is None or _size(finding) <= _size(before):
                tally.finding = finding
            raise _BrokenError(finding)
        if tally.finding is None:
            tally.passed += 1


def _size(finding: Finding) -> tuple[int, int, int]:
    """Return the numbers of images, of objects, and of all numbers of a finding's batches."""
    batches = finding.case.batches.values()
    return (
        sum(batch.images for batch in batches),
        sum(batch.positives for batch in batches),
        sum(batch.numbers for batch in batches),
    )


def _flaky(finding: Finding) -> Finding:
    """Add to a finding's message that the loss did not break the law when it was tried again."""
    return replace(finding, message=f"{finding.message}; not every time it is asked")
